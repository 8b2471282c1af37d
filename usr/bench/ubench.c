/* SPDX-License-Identifier: MIT */
/*
 * ubench: small micro-benchmarks of the Linux system-call interface.
 *
 *   ubench list                     names of the tests
 *   ubench all                      every test, in this process
 *   ubench [options] name...        the tests named
 *   ubench now                      the hart's time counter, in ns since reset
 *
 *   -m MS    shortest time measured (20)     -r N   repeats, the least counts (5)
 *   -n N     exactly N operations, no calibration
 *   -d DIR   where scratch files go (/tmp)   -t S   give a test up after S seconds (60)
 *
 * One line a test:      name<TAB>ns_per_op<TAB>iterations
 * A call is missing:    name<TAB>unsupported<TAB>errno
 * A test took too long: name<TAB>timeout<TAB>seconds   (and ubench ends, status 3)
 *
 * Under QEMU's -icount shift=0 one ns is one guest instruction.
 *
 * Build: riscv64-linux-gnu-gcc -std=gnu99 -O2 -Wall -Wextra -static -pthread ubench.c -o ubench
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096L
#define CHUNK 1024L			/* pages mapped at a time: 4 MiB */
#define STREAM 256L
#define KIB64 (64L * 1024)
#define FILE_SIZE (1024L * 1024)	/* of the file read and rewritten */

/* A test runs n operations and returns the ns they took, or -errno; `kind` is
 * from the table at the end, for tests that share a function. */
typedef int64_t test_fn(long n, long kind);
#define NO_KIND long kind __attribute__((unused))

struct test {
	const char *name;
	test_fn *run;
	long kind;
	long most;			/* most operations in one go; 0: no limit */
	void (*clean)(void);
	const char *what;		/* one operation is ... */
};

static const char *scratch = "/tmp";
static const char *self_path;

/* ---- helpers ------------------------------------------------------------ */

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t fail(void)
{
	return errno ? -errno : -EIO;
}

/* t = ns that n evaluations of `ok` take; one that is false ends the test. */
#define TIME(t, n, ok)						\
	do {							\
		t = now();					\
		for (long i_ = 0; i_ < (n); i_++)		\
			if (!(ok))				\
				return fail();			\
		t = now() - t;					\
	} while (0)

/* A system call with no libc around it, returning as libc's do. */
static inline long raw(long nr, long a, long b)
{
#ifdef __riscv
	register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a7 __asm__("a7") = nr;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
	if (a0 < 0 && a0 > -4096)
		errno = -a0, a0 = -1;
	return a0;
#else
	return syscall(nr, a, b);
#endif
}

static const char *in_scratch(const char *name)
{
	static char paths[2][512];
	static int which;
	which = !which;
	snprintf(paths[which], sizeof paths[which], "%s/%s", scratch, name);
	return paths[which];
}

/* A child that cannot outlive its parent; -1 with errno on failure. */
static pid_t fork_helper(void)
{
	pid_t pid = fork();
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void *map_anon(long pages, int flags)
{
	void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	madvise(p, pages * PAGE, MADV_NOHUGEPAGE);	/* 4 KiB faults; may be unknown */
	return p;
}

static void touch(volatile char *p, long pages)
{
	for (long i = 0; i < pages; i++)
		p[i * PAGE] = 1;
}

/* A scratch file of `size` bytes, opened and written once. */
static int make_file(const char *name, long size)
{
	static char block[65536];
	int fd = open(in_scratch(name), O_RDWR | O_CREAT | O_TRUNC, 0644);
	for (long left = size; fd >= 0 && left > 0; left -= sizeof block)
		if (write(fd, block, left < KIB64 ? left : KIB64) <= 0)
			return -1;
	return fd;
}

/* ---- system calls ------------------------------------------------------- */

static int64_t null_syscall(long n, long through_libc)
{
	int64_t t;
	if (through_libc)
		TIME(t, n, getpid() >= 0);
	else
		TIME(t, n, raw(SYS_getppid, 0, 0) >= 0);
	return t;
}

static int64_t device_byte(long n, long writing)
{
	char c = 0;
	int64_t t;
	int fd = open(writing ? "/dev/null" : "/dev/zero", O_RDWR);
	if (fd < 0)
		return fail();
	if (writing)
		TIME(t, n, write(fd, &c, 1) == 1);
	else
		TIME(t, n, read(fd, &c, 1) == 1);
	close(fd);
	return t;
}

static int64_t path_lookup(long n, long opening)
{
	struct stat st;
	int64_t t;
	int fd = make_file("ub_path", 1);
	const char *path = in_scratch("ub_path");
	if (fd < 0)
		return fail();
	close(fd);
	if (opening)
		TIME(t, n, (fd = open(path, O_RDONLY)) >= 0 && close(fd) == 0);
	else
		TIME(t, n, stat(path, &st) == 0);
	unlink(path);
	return t;
}

static int64_t clock_read(long n, long entering)
{
	struct timespec ts;
	int64_t t;
	if (entering)
		TIME(t, n, raw(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&ts) == 0);
	else
		TIME(t, n, clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return t;
}

static int64_t nanosleep_overshoot(long n, NO_KIND)
{
	const struct timespec wanted = {0, 1000000};
	int64_t t;
	TIME(t, n, nanosleep(&wanted, NULL) == 0);
	return t - n * 1000000LL;
}

/* ---- signals ------------------------------------------------------------ */

static volatile long signals_seen;
static char *guarded;

static void on_signal(int sig)
{
	(void)sig;
	signals_seen++;
}

static void on_fault(int sig)	/* the last fault is let through */
{
	(void)sig;
	if (--signals_seen == 0)
		mprotect(guarded, PAGE, PROT_READ | PROT_WRITE);
}

static int64_t sig_self(long n, long sending)
{
	struct sigaction sa = {.sa_handler = on_signal};
	int64_t t;
	pid_t me = getpid();
	signals_seen = 0;
	TIME(t, sending ? 1 : n, sigaction(SIGUSR1, &sa, NULL) == 0);
	if (sending)
		TIME(t, n, kill(me, SIGUSR1) == 0);
	return sending && signals_seen != n ? -EPROTO : t;
}

static int64_t sig_fault(long n, NO_KIND)
{
	struct sigaction sa = {.sa_handler = on_fault};
	guarded = map_anon(1, MAP_PRIVATE);
	if (!guarded)
		return fail();
	*guarded = 1;
	if (mprotect(guarded, PAGE, PROT_READ) < 0 || sigaction(SIGSEGV, &sa, NULL) < 0)
		return fail();
	signals_seen = n;
	int64_t t = now();
	*(volatile char *)guarded = 2;		/* faults n times */
	t = now() - t;
	sa.sa_handler = SIG_DFL;
	sigaction(SIGSEGV, &sa, NULL);
	munmap(guarded, PAGE);
	return t;
}

/* ---- switching and talking ---------------------------------------------- */

struct shared {
	volatile int turn, stop;
	volatile int64_t ns;
};

static int64_t yield_pingpong(long n, NO_KIND)
{
	cpu_set_t before, one;
	int pinned = sched_getaffinity(0, sizeof before, &before) == 0;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (pinned)
		pinned = sched_setaffinity(0, sizeof one, &one) == 0;
	if (sched_yield() < 0)
		return fail();
	struct shared *s = map_anon(1, MAP_SHARED);
	if (!s)
		return fail();
	pid_t pid = fork_helper();
	if (pid < 0)
		return fail();
	if (pid == 0) {
		while (!s->stop) {
			if (s->turn == 1)
				s->turn = 0;
			sched_yield();
		}
		_exit(0);
	}
	int64_t t = now();
	for (long i = 0; i < n; i++) {
		s->turn = 1;
		while (s->turn)
			sched_yield();
	}
	t = now() - t;
	s->stop = 1;
	waitpid(pid, NULL, 0);
	munmap(s, PAGE);
	if (pinned)
		sched_setaffinity(0, sizeof before, &before);
	return t;
}

/* A byte to a child and back, over two pipes or a socket pair. */
static int64_t byte_rtt(long n, long socket)
{
	int there[2], back[2];
	char c = 'x';
	if (socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, there) : pipe(there) || pipe(back))
		return fail();
	if (socket) {
		back[0] = dup(there[1]);
		back[1] = dup(there[0]);
	}
	pid_t pid = fork_helper();
	if (pid < 0)
		return fail();
	if (pid == 0) {
		close(there[1]);
		close(back[0]);
		while (read(there[0], &c, 1) == 1 && write(back[1], &c, 1) == 1)
			;
		_exit(0);
	}
	close(there[0]);
	close(back[1]);
	signal(SIGPIPE, SIG_IGN);
	int64_t t;
	TIME(t, n, write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1);
	close(there[1]);
	close(back[0]);
	waitpid(pid, NULL, 0);
	return t;
}

static int64_t pipe_bw(long n, NO_KIND)
{
	static char block[65536];
	int fd[2];
	if (pipe(fd) < 0)
		return fail();
	pid_t pid = fork_helper();
	if (pid < 0)
		return fail();
	if (pid == 0) {
		close(fd[1]);
		while (read(fd[0], block, sizeof block) > 0)
			;
		_exit(0);
	}
	close(fd[0]);
	signal(SIGPIPE, SIG_IGN);
	int64_t t, began = now();
	TIME(t, n, write(fd[1], block, KIB64) == KIB64);
	close(fd[1]);
	waitpid(pid, NULL, 0);
	return now() - began;
}

static int futex_word;
static long futex_turns;

static void futex_hand_over(int from, int to)
{
	__atomic_store_n(&futex_word, to, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	while (__atomic_load_n(&futex_word, __ATOMIC_SEQ_CST) != from)
		syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, to, NULL, NULL, 0);
}

static void *futex_partner(void *arg)
{
	while (__atomic_load_n(&futex_word, __ATOMIC_SEQ_CST) != 1)
		syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	for (long i = 1; i < futex_turns; i++)
		futex_hand_over(1, 0);
	__atomic_store_n(&futex_word, 0, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return arg;
}

static int64_t futex_rtt(long n, NO_KIND)
{
	pthread_t other;
	if (syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) < 0)
		return fail();
	futex_word = 0;
	futex_turns = n + 1;
	int e = pthread_create(&other, NULL, futex_partner, NULL);
	if (e)
		return -e;
	futex_hand_over(0, 1);
	int64_t t = now();
	for (long i = 0; i < n; i++)
		futex_hand_over(0, 1);
	t = now() - t;
	pthread_join(other, NULL);
	return t;
}

/* ---- processes and threads ---------------------------------------------- */

/* Writes the smallest static program there is, exit(0), and says where. */
static const char *tiny_program(void)
{
#ifdef __riscv
	static const uint32_t code[] = {
		0x05d00893,		/* li a7, 93 (exit) */
		0x00000513,		/* li a0, 0 */
		0x00000073,		/* ecall */
	};
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr p;
		uint32_t code[3];
	} image;
	const uint64_t base = 0x10000, start = sizeof image.e + sizeof image.p;
	memset(&image, 0, sizeof image);
	memcpy(image.e.e_ident, ELFMAG "\2\1\1", 7);
	image.e.e_type = ET_EXEC;
	image.e.e_machine = EM_RISCV;
	image.e.e_version = EV_CURRENT;
	image.e.e_entry = base + start;
	image.e.e_phoff = sizeof image.e;
	image.e.e_ehsize = sizeof image.e;
	image.e.e_phentsize = sizeof image.p;
	image.e.e_phnum = 1;
	image.p.p_type = PT_LOAD;
	image.p.p_flags = PF_R | PF_X;
	image.p.p_vaddr = image.p.p_paddr = base;
	image.p.p_filesz = image.p.p_memsz = start + sizeof code;
	image.p.p_align = PAGE;
	memcpy(image.code, code, sizeof code);

	const char *path = in_scratch("ub_tiny");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd < 0)
		return NULL;
	long got = write(fd, &image, start + sizeof code);
	close(fd);
	return got == (long)(start + sizeof code) ? path : NULL;
#else
	return "/bin/true";
#endif
}

static void tiny_clean(void)
{
	unlink(in_scratch("ub_tiny"));
}

/* Waits for pid; 1 if it exited with 0, else 0 with errno set. */
static int reaped(pid_t pid)
{
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	errno = ENOEXEC;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum way { FORK, VFORK, SPAWN };

static __attribute__((noinline)) pid_t start(enum way way, char *const argv[])
{
	pid_t pid;
	if (way == SPAWN) {
		int e = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
		errno = e;
		return e ? -1 : pid;
	}
	pid = way == VFORK ? vfork() : fork();
	if (pid == 0) {
		if (argv)
			execve(argv[0], argv, environ);
		_exit(argv != NULL);
	}
	return pid;
}

static int64_t start_and_wait(long n, enum way way, char *const argv[])
{
	int64_t t;
	TIME(t, n, reaped(start(way, argv)));
	return t;
}

static int64_t fork_exit(long n, NO_KIND)
{
	return start_and_wait(n, FORK, NULL);
}

static int64_t start_tiny(long n, long way)
{
	char *argv[] = {(char *)tiny_program(), NULL};
	return argv[0] ? start_and_wait(n, way, argv) : fail();
}

static int64_t start_big(long n, long shell)
{
	char *self[] = {(char *)self_path, "__exit", NULL}, *sh[] = {"/bin/sh", "-c", ":", NULL};
	if (shell && access(sh[0], X_OK) < 0)
		return fail();
	return start_and_wait(n, FORK, shell ? sh : self);
}

static void *thread_body(void *arg)
{
	return arg;
}

static int thread_lives(void)
{
	pthread_t other;
	errno = pthread_create(&other, NULL, thread_body, NULL);
	return !errno && pthread_join(other, NULL) == 0;
}

static int64_t thread_create(long n, NO_KIND)
{
	int64_t t;
	TIME(t, n, thread_lives());
	return t;
}

/* ---- memory ------------------------------------------------------------- */

static int64_t fault_anon(long n, long whole)	/* whole: with mmap and munmap */
{
	int64_t total = 0, began = now();
	for (long left = n; left > 0; left -= CHUNK) {
		long pages = left < CHUNK ? left : CHUNK;
		char *p = map_anon(pages, MAP_PRIVATE);
		if (!p)
			return fail();
		int64_t t = now();
		touch(p, pages);
		total += now() - t;
		munmap(p, pages * PAGE);
	}
	return whole ? now() - began : total;
}

/* Without advice: the kernel may give more at a fault than was asked for. Not
 * enough at a time for a huge page. */
static int64_t fault_stream(long n, NO_KIND)
{
	int64_t total = 0;
	for (long left = n; left > 0; left -= STREAM) {
		long pages = left < STREAM ? left : STREAM;
		char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return fail();
		int64_t t = now();
		touch(p, pages);
		total += now() - t;
		munmap(p, pages * PAGE);
	}
	return total;
}

static int64_t fault_cow(long n, NO_KIND)
{
	struct shared *s = map_anon(1, MAP_SHARED);
	int64_t total = 0;
	if (!s)
		return fail();
	for (long left = n; left > 0; left -= CHUNK) {
		long pages = left < CHUNK ? left : CHUNK;
		char *p = map_anon(pages, MAP_PRIVATE);
		if (!p)
			return fail();
		touch(p, pages);
		pid_t pid = fork_helper();
		if (pid == 0) {
			int64_t t = now();
			touch(p, pages);
			s->ns = now() - t;
			_exit(0);
		}
		if (!reaped(pid))
			return fail();
		total += s->ns;
		munmap(p, pages * PAGE);
	}
	munmap(s, PAGE);
	return total;
}

static int64_t fault_file(long n, long storing)
{
	int64_t total = 0;
	int fd = make_file("ub_map", CHUNK * PAGE);
	if (fd < 0)
		return fail();
	for (long left = n; left > 0; left -= CHUNK) {
		long pages = left < CHUNK ? left : CHUNK;
		volatile char *p = mmap(NULL, pages * PAGE, storing ? PROT_READ | PROT_WRITE : PROT_READ,
					storing ? MAP_SHARED : MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			return fail();
		int64_t t = now();
		for (long i = 0; i < pages && !storing; i++)
			(void)p[i * PAGE];
		if (storing)
			touch(p, pages);
		total += now() - t;
		munmap((void *)p, pages * PAGE);
	}
	close(fd);
	unlink(in_scratch("ub_map"));
	return total;
}

static int64_t mmap_munmap(long n, NO_KIND)
{
	int64_t t;
	void *p;
	TIME(t, n, (p = mmap(NULL, KIB64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0)) != MAP_FAILED && munmap(p, KIB64) == 0);
	return t;
}

static int64_t brk_grow(long n, NO_KIND)
{
	const long start = raw(SYS_brk, 0, 0);
	int64_t total = 0;
	if (start < 0)
		return fail();
	for (long left = n; left > 0; left -= CHUNK) {
		long pages = left < CHUNK ? left : CHUNK;
		int64_t t = now();
		for (long i = 1; i <= pages; i++)
			if (raw(SYS_brk, start + i * PAGE, 0) != start + i * PAGE)
				return -ENOMEM;
		total += now() - t;
		raw(SYS_brk, start, 0);
	}
	return total;
}

static int64_t memcpy_64k(long n, NO_KIND)
{
	static char from[65536], to[65536];
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;
	int64_t t;
	memset(from, 1, sizeof from);
	memset(to, 2, sizeof to);
	TIME(t, n, copy(to, from, sizeof to));
	return t;
}

/*
 * One operation is a million instructions, and three of the loop around them:
 * what is over is interruption. The clock moves every 100 ns: measured for so
 * long that it says less than one instruction.
 */
static int64_t cpu_loop(long n, NO_KIND)
{
	int64_t t = now();
	for (long i = 0; i < n; i++) {
		long turns = 500000;
#ifdef __riscv
		__asm__ volatile("1: addi %0, %0, -1; bnez %0, 1b" : "+r"(turns));
#else
		while (turns--)
			__asm__ volatile("");
#endif
	}
	return now() - t;
}

/* ---- files -------------------------------------------------------------- */

/* Reads (size > 0) or writes (size < 0) over and over the same cached MiB. */
static int64_t file_io(long n, long size)
{
	static char block[65536];
	const int writing = size < 0;
	size = size < 0 ? -size : size;
	int fd = make_file("ub_file", FILE_SIZE);
	long at = 0;
	int64_t t;
	if (fd < 0)
		return fail();
	TIME(t, n, (writing ? pwrite(fd, block, size, at) : pread(fd, block, size, at)) == size &&
		   (at = (at + size) % FILE_SIZE) >= 0);
	close(fd);
	unlink(in_scratch("ub_file"));
	return t;
}

static int file_lives(const char *path, long size)
{
	static char block[PAGE];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	return fd >= 0 && (!size || write(fd, block, size) == size) && close(fd) == 0 &&
	       unlink(path) == 0;
}

static int64_t create_unlink(long n, long size)
{
	const char *path = in_scratch("ub_new");
	int64_t t;
	TIME(t, n, file_lives(path, size));
	return t;
}

static int64_t seq_write_fsync(long n, NO_KIND)
{
	static char block[65536];
	const char *path = in_scratch("ub_seq");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return fail();
	int64_t t, began = now();
	TIME(t, n, write(fd, block, KIB64) == KIB64);
	if (fsync(fd) < 0)
		return fail();
	t = now() - began;
	close(fd);
	unlink(path);
	return t;
}

static int listing_ready;

static const char *listing_name(int i)
{
	char name[32];
	snprintf(name, sizeof name, "ub_dir/entry%04d", i);
	return in_scratch(name);
}

static int list_once(const char *path)
{
	int count = 0;
	DIR *d = opendir(path);
	while (d && readdir(d))
		count++;
	return d && closedir(d) == 0 && count >= 1000;
}

static int64_t readdir_1000(long n, NO_KIND)
{
	int64_t t;
	if (!listing_ready && mkdir(in_scratch("ub_dir"), 0755) < 0)
		return fail();
	for (int i = 0; i < 1000 && !listing_ready; i++) {
		int fd = open(listing_name(i), O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0)
			return fail();
		close(fd);
	}
	listing_ready = 1;
	const char *path = in_scratch("ub_dir");
	TIME(t, n, list_once(path));
	return t;
}

static void listing_clean(void)
{
	for (int i = 0; i < 1000; i++)
		unlink(listing_name(i));
	rmdir(in_scratch("ub_dir"));
	listing_ready = 0;
}

/* ---- the list, and running it ------------------------------------------- */

static const struct test tests[] = {
	{"null_syscall", null_syscall, 0, 0, NULL, "getppid, bare ecall"},
	{"getpid", null_syscall, 1, 0, NULL, "getpid through libc"},
	{"read_zero_1", device_byte, 0, 0, NULL, "read 1 byte of /dev/zero"},
	{"write_null_1", device_byte, 1, 0, NULL, "write 1 byte to /dev/null"},
	{"stat", path_lookup, 0, 0, NULL, "stat of a scratch file"},
	{"open_close", path_lookup, 1, 0, NULL, "open + close of it"},
	{"clock_gettime", clock_read, 0, 0, NULL, "clock_gettime through libc (vDSO)"},
	{"clock_gettime_syscall", clock_read, 1, 0, NULL, "clock_gettime, bare ecall"},
	{"nanosleep_overshoot", nanosleep_overshoot, 0, 50, NULL, "how late a 1 ms sleep ends"},
	{"sig_install", sig_self, 0, 0, NULL, "sigaction"},
	{"sig_deliver", sig_self, 1, 0, NULL, "kill(self) + handler + return"},
	{"sig_fault", sig_fault, 0, 0, NULL, "store to a read-only page + handler + return"},
	{"yield_pingpong", yield_pingpong, 0, 0, NULL, "there and back, 2 processes, hart 0"},
	{"pipe_rtt", byte_rtt, 0, 0, NULL, "1 byte there and back, 2 processes"},
	{"unix_rtt", byte_rtt, 1, 0, NULL, "the same over a socketpair"},
	{"futex_rtt", futex_rtt, 0, 0, NULL, "wake and wait, there and back, 2 threads"},
	{"pipe_bw_64k", pipe_bw, 0, 0, NULL, "64 KiB through a pipe"},
	{"fork_exit_wait", fork_exit, 0, 0, NULL, "fork + exit + wait"},
	{"fork_exec_wait", start_tiny, FORK, 0, tiny_clean, "fork + exec of exit(0) + wait"},
	{"vfork_exec_wait", start_tiny, VFORK, 0, tiny_clean, "the same with vfork"},
	{"spawn_wait", start_tiny, SPAWN, 0, tiny_clean, "the same with posix_spawn"},
	{"fork_exec_libc", start_big, 0, 0, NULL, "fork + exec of this program + wait"},
	{"fork_exec_sh", start_big, 1, 0, NULL, "fork + exec of /bin/sh -c : + wait"},
	{"thread_create_join", thread_create, 0, 0, NULL, "pthread_create + join"},
	{"fault_anon", fault_anon, 0, 0, NULL, "first store to an anonymous page"},
	{"fault_stream", fault_stream, 0, 0, NULL, "the same, 256 pages in order, without MADV_NOHUGEPAGE"},
	{"map_touch_unmap", fault_anon, 1, 0, NULL, "mmap + store + munmap, per page of 1024"},
	{"fault_cow", fault_cow, 0, 0, NULL, "first store to a page after fork, in the child"},
	{"fault_file", fault_file, 0, 0, NULL, "first load of a cached file page, in order"},
	{"fault_file_store", fault_file, 1, 0, NULL, "first store to one, MAP_SHARED"},
	{"mmap_munmap", mmap_munmap, 0, 0, NULL, "mmap + munmap of 64 KiB, untouched"},
	{"brk_grow", brk_grow, 0, 0, NULL, "brk one page up, untouched"},
	{"file_read_4k", file_io, PAGE, 0, NULL, "pread 4 KiB, cached"},
	{"file_read_64k", file_io, KIB64, 0, NULL, "pread 64 KiB, cached"},
	{"file_write_4k", file_io, -PAGE, 0, NULL, "pwrite 4 KiB over cached data"},
	{"create_unlink", create_unlink, 0, 0, NULL, "create + close + unlink, empty"},
	{"create_unlink_4k", create_unlink, PAGE, 0, NULL, "the same with 4 KiB written"},
	{"seq_write_fsync", seq_write_fsync, 0, 256, NULL, "64 KiB appended, one fsync at the end"},
	{"readdir_1000", readdir_1000, 0, 0, listing_clean, "list a directory of 1000"},
	{"memcpy_64k", memcpy_64k, 0, 0, NULL, "memcpy of 64 KiB"},
	{"cpu_loop", cpu_loop, 0, 0, NULL, "1,000,000 instructions of a loop"},
};

static long least_ms = 20, repeats = 5, fixed, limit_s = 60;
static const char *running;

static void on_alarm(int sig)
{
	char line[128];
	(void)sig;
	int len = snprintf(line, sizeof line, "%s\ttimeout\t%ld\n", running, limit_s);
	if (write(1, line, len) != len)
		_exit(4);
	_exit(3);
}

static void report(const struct test *t, int64_t ns, long n)
{
	if (ns < 0)
		printf("%s\tunsupported\t%d\n", t->name, (int)-ns);
	else
		printf("%s\t%.2f\t%ld\n", t->name, (double)ns / n, n);
	fflush(stdout);
}

static void run_test(const struct test *t)
{
	long n = fixed ? fixed : 1;
	long wanted_ms = t->run == cpu_loop ? 20 * least_ms : least_ms;
	struct sigaction sa = {.sa_handler = on_alarm};
	running = t->name;
	sigaction(SIGALRM, &sa, NULL);
	alarm(limit_s);

	errno = 0;
	int64_t ns = t->run(n, t->kind);
	while (ns >= 0 && !fixed && ns < wanted_ms * 1000000 && !(t->most && n >= t->most)) {
		double grow = ns > 0 ? wanted_ms * 1.2e6 / ns : 10;
		n = (long)(n * (grow > 10 ? 10 : grow < 1.2 ? 1.2 : grow)) + 1;
		if (t->most && n > t->most)
			n = t->most;
		ns = t->run(n, t->kind);
	}
	for (long i = 1; i < repeats && ns >= 0; i++) {
		int64_t again = t->run(n, t->kind);
		if (again < ns)
			ns = again;
	}
	alarm(0);
	if (t->clean)
		t->clean();
	report(t, ns, n);
}

static int usage(void)
{
	fprintf(stderr, "usage: ubench [-m ms] [-r repeats] [-n count] [-d dir] [-t s] list|all|now|name...\n");
	return 2;
}

int main(int argc, char **argv)
{
	const int count = sizeof tests / sizeof tests[0];
	int opt;

	if (argc == 2 && !strcmp(argv[1], "__exit"))
		return 0;
	self_path = strchr(argv[0], '/') ? argv[0] : "/proc/self/exe";
	while ((opt = getopt(argc, argv, "m:r:n:d:t:")) != -1) {
		switch (opt) {
		case 'm': least_ms = atol(optarg); break;
		case 'r': repeats = atol(optarg); break;
		case 'n': fixed = atol(optarg); break;
		case 'd': scratch = optarg; break;
		case 't': limit_s = atol(optarg); break;
		default: return usage();
		}
	}
	if (optind == argc)
		return usage();
	for (int a = optind; a < argc; a++) {
		int found = 0;
		if (!strcmp(argv[a], "now")) {
			unsigned long ticks = 0;	/* 10 MHz on QEMU virt */
#ifdef __riscv
			__asm__ volatile("rdtime %0" : "=r"(ticks));
#endif
			printf("now\t%lu\t1\n", ticks * 100);
			continue;
		}
		for (int i = 0; i < count; i++) {
			if (!strcmp(argv[a], "list")) {
				printf("%-24s%s\n", tests[i].name, tests[i].what);
				found = 1;
			} else if (!strcmp(argv[a], "all") || !strcmp(argv[a], tests[i].name)) {
				run_test(&tests[i]);
				found = 1;
			}
		}
		if (!found) {
			fprintf(stderr, "ubench: no test named %s\n", argv[a]);
			return 2;
		}
	}
	return 0;
}
