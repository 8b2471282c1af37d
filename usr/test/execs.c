/* SPDX-License-Identifier: MIT */
/*
 * execs.c - what execve(2) promises: what a new program finds, what it loses,
 * what cannot be run and why
 *
 * The program runs itself; "--child WORD" says what to look at.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

extern char **environ;
static char self[4096];

/* ---- In the new program -------------------------------------------------- */

static int look_at_start(char *argv[])
{
	uintptr_t sp = (uintptr_t)(argv - 1); /* argc lies there */
	const char *name = (const char *)getauxval(AT_EXECFN);
	const unsigned char *random = (void *)getauxval(AT_RANDOM);
	int sum = 0;

	check(sp % 16 == 0, "the stack is aligned");
	check(*(long *)sp == 4, "argc lies below argv");
	check(argv[4] == NULL && environ == argv + 5, "envp follows argv");
	check(strcmp(environ[0], "ONE=1") == 0 && environ[1] == NULL,
	      "envp is what was given");
	check(name && strcmp(name, self) == 0, "AT_EXECFN");
	for (int i = 0; i < 16; i++)
		sum |= random[i];
	check(random && sum, "AT_RANDOM");
	check(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_CLKTCK) == 100,
	      "AT_PAGESZ, AT_CLKTCK");
	check(getauxval(AT_PHENT) == sizeof(Elf64_Phdr) &&
		      getauxval(AT_PHNUM) > 2 && getauxval(AT_PHDR),
	      "program headers");
	check(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid(),
	      "AT_UID, AT_EGID");
	check(getauxval(AT_SECURE) == 0, "AT_SECURE");
	check(getauxval(AT_HWCAP) & 1 << ('c' - 'a'), "AT_HWCAP");
	check(getauxval(AT_SYSINFO_EHDR) &&
		      !memcmp((void *)getauxval(AT_SYSINFO_EHDR), ELFMAG, 4),
	      "there is a vDSO");
	/* Strings: arguments, then environment, end to end. */
	check(argv[1] == argv[0] + strlen(argv[0]) + 1 &&
		      environ[0] == argv[3] + strlen(argv[3]) + 1,
	      "strings lie end to end");
	return check_status();
}

static bool is_ignored(int signo)
{
	struct sigaction action;

	sigaction(signo, NULL, &action);
	return action.sa_handler == SIG_IGN;
}

static bool is_default(int signo)
{
	struct sigaction action;

	sigaction(signo, NULL, &action);
	return action.sa_handler == SIG_DFL;
}

static int look_at_inheritance(void)
{
	sigset_t set;
	stack_t stack;
	char name[32] = "";
	int fd = open("/proc/self/comm", O_RDONLY);

	check(is_default(SIGUSR1), "handlers are reset");
	check(is_ignored(SIGUSR2), "ignored signals stay ignored");
	sigprocmask(SIG_BLOCK, NULL, &set);
	check(sigismember(&set, SIGHUP), "the mask stays");
	sigpending(&set);
	check(sigismember(&set, SIGHUP), "pending signals too");
	sigaltstack(NULL, &stack);
	check(stack.ss_flags == SS_DISABLE, "no alternate stack");
	check(fcntl(100, F_GETFD) == -1 && fcntl(101, F_GETFD) == 0,
	      "close-on-exec");
	if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0)
		check(strcmp(name, "execs\n") == 0, "the thread's name");
	return check_status();
}

static int child_main(int argc, char *argv[])
{
	const char *what = argv[2];

	(void)argc;
	if (!strcmp(what, "start"))
		return look_at_start(argv);
	if (!strcmp(what, "inheritance"))
		return look_at_inheritance();
	if (!strcmp(what, "args"))
		return argc - 3; /* how many came */
	if (!strcmp(what, "pid"))
		return getpid() == atoi(argv[3]) && gettid() == getpid() ? 0
									 : 1;
	if (!strcmp(what, "bytes"))
		return strlen(argv[3]) == (size_t)atoi(argv[4]) ? 0 : 1;
	return 99;
}

/* ---- Running it ---------------------------------------------------------- */

/* Exit status of @argv as a child; 200 + errno if it could not be run. */
static int run(const char *path, char *const argv[], char *const envp[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(errno == ENOENT ? 202 : (200 + errno) & 0xff);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

static int run_self(const char *what, char *arg)
{
	char *argv[] = { self, "--child", (char *)what, arg, NULL };
	char *envp[] = { "ONE=1", NULL };

	return run(self, argv, envp);
}

/* errno of an execve() that must not work. */
__attribute__((noinline)) static int
exec_errno(const char *path, char *const argv[], char *const envp[])
{
	execve(path, argv, envp);
	return errno;
}

static void make_file(const char *name, const void *bytes, size_t size,
		      mode_t mode)
{
	int fd;

	unlink(name);
	fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, mode);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		check(false, "cannot write %s", name);
	close(fd);
	chmod(name, mode);
}

static void nothing(int signo)
{
	(void)signo;
}

static void test_start(void)
{
	char pid_text[16];
	int status;
	pid_t pid;

	check(run_self("start", "last argument") == 0, "start");
	pid = fork();
	if (pid == 0) {
		char *argv[] = { self, "--child", "inheritance", NULL };
		stack_t stack = { .ss_sp = malloc(16384), .ss_size = 16384 };
		sigset_t set;

		signal(SIGUSR1, nothing);
		signal(SIGUSR2, SIG_IGN);
		sigaltstack(&stack, NULL);
		sigemptyset(&set);
		sigaddset(&set, SIGHUP);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGHUP);
		dup3(1, 100, O_CLOEXEC);
		dup2(1, 101);
		execv(self, argv);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "inheritance");

	pid = fork();
	if (pid == 0) {
		char *argv[] = { self, "--child", "pid", pid_text, NULL };

		snprintf(pid_text, sizeof(pid_text), "%d", getpid());
		execv(self, argv);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "the pid stays");
}

/* ---- From a thread ------------------------------------------------------- */

static void *exec_in_thread(void *arg)
{
	char *argv[] = { self, "--child", "pid", arg, NULL };

	execv(self, argv);
	return NULL;
}

static void *spin(void *arg)
{
	while (++*(volatile unsigned long *)arg)
		;
	return NULL;
}

static void test_threads(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		static unsigned long counter;
		static char pid_text[16];
		pthread_t thread;

		snprintf(pid_text, sizeof(pid_text), "%d", getpid());
		pthread_create(&thread, NULL, spin, &counter);
		pthread_create(&thread, NULL, exec_in_thread, pid_text);
		pthread_join(thread, NULL);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "exec by one thread ends the others, the pid stays");
}

/* ---- Scripts ------------------------------------------------------------- */

static void make_script(const char *name, const char *text)
{
	make_file(name, text, strlen(text), 0755);
}

static void test_scripts(void)
{
	char *argv[] = { "zero", "one", "two", NULL };
	char *envp[] = { NULL };
	char text[5000];

	snprintf(text, sizeof(text), "#!%s --child\n", self);
	make_script("script", text);
	check(run("./script", argv, envp) == 99, "a script is run");
	/* self "--child" ./script one two: what is "./script". */
	snprintf(text, sizeof(text), "#!  %s \t --child  \nrest", self);
	make_script("script", text);
	check(run("./script", argv, envp) == 99, "blanks around the words");
	make_script("args", text);
	check(run("args", argv, envp) == 2, "the script's name and arguments");
	unlink("args");

	make_script("script", "#!/nothing/here\n");
	check(exec_errno("./script", argv, envp) == ENOENT, "no interpreter");
	make_script("script", "#!   \n");
	check(exec_errno("./script", argv, envp) == ENOEXEC,
	      "no name of an interpreter");
	memset(text, 'x', 300);
	memcpy(text, "#!/", 3);
	text[300] = 0;
	make_script("script", text);
	check(exec_errno("./script", argv, envp) == ENOEXEC,
	      "a name that is cut off");
	make_script("script", "#!./script\n");
	check(exec_errno("./script", argv, envp) == ELOOP,
	      "a script that is its own interpreter");

	snprintf(text, sizeof(text), "#!%s --child\n", self);
	make_script("args", text);
	make_script("s1", "#!args\n");
	make_script("s2", "#!s1\n");
	make_script("s3", "#!s2 word\n");
	/* self --child args s1 s2 word s3 one two */
	check(run("./s3", argv, envp) == 6, "scripts run by scripts");
	unlink("args");
	unlink("s1");
	unlink("s2");
	unlink("s3");
	unlink("script");
}

/* ---- What cannot be run -------------------------------------------------- */

static int exec_as_nobody(void)
{
	char *argv[] = { self, "--child", "args", NULL };

	if (geteuid() == 0 && setresuid(65534, 65534, 65534))
		return 1;
	return run("./no-read", argv, NULL) == 0 &&
			       run("./no-exec", argv, NULL) == 200 + EACCES
		       ? 0
		       : 1;
}

static void copy_self(const char *name, mode_t mode)
{
	int from = open(self, O_RDONLY);
	struct stat st;
	void *bytes;

	fstat(from, &st);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	make_file(name, bytes, (size_t)st.st_size, mode);
	munmap(bytes, (size_t)st.st_size);
	close(from);
}

static void test_errors(void)
{
	char *argv[] = { "x", NULL };
	char *envp[] = { NULL };
	/* The compiler must not know that nothing is there. */
	char *volatile nothing_there = (char *)8;
	char *wild[] = { nothing_there, NULL };
	int fd, status;
	pid_t pid;

	check(exec_errno("/nothing/here", argv, envp) == ENOENT, "ENOENT");
	check(exec_errno("", argv, envp) == ENOENT, "the empty name");
	check(exec_errno("/", argv, envp) == EACCES, "a directory: EACCES");
	check(exec_errno("/dev/null", argv, envp) == EACCES,
	      "a device: EACCES");
	check(exec_errno(nothing_there, argv, envp) == EFAULT,
	      "bad name: EFAULT");
	check(exec_errno(self, (char **)nothing_there, envp) == EFAULT,
	      "bad argv: EFAULT");
	check(exec_errno(self, wild, envp) == EFAULT, "bad argument: EFAULT");
	check(exec_errno(self, argv, wild) == EFAULT, "bad envp: EFAULT");

	make_file("text", "hello\n", 6, 0755);
	check(exec_errno("./text", argv, envp) == ENOEXEC, "text: ENOEXEC");
	make_file("text", "", 0, 0755);
	check(exec_errno("./text", argv, envp) == ENOEXEC, "empty: ENOEXEC");
	make_file("text", "\177ELF", 4, 0755);
	check(exec_errno("./text", argv, envp) == ENOEXEC, "4 bytes: ENOEXEC");
	unlink("text");
	check(exec_errno("./text/x", argv, envp) == ENOENT, "ENOENT inside");

	copy_self("no-exec", 0644);
	check(exec_errno("./no-exec", argv, envp) == EACCES,
	      "not executable: EACCES, for root too");
	copy_self("no-read", 0711);
	pid = fork();
	if (pid == 0)
		_exit(exec_as_nobody());
	waitpid(pid, &status, 0);
	check(status == 0, "execution needs no right to read");

	fd = open("./no-read", O_WRONLY);
	check(exec_errno("./no-read", argv, envp) == ETXTBSY,
	      "open for writing: ETXTBSY");
	close(fd);
	unlink("no-exec");
	unlink("no-read");
	check(open(self, O_WRONLY) == -1 && errno == ETXTBSY,
	      "a running program cannot be written");
}

static void test_limits(void)
{
	size_t size = 128 * 1024;
	char *big = malloc(size + 2), number[16];
	char *argv[] = { self, "--child", "bytes", big, number, NULL };
	char *envp[] = { NULL };
	char **many;

	memset(big, 'b', size + 1);
	big[size - 1] = 0;
	snprintf(number, sizeof(number), "%zu", size - 1);
	check(run(self, argv, envp) == 0, "a string of 128 KiB");
	big[size - 1] = 'b';
	big[size] = 0;
	check(exec_errno(self, argv, envp) == E2BIG, "one more: E2BIG");

	big[1000] = 0;
	many = calloc(3000, sizeof(*many));
	many[0] = self;
	many[1] = "--child";
	many[2] = "args";
	for (int i = 3; i < 1003; i++)
		many[i] = big;
	check(run(self, many, envp) == 1000 % 256, "a megabyte of arguments");
	for (int i = 3; i < 2999; i++)
		many[i] = big;
	check(exec_errno(self, many, envp) == E2BIG, "three: E2BIG");
	free(many);
	free(big);

	char *none[] = { NULL };
	int status = run("/bin/true", none, envp);
	check(status == 202 || status < 128, "no argv[0] at all");
}

/* ---- execveat ------------------------------------------------------------ */

static int exec_at(int dirfd, const char *name, int flags)
{
	char *argv[] = { self, "--child", "args", "x", NULL };
	char *envp[] = { NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		syscall(SYS_execveat, dirfd, name, argv, envp, flags);
		_exit(200 + errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void test_execveat(void)
{
	int fd = open(self, O_RDONLY | O_CLOEXEC);
	int path_fd = open(self, O_PATH);
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	check(exec_at(fd, "", AT_EMPTY_PATH) == 1, "a descriptor is run");
	check(exec_at(path_fd, "", AT_EMPTY_PATH) == 1, "with O_PATH too");
	check(exec_at(fd, "", 0) == 200 + ENOENT, "not without AT_EMPTY_PATH");
	check(exec_at(-1, "x", 0) == 200 + EBADF, "EBADF");
	check(exec_at(fd, "x", 0) == 200 + ENOTDIR, "ENOTDIR");
	check(exec_at(fd, "x", 0x8000) == 200 + EINVAL, "EINVAL");
	check(symlink(self, "link") == 0 && exec_at(dir, "link", 0) == 1,
	      "relative to a directory");
	check(exec_at(dir, "link", AT_SYMLINK_NOFOLLOW) == 200 + ELOOP,
	      "AT_SYMLINK_NOFOLLOW");
	unlink("link");
	int memory = memfd_create("program", MFD_CLOEXEC);
	struct stat st;
	fstat(fd, &st);
	check(sendfile(memory, fd, NULL, (size_t)st.st_size) == st.st_size &&
		      exec_at(memory, "", AT_EMPTY_PATH) == 1,
	      "a program that is only in memory");
	close(memory);
	close(fd);
	close(path_fd);
	close(dir);
}

/* ---- Broken files -------------------------------------------------------- */

#define NUM_MUTANTS 200

static unsigned int random_state = 1;

static unsigned int next_random(void)
{
	random_state = random_state * 1103515245 + 12345;
	return random_state >> 8;
}

/* Flip some bits in the headers, or cut the file: whatever happens, it
 * happens to the child alone. */
static void test_broken(void)
{
	char *argv[] = { "mutant", "--child", "args", NULL };
	char *envp[] = { NULL };
	int from = open(self, O_RDONLY);
	unsigned int ran = 0, refused = 0, died = 0;
	struct rlimit no_core = { 0, 0 };
	struct stat st;
	char *bytes;

	setrlimit(RLIMIT_CORE, &no_core);
	fstat(from, &st);
	bytes = malloc((size_t)st.st_size);
	for (int i = 0; i < NUM_MUTANTS; i++) {
		size_t size = (size_t)st.st_size;
		int flips = 1 + (int)next_random() % 4;
		int status;
		pid_t pid;

		if (pread(from, bytes, size, 0) != (ssize_t)size)
			break;
		while (flips--)
			bytes[next_random() % (64 + 56 * 8)] ^=
				(char)(1 << next_random() % 8);
		if (i % 4 == 0)
			size = next_random() % 4096;
		make_file("mutant", bytes, size, 0755);
		pid = fork();
		if (pid == 0) {
			alarm(5);
			close(1);
			execve("./mutant", argv, envp);
			_exit(200);
		}
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status))
			died++;
		else if (WEXITSTATUS(status) == 200)
			refused++;
		else
			ran++;
	}
	check(ran + refused + died == NUM_MUTANTS,
	      "broken files: %u ran, %u refused, %u died", ran, refused, died);
	unlink("mutant");
	free(bytes);
	close(from);
}

int main(int argc, char *argv[])
{
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return 2;
	self[len] = 0;
	if (argc > 2 && !strcmp(argv[1], "--child"))
		return child_main(argc, argv);
	test_start();
	test_threads();
	test_scripts();
	test_errors();
	test_limits();
	test_execveat();
	test_broken();
	return check_status();
}
