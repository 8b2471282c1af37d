/* SPDX-License-Identifier: MIT */
/*
 * procfs.c - what programs parse in /proc, and what its links lead to
 *
 * Groups: the process's own numbers, memory, links and descriptors; processes
 * that end; files about the system; files that can be written. Source: proc(5).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

static char text[65536];

/* The whole file as a string; its length, or -1 with errno. */
static ssize_t read_file(const char *name)
{
	int fd = open(name, O_RDONLY);
	size_t len = 0;
	ssize_t got = -1;

	text[0] = '\0';
	if (fd < 0)
		return -1;
	while (len < sizeof(text) - 1 &&
	       (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(fd);
	return got < 0 ? -1 : (ssize_t)len;
}

/* Write @value; 0 or errno. */
static int write_file(const char *name, const char *value)
{
	int fd = open(name, O_WRONLY);
	int err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		err = errno;
	close(fd);
	return err;
}

static bool has(const char *part)
{
	return strstr(text, part) != NULL;
}

static bool link_is(const char *name, const char *target)
{
	char buf[4096];
	ssize_t len = readlink(name, buf, sizeof(buf) - 1);

	if (len < 0)
		return false;
	buf[len] = '\0';
	return !strcmp(buf, target);
}

/* ---- Numbers ---- */

static void test_stat(void)
{
	char *rest, state;
	long field[50] = { 0 };
	int n = 0, pid = 0;

	prctl(PR_SET_NAME, "a) b (c");
	check(read_file("/proc/self/stat") > 0, "stat can be read");
	check(sscanf(text, "%d ", &pid) == 1 && pid == getpid() &&
		      has("(a) b (c) "),
	      "pid, and a name with blanks and parentheses");
	rest = strrchr(text, ')');
	state = rest ? rest[2] : '?';
	rest = rest ? rest + 3 : text;
	for (char *word = strtok(rest, " \n"); word && n < 50;
	     word = strtok(NULL, " \n"))
		field[n++] = (long)strtoull(word, NULL, 10);
	check(n == 49, "52 fields in all (%d)", n + 3);
	check(state == 'R', "we are running");
	check(field[0] == getppid() && field[1] == getpgrp() &&
		      field[2] == getsid(0),
	      "parent, group, session");
	check(field[16] == 1, "one thread");
	check(field[19] > 100000 && field[20] > 10, "vsize, rss");
	check((unsigned long)&n < (unsigned long)field[24] &&
		      (unsigned long)field[24] - (unsigned long)&n < 0x100000,
	      "startstack is above our stack");
	check(field[34] == SIGCHLD, "exit signal");
}

static void test_status(void)
{
	static const char *const fields[] = {
		"Name:\t",
		"Umask:\t",
		"State:\tR (running)\n",
		"Tgid:\t",
		"Pid:\t",
		"PPid:\t",
		"TracerPid:\t0\n",
		"Uid:\t",
		"Gid:\t",
		"FDSize:\t",
		"Groups:\t",
		"VmPeak:\t",
		"VmSize:\t",
		"VmRSS:\t",
		"VmData:\t",
		"VmStk:\t",
		"Threads:\t1\n",
		"SigQ:\t",
		"SigPnd:\t",
		"ShdPnd:\t",
		"SigBlk:\t",
		"SigIgn:\t",
		"SigCgt:\t",
		"CapInh:\t",
		"CapPrm:\t",
		"CapEff:\t",
		"CapBnd:\t",
		"CapAmb:\t",
		"NoNewPrivs:\t",
		"Seccomp:\t",
		"Cpus_allowed:\t",
		"Cpus_allowed_list:\t",
		"voluntary_ctxt_switches:\t",
		"nonvoluntary_ctxt_switches:\t",
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR2, SIG_IGN);
	read_file("/proc/self/status");
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!has(fields[i]))
			check(false, "status has %s", fields[i]);
	check(has("Name:\ta) b (c\n"), "status: the name as it is");
	check(has("ShdPnd:\t0000000000000200\n"), "a pending signal shows");
	check(has("SigBlk:\t0000000000000200\n"), "a blocked one");
	check(has("SigIgn:\t0000000000000800\n") ||
		      has("SigIgn:\t0000000000001800\n"),
	      "an ignored one");
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	check(read_file("/proc/self/statm") > 0 &&
		      sscanf(text, "%*d %*d %*d %*d %*d %*d %*d") == 0,
	      "statm");
	check(read_file("/proc/self/limits") > 0 && has("Max open files ") &&
		      has("Max stack size "),
	      "limits");
}

/* ---- Memory ---- */

static void test_maps(void)
{
	char *line, *next, path[4096];
	unsigned long start, end;
	bool stack = false, heap = false, vdso = false, self = false;
	bool columns = true;

	if (!sbrk(4096))
		check(false, "sbrk");
	path[readlink("/proc/self/exe", path, sizeof(path) - 1)] = '\0';
	read_file("/proc/self/maps");
	for (line = text; *line; line = next) {
		char perms[8] = "";
		const char *name;

		next = strchr(line, '\n');
		if (!next)
			break;
		*next++ = '\0';
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3 ||
		    strlen(perms) != 4)
			columns = false;
		name = strlen(line) > 73 ? line + 73 : "";
		if (strlen(line) > 73 && line[72] != ' ')
			columns = false;
		heap |= !strcmp(name, "[heap]");
		vdso |= !strcmp(name, "[vdso]");
		self |= !strcmp(name, path);
		if (!strcmp(name, "[stack]"))
			stack = start <= (unsigned long)&line &&
				(unsigned long)&line < end;
	}
	check(columns, "maps: addresses, permissions, name at column 73");
	check(stack, "[stack] holds our stack pointer");
	check(heap && vdso && self, "[heap], [vdso] and the program");
	check(read_file("/proc/self/smaps") > 0 && has("Rss:") &&
		      has("Private_Dirty:") && has("VmFlags:"),
	      "smaps");
}

static void test_mem(void)
{
	static char word[] = "before";
	int fd = open("/proc/self/mem", O_RDWR);
	char *page =
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[16] = "";

	check(fd >= 0, "mem opens");
	check(pread(fd, buf, 7, (off_t)word) == 7 && !strcmp(buf, "before"),
	      "mem reads our memory");
	check(pwrite(fd, "after!", 6, (off_t)word) == 6 &&
		      !strcmp(word, "after!"),
	      "and writes it");
	check(pwrite(fd, "x", 1, (off_t)page) == 1 && page[0] == 'x',
	      "also where we may not write");
	munmap(page, 4096);
	check(pread(fd, buf, 1, (off_t)page) == -1 && errno == EIO,
	      "what is not mapped: EIO");
	close(fd);
}

/* Eight bytes a page: bit 63 says that there is a frame, 61 that it is a
 * file's; the low bits are its number. */
static void test_pagemap(void)
{
	enum { PRESENT = 63, FILE_PAGE = 61 };
	uint64_t entry[3] = { 0 }, code = 0, half = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);
	volatile char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	off_t at = (off_t)((uintptr_t)page / 4096 * 8);

	page[0] = page[2 * 4096] = 1;
	check(fd >= 0 && pread(fd, entry, 24, at) == 24 &&
		      entry[0] >> PRESENT && !entry[1] && entry[2] >> PRESENT,
	      "pagemap: touched pages are there");
	check((entry[0] & 0xffffffff) && (entry[2] & 0xffffffff) &&
		      (entry[0] & 0xffffffff) != (entry[2] & 0xffffffff),
	      "pagemap: each has a frame");
	check(pread(fd, &code, 8, (off_t)((uintptr_t)read_file / 4096 * 8)) ==
			      8 &&
		      code >> PRESENT && (code >> FILE_PAGE & 1) &&
		      !(entry[0] >> FILE_PAGE & 1),
	      "pagemap: code is a file's");
	check(pread(fd, &half, 8, at + 4) < 0 && errno == EINVAL,
	      "pagemap: between two entries");
	check(pread(fd, &half, 4, at) < 0 && errno == EINVAL,
	      "pagemap: half an entry");
	munmap((void *)page, 3 * 4096);
	close(fd);
}

static void test_strings(int argc, char **argv)
{
	ssize_t len;
	unsigned long auxv[64];
	int fd;
	bool page_size = false;

	(void)argc;
	len = read_file("/proc/self/cmdline");
	check(len > 0 && !strcmp(text, argv[0]) && text[len - 1] == '\0',
	      "cmdline: arguments with their NULs");
	check(read_file("/proc/self/environ") >= 0, "environ");
	fd = open("/proc/self/auxv", O_RDONLY);
	len = read(fd, auxv, sizeof(auxv));
	close(fd);
	for (ssize_t i = 0; i + 1 < len / 8; i += 2)
		page_size |= auxv[i] == 6 && auxv[i + 1] == 4096;
	check(page_size, "auxv: AT_PAGESZ is 4096");
}

/* ---- Links and descriptors ---- */

static void test_links(void)
{
	char self[64], name[64], cwd[4096];
	struct stat a, b;
	int fd, pipes[2];
	DIR *dir;
	int found = 0;

	snprintf(self, sizeof(self), "%d", getpid());
	check(link_is("/proc/self", self), "self");
	snprintf(self, sizeof(self), "%d/task/%d", getpid(), getpid());
	check(link_is("/proc/thread-self", self), "thread-self");
	if (!getcwd(cwd, sizeof(cwd)))
		return;
	check(link_is("/proc/self/cwd", cwd) && link_is("/proc/self/root", "/"),
	      "cwd, root");

	fd = open("/tmp/procfs-test", O_CREAT | O_RDWR, 0600);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	check(link_is(name, "/tmp/procfs-test"), "fd: the file's name");
	check(lstat(name, &a) == 0 && S_ISLNK(a.st_mode) &&
		      (a.st_mode & 0777) == 0700,
	      "fd: the link's mode says how it is open");
	unlink("/tmp/procfs-test");
	check(link_is(name, "/tmp/procfs-test (deleted)"), "fd: deleted");
	check(stat(name, &a) == 0 && fstat(fd, &b) == 0 && a.st_ino == b.st_ino,
	      "fd: the link leads to the file all the same");
	dir = opendir("/proc/self/fd");
	for (struct dirent *e; dir && (e = readdir(dir));)
		found += atoi(e->d_name) == fd && e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	check(found == 1, "fd: is listed");
	lseek(fd, 5, SEEK_SET);
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	check(read_file(name) > 0 && has("pos:\t5\n") && has("flags:\t0"),
	      "fdinfo: position and flags");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	close(fd);
	check(lstat(name, &a) == -1 && errno == ENOENT, "fd: gone when closed");

	if (pipe(pipes))
		return;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", pipes[0]);
	fstat(pipes[0], &a);
	snprintf(self, sizeof(self), "pipe:[%lu]", (unsigned long)a.st_ino);
	check(link_is(name, self), "fd: pipe:[inode]");
	fd = open(name, O_WRONLY);
	check(fd >= 0 && write(fd, "x", 1) == 1 && read(pipes[0], self, 1) == 1,
	      "fd: opening the link opens the pipe, the other way round");
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	check(readlink("/proc/self/ns/pid", self, sizeof(self)) > 5 &&
		      !strncmp(self, "pid:[", 5),
	      "ns/pid");
}

/* ---- Other processes ---- */

static void test_end(void)
{
	char name[64];
	pid_t pid = fork();
	int dir, fd;

	if (!pid)
		for (;;)
			pause();
	snprintf(name, sizeof(name), "/proc/%d", pid);
	dir = open(name, O_RDONLY | O_DIRECTORY);
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	fd = open(name, O_RDONLY);
	check(dir >= 0 && fd >= 0, "a child's directory and stat open");
	kill(pid, SIGKILL);
	while (read_file(name) > 0 && !has(") Z "))
		usleep(1000);
	check(has(") Z "), "a zombie is in state Z");
	snprintf(name, sizeof(name), "/proc/%d/cmdline", pid);
	check(read_file(name) == 0, "its cmdline is empty");
	waitpid(pid, NULL, 0);
	check(read(fd, text, 10) == -1 && errno == ESRCH,
	      "reading of one that is gone: ESRCH");
	check(openat(dir, "stat", O_RDONLY) == -1 &&
		      (errno == ENOENT || errno == ESRCH),
	      "opening in its directory fails");
	check(access(name, F_OK) == -1 && errno == ENOENT,
	      "its name is gone: ENOENT");
	close(fd);
	close(dir);
}

static pid_t thread_tid;

static void *thread_main(void *unused)
{
	char name[64];

	(void)unused;
	thread_tid = (pid_t)syscall(SYS_gettid);
	snprintf(name, sizeof(name), "/proc/self/task/%d/comm", thread_tid);
	prctl(PR_SET_NAME, "worker");
	check(read_file(name) > 0 && !strcmp(text, "worker\n"),
	      "a thread's name");
	snprintf(name, sizeof(name), "/proc/self/task/%d/stat", thread_tid);
	check(read_file(name) > 0 && atoi(text) == thread_tid,
	      "a thread's stat");
	read_file("/proc/self/status");
	check(has("Threads:\t2\n"), "status counts two threads");
	return NULL;
}

static int count_tasks(void)
{
	DIR *dir = opendir("/proc/self/task");
	int count = 0;

	for (struct dirent *e; dir && (e = readdir(dir));)
		count += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

static void test_threads(void)
{
	pthread_t thread;
	char name[64];

	if (pthread_create(&thread, NULL, thread_main, NULL)) {
		check(false, "a thread can be made");
		return;
	}
	pthread_join(thread, NULL);
	/* A thread is joined when it has told so, a little before it is gone. */
	while (count_tasks() > 1)
		sched_yield();
	check(count_tasks() == 1, "task lists what lives");
	snprintf(name, sizeof(name), "/proc/self/task/%d", thread_tid);
	check(access(name, F_OK) == -1, "an ended thread is gone");
}

/* ---- The system ---- */

static void test_system(void)
{
	struct statfs fs;
	struct utsname uts;
	DIR *dir = opendir("/proc");
	bool one = false, self = false;
	long a = 0, b = 0, c = 0;

	check(statfs("/proc", &fs) == 0 && fs.f_type == 0x9fa0,
	      "statfs: PROC_SUPER_MAGIC");
	for (struct dirent *e; dir && (e = readdir(dir));) {
		one |= !strcmp(e->d_name, "1");
		self |= !strcmp(e->d_name, "self");
	}
	if (dir)
		closedir(dir);
	check(one && self, "1 and self are listed");
	check(read_file("/proc/meminfo") > 0 &&
		      sscanf(text,
			     "MemTotal: %ld kB\nMemFree: %ld kB\n"
			     "MemAvailable: %ld kB\n",
			     &a, &b, &c) == 3 &&
		      a > b && b > 0 && c > 0 && has("Shmem:") &&
		      has("SReclaimable:") && has("SwapTotal:"),
	      "meminfo");
	check(read_file("/proc/stat") > 0 && !strncmp(text, "cpu  ", 5) &&
		      has("\ncpu0 ") && has("\nintr ") && has("\nctxt ") &&
		      has("\nbtime ") && has("\nprocesses ") &&
		      has("\nprocs_running ") && has("\nprocs_blocked "),
	      "stat");
	check(read_file("/proc/uptime") > 0 &&
		      sscanf(text, "%ld.%*d %ld.%*d\n", &a, &b) == 2,
	      "uptime");
	check(read_file("/proc/loadavg") > 0 &&
		      sscanf(text, "%*d.%*d %*d.%*d %*d.%*d %ld/%ld %ld", &a,
			     &b, &c) == 3 &&
		      b >= a,
	      "loadavg");
	uname(&uts);
	check(read_file("/proc/sys/kernel/osrelease") > 0 &&
		      !strncmp(text, uts.release, strlen(uts.release)),
	      "osrelease is uname's");
	check(read_file("/proc/version") > 0 && has(uts.release), "version");
	check(read_file("/proc/filesystems") > 0 && has("nodev\tproc\n") &&
		      has("nodev\ttmpfs\n"),
	      "filesystems");
	check(read_file("/proc/mounts") > 0 && has(" /proc proc rw,"),
	      "mounts");
	check(read_file("/proc/self/mountinfo") > 0 && has(" / /proc rw,") &&
		      has(" - proc "),
	      "mountinfo");
	check(read_file("/proc/sys/kernel/random/uuid") == 37 &&
		      text[14] == '4',
	      "uuid");
	check(read_file("/proc/no-such-file") == -1 && errno == ENOENT &&
		      read_file("/proc/0") == -1 && errno == ENOENT &&
		      read_file("/proc/01") == -1 && errno == ENOENT,
	      "other names: ENOENT");
	check(mkdir("/proc/x", 0700) == -1 && errno == ENOENT &&
		      open("/proc/x", O_CREAT | O_RDWR, 0600) == -1 &&
		      errno == ENOENT,
	      "nothing can be made in it");
}

static void test_writing(void)
{
	check(write_file("/proc/self/comm", "renamed") == 0 &&
		      read_file("/proc/self/comm") > 0 &&
		      !strcmp(text, "renamed\n"),
	      "comm can be written");
	check(write_file("/proc/self/comm", "two\nlines\n") == 0 &&
		      read_file("/proc/self/status") > 0 &&
		      has("Name:\ttwo\\nlines\\n\nUmask"),
	      "status has it on one line");
	check(write_file("/proc/self/oom_score_adj", "500") == 0 &&
		      read_file("/proc/self/oom_score_adj") > 0 &&
		      !strcmp(text, "500\n"),
	      "oom_score_adj can be written");
	check(write_file("/proc/self/oom_score_adj", "1001") == EINVAL,
	      "but not to 1001: EINVAL");
	check(write_file("/proc/self/stat", "x") == EACCES || geteuid() == 0,
	      "stat cannot be written");
}

static void test_pieces(void)
{
	char whole[4096], pieces[4096];
	int fd = open("/proc/self/limits", O_RDONLY);
	ssize_t len = read(fd, whole, sizeof(whole));
	ssize_t at = 0;

	lseek(fd, 0, SEEK_SET);
	while (at < len && read(fd, pieces + at, 1) == 1)
		at++;
	check(at == len && !memcmp(whole, pieces, (size_t)len),
	      "a file read byte by byte is the same");
	check(pread(fd, pieces, 10, 5) == 10 && !memcmp(whole + 5, pieces, 10),
	      "pread in the middle");
	check(read(fd, pieces, 1) == 0, "then the end");
	close(fd);
}

int main(int argc, char **argv)
{
	test_stat();
	test_status();
	test_maps();
	test_mem();
	test_pagemap();
	test_strings(argc, argv);
	test_links();
	test_end();
	test_threads();
	test_system();
	test_writing();
	test_pieces();
	return check_status();
}
