/* SPDX-License-Identifier: MIT */
/*
 * efault.c - a wild pointer given to the kernel is an error, never harm
 *
 * Idea: one line a pointer argument. Every line is a call that would succeed
 * but for BAD, which is replaced in turn by addresses of several kinds: not
 * mapped, the kernel's image, its memory, a page without rights, the very top.
 * Each must give EFAULT. Checked against Linux by running it there as root.
 *
 * Not here, because Linux does not look at them when called: the addresses of
 * mmap(2) and its kin (which name no data), set_tid_address(2),
 * set_robust_list(2) and clone(2)'s tid pointers (used later, at an exit, and
 * then ignored when bad), and reboot(2)'s command.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#ifndef SYS_riscv_hwprobe
#define SYS_riscv_hwprobe 258
#endif

/* Stands for a bad pointer in the lines below. */
#define BAD 0x0badbadbadbadbadL

static long bad_address[5];

static int file, dir, pipe_in, pipe_out, sock, sock2, epoll, event, inotify,
	timerfd;
static char buffer[8192];

/*
 * Done before each try, with current_bad set: for calls that use something up
 * (a connection, a child, a signal) and for pointers inside structures.
 */
static void (*before_each)(void);
static long current_bad;

static int is_efault(long nr, const long *arg)
{
	errno = 0;
	return syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]) ==
		       -1 &&
	       errno == EFAULT;
}

static void line(const char *name, long nr, long a0, long a1, long a2, long a3,
		 long a4, long a5)
{
	const long given[6] = { a0, a1, a2, a3, a4, a5 };
	unsigned int kinds = 0;
	int wrong = 0;

	for (size_t k = 0; k < sizeof(bad_address) / sizeof(long); k++) {
		long arg[6];

		for (int i = 0; i < 6; i++)
			arg[i] = given[i] == BAD ? bad_address[k] : given[i];
		current_bad = bad_address[k];
		if (before_each)
			before_each();
		/* Each line leaves what it uses as it was. */
		lseek(file, 0, SEEK_SET);
		lseek(dir, 0, SEEK_SET);
		if (!is_efault(nr, arg)) {
			kinds |= 1u << k;
			wrong = errno;
		}
	}
	check(kinds == 0, "%s%s%s", name, kinds ? ": " : "",
	      kinds ? strerror(wrong) : "");
}

#define LINE6(name, nr, a, b, c, d, e, f)                                      \
	line(name, nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e),  \
	     (long)(f))
#define LINE(name, nr, a)              LINE6(name, nr, a, 0, 0, 0, 0, 0)
#define LINE2(name, nr, a, b)          LINE6(name, nr, a, b, 0, 0, 0, 0)
#define LINE3(name, nr, a, b, c)       LINE6(name, nr, a, b, c, 0, 0, 0)
#define LINE4(name, nr, a, b, c, d)    LINE6(name, nr, a, b, c, d, 0, 0)
#define LINE5(name, nr, a, b, c, d, e) LINE6(name, nr, a, b, c, d, e, 0)

static void prepare(void)
{
	int fds[2];

	bad_address[0] = 0x8;
	bad_address[1] = (long)0xffffffff80000000UL;
	bad_address[2] = (long)0xffffffc000200000UL;
	bad_address[3] = (long)mmap(NULL, 4096, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bad_address[4] = (long)(~0UL & ~0xfffUL);

	file = open("/tmp/efault.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(file, buffer, sizeof(buffer)) < 0)
		exit(2);
	mkdir("/tmp/efault.dir", 0700);
	if (symlink("x", "/tmp/efault.dir/link") && errno != EEXIST)
		exit(2);
	dir = open("/tmp/efault.dir", O_RDONLY | O_DIRECTORY);
	if (pipe(fds))
		exit(2);
	pipe_in = fds[0];
	pipe_out = fds[1];
	if (write(pipe_out, buffer, 100) != 100)
		exit(2);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		exit(2);
	sock = fds[0];
	sock2 = fds[1];
	if (write(sock2, buffer, 100) != 100)
		exit(2);
	epoll = epoll_create1(0);
	/* A semaphore: a read takes one even when it cannot tell. */
	event = (int)syscall(SYS_eventfd2, 100, EFD_SEMAPHORE);
	inotify = (int)syscall(SYS_inotify_init1, 0);
	timerfd = (int)syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0);
	struct epoll_event in = { .events = EPOLLIN };
	epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_in, &in);
}

static struct iovec inner_vec = { .iov_len = 100 };

static void set_inner_vec(void)
{
	inner_vec.iov_base = (void *)current_bad;
}

/* Good vectors with a bad base. */
static void vectors(void)
{
	before_each = set_inner_vec;
	LINE3("readv base", SYS_readv, file, &inner_vec, 1);
	LINE3("writev base", SYS_writev, file, &inner_vec, 1);
	LINE5("preadv base", SYS_preadv, file, &inner_vec, 1, 0, 0);
	LINE5("pwritev base", SYS_pwritev, file, &inner_vec, 1, 0, 0);
	LINE6("preadv2 base", SYS_preadv2, file, &inner_vec, 1, 0, 0, 0);
	LINE6("pwritev2 base", SYS_pwritev2, file, &inner_vec, 1, 0, 0, 0);
	before_each = NULL;
}

static void descriptors(void)
{
	struct iovec *const bad_vec = (struct iovec *)BAD;

	LINE4("openat path", SYS_openat, AT_FDCWD, BAD, O_RDONLY, 0);
	LINE4("openat2 path", SYS_openat2, AT_FDCWD, BAD, buffer + 4096, 24);
	LINE4("openat2 how", SYS_openat2, AT_FDCWD, "/tmp", BAD, 24);
	LINE3("read file", SYS_read, file, BAD, 100);
	LINE3("read pipe", SYS_read, pipe_in, BAD, 10);
	LINE3("read socket", SYS_read, sock, BAD, 10);
	LINE3("read eventfd", SYS_read, event, BAD, 8);
	LINE3("write file", SYS_write, file, BAD, 100);
	LINE3("write pipe", SYS_write, pipe_out, BAD, 10);
	LINE3("write socket", SYS_write, sock, BAD, 10);
	LINE3("write eventfd", SYS_write, event, BAD, 8);
	LINE3("readv vector", SYS_readv, file, bad_vec, 1);
	LINE3("writev vector", SYS_writev, file, bad_vec, 1);
	LINE4("pread64", SYS_pread64, file, BAD, 100, 0);
	LINE4("pwrite64", SYS_pwrite64, file, BAD, 100, 0);
	LINE5("preadv vector", SYS_preadv, file, bad_vec, 1, 0, 0);
	LINE5("pwritev vector", SYS_pwritev, file, bad_vec, 1, 0, 0);
	LINE6("preadv2 vector", SYS_preadv2, file, bad_vec, 1, 0, 0, 0);
	LINE6("pwritev2 vector", SYS_pwritev2, file, bad_vec, 1, 0, 0, 0);
	LINE3("fcntl F_GETLK", SYS_fcntl, file, F_GETLK, BAD);
	LINE3("fcntl F_SETLK", SYS_fcntl, file, F_SETLK, BAD);
	LINE3("fcntl F_SETLKW", SYS_fcntl, file, F_SETLKW, BAD);
	LINE3("ioctl FIONREAD", SYS_ioctl, pipe_in, FIONREAD, BAD);
	LINE3("ioctl FIONBIO", SYS_ioctl, pipe_in, FIONBIO, BAD);
	LINE2("truncate path", SYS_truncate, BAD, 0);
	LINE4("sendfile offset", SYS_sendfile, pipe_out, file, BAD, 10);
	LINE6("copy_file_range in", SYS_copy_file_range, file, BAD, file, NULL,
	      10, 0);
	LINE6("copy_file_range out", SYS_copy_file_range, file, NULL, file, BAD,
	      10, 0);
	LINE6("splice offset", SYS_splice, file, BAD, pipe_out, NULL, 10, 0);
	LINE6("splice out", SYS_splice, pipe_in, NULL, file, BAD, 10, 0);
	LINE4("vmsplice vector", SYS_vmsplice, pipe_out, bad_vec, 1, 0);
	LINE3("getdents64", SYS_getdents64, dir, BAD, 1000);
	LINE2("pipe2", SYS_pipe2, BAD, 0);
}

static void names(void)
{
	const char *const path = "/tmp/efault.data";
	const char *const link = "/tmp/efault.dir/link";

	LINE4("mknodat", SYS_mknodat, AT_FDCWD, BAD, S_IFIFO | 0600, 0);
	LINE3("mkdirat", SYS_mkdirat, AT_FDCWD, BAD, 0700);
	LINE3("unlinkat", SYS_unlinkat, AT_FDCWD, BAD, 0);
	LINE3("symlinkat target", SYS_symlinkat, BAD, AT_FDCWD, "/tmp/ef.x");
	LINE3("symlinkat path", SYS_symlinkat, "x", AT_FDCWD, BAD);
	LINE5("linkat old", SYS_linkat, AT_FDCWD, BAD, AT_FDCWD, "/tmp/ef.x",
	      0);
	LINE5("linkat new", SYS_linkat, AT_FDCWD, path, AT_FDCWD, BAD, 0);
	LINE5("renameat2 old", SYS_renameat2, AT_FDCWD, BAD, AT_FDCWD,
	      "/tmp/ef.x", 0);
	LINE5("renameat2 new", SYS_renameat2, AT_FDCWD, path, AT_FDCWD, BAD, 0);
	LINE4("readlinkat path", SYS_readlinkat, AT_FDCWD, BAD, buffer, 100);
	LINE4("readlinkat buffer", SYS_readlinkat, AT_FDCWD, link, BAD, 100);
	LINE4("newfstatat path", SYS_newfstatat, AT_FDCWD, BAD, buffer, 0);
	LINE4("newfstatat buffer", SYS_newfstatat, AT_FDCWD, path, BAD, 0);
	LINE2("fstat", SYS_fstat, file, BAD);
	LINE5("statx path", SYS_statx, AT_FDCWD, BAD, 0, 0xfff, buffer);
	LINE5("statx buffer", SYS_statx, AT_FDCWD, path, 0, 0xfff, BAD);
	LINE2("statfs path", SYS_statfs, BAD, buffer);
	LINE2("statfs buffer", SYS_statfs, "/tmp", BAD);
	LINE2("fstatfs", SYS_fstatfs, file, BAD);
	LINE3("faccessat", SYS_faccessat, AT_FDCWD, BAD, R_OK);
	LINE4("faccessat2", SYS_faccessat2, AT_FDCWD, BAD, R_OK, 0);
	LINE3("fchmodat", SYS_fchmodat, AT_FDCWD, BAD, 0600);
	LINE5("fchownat", SYS_fchownat, AT_FDCWD, BAD, 0, 0, 0);
	LINE4("utimensat path", SYS_utimensat, AT_FDCWD, BAD, NULL, 0);
	LINE4("utimensat times", SYS_utimensat, AT_FDCWD, path, BAD, 0);
	LINE("chdir", SYS_chdir, BAD);
	LINE("chroot", SYS_chroot, BAD);
	LINE2("getcwd", SYS_getcwd, BAD, 4096);
	LINE5("mount source", SYS_mount, BAD, "/tmp", "tmpfs", 0, NULL);
	LINE5("mount target", SYS_mount, "none", BAD, "tmpfs", 0, NULL);
	LINE5("mount type", SYS_mount, "none", "/tmp", BAD, 0, NULL);
	LINE5("mount data", SYS_mount, "none", "/tmp/efault.dir", "tmpfs", 0,
	      BAD);
	LINE2("umount2", SYS_umount2, BAD, 0);
	LINE5("setxattr path", SYS_setxattr, BAD, "user.a", "v", 1, 0);
	LINE5("setxattr name", SYS_setxattr, path, BAD, "v", 1, 0);
	LINE5("setxattr value", SYS_setxattr, path, "user.a", BAD, 1, 0);
	LINE5("lsetxattr path", SYS_lsetxattr, BAD, "user.a", "v", 1, 0);
	LINE5("lsetxattr value", SYS_lsetxattr, path, "user.a", BAD, 1, 0);
	LINE5("fsetxattr value", SYS_fsetxattr, file, "user.a", BAD, 1, 0);
	LINE5("lsetxattr name", SYS_lsetxattr, path, BAD, "v", 1, 0);
	LINE5("fsetxattr name", SYS_fsetxattr, file, BAD, "v", 1, 0);
	LINE4("getxattr path", SYS_getxattr, BAD, "user.a", buffer, 10);
	LINE4("getxattr name", SYS_getxattr, path, BAD, buffer, 10);
	LINE4("lgetxattr name", SYS_lgetxattr, path, BAD, buffer, 10);
	LINE4("fgetxattr name", SYS_fgetxattr, file, BAD, buffer, 10);
	LINE3("listxattr path", SYS_listxattr, BAD, buffer, 10);
	LINE3("llistxattr path", SYS_llistxattr, BAD, buffer, 10);
	if (check(setxattr(path, "user.kept", "value", 5, 0) == 0,
		  "setxattr")) {
		LINE4("getxattr value", SYS_getxattr, path, "user.kept", BAD,
		      10);
		LINE4("lgetxattr value", SYS_lgetxattr, path, "user.kept", BAD,
		      10);
		LINE4("fgetxattr value", SYS_fgetxattr, file, "user.kept", BAD,
		      10);
		LINE3("listxattr list", SYS_listxattr, path, BAD, 100);
		LINE3("llistxattr list", SYS_llistxattr, path, BAD, 100);
		LINE3("flistxattr list", SYS_flistxattr, file, BAD, 100);
	}
	LINE4("lgetxattr path", SYS_lgetxattr, BAD, "user.a", buffer, 10);
	LINE2("lremovexattr path", SYS_lremovexattr, BAD, "user.a");
	LINE2("removexattr path", SYS_removexattr, BAD, "user.a");
	LINE2("removexattr name", SYS_removexattr, path, BAD);
	LINE2("lremovexattr name", SYS_lremovexattr, path, BAD);
	LINE2("fremovexattr name", SYS_fremovexattr, file, BAD);
}

static struct {
	long set;
	size_t size;
} inner_mask = { .size = 8 };

static void set_inner_mask(void)
{
	inner_mask.set = current_bad;
}

static void events(void)
{
	struct timespec now = { 0, 0 };
	struct itimerspec never = { { 0, 0 }, { 0, 0 } };

	LINE5("ppoll fds", SYS_ppoll, BAD, 1, &now, NULL, 8);
	LINE5("ppoll timeout", SYS_ppoll, NULL, 0, BAD, NULL, 8);
	LINE5("ppoll mask", SYS_ppoll, NULL, 0, &now, BAD, 8);
	LINE6("pselect6 read", SYS_pselect6, 8, BAD, NULL, NULL, &now, NULL);
	LINE6("pselect6 write", SYS_pselect6, 8, NULL, BAD, NULL, &now, NULL);
	LINE6("pselect6 except", SYS_pselect6, 8, NULL, NULL, BAD, &now, NULL);
	LINE6("pselect6 timeout", SYS_pselect6, 0, NULL, NULL, NULL, BAD, NULL);
	LINE6("pselect6 mask", SYS_pselect6, 0, NULL, NULL, NULL, &now, BAD);
	before_each = set_inner_mask;
	LINE6("pselect6 inner mask", SYS_pselect6, 0, NULL, NULL, NULL, &now,
	      &inner_mask);
	before_each = NULL;
	LINE6("epoll_pwait2 events", SYS_epoll_pwait2, epoll, BAD, 4, &now,
	      NULL, 8);
	LINE6("epoll_pwait2 timeout", SYS_epoll_pwait2, epoll, buffer, 4, BAD,
	      NULL, 8);
	LINE6("epoll_pwait2 mask", SYS_epoll_pwait2, epoll, buffer, 4, &now,
	      BAD, 8);
	LINE4("timerfd_settime old", SYS_timerfd_settime, timerfd, 0, &never,
	      BAD);
	LINE4("epoll_ctl", SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, sock, BAD);
	LINE6("epoll_pwait events", SYS_epoll_pwait, epoll, BAD, 4, 0, NULL, 8);
	LINE6("epoll_pwait mask", SYS_epoll_pwait, epoll, buffer, 4, 0, BAD, 8);
	LINE4("signalfd4", SYS_signalfd4, -1, BAD, 8, 0);
	LINE4("timerfd_settime", SYS_timerfd_settime, timerfd, 0, BAD, NULL);
	LINE2("timerfd_gettime", SYS_timerfd_gettime, timerfd, BAD);
	LINE3("inotify_add_watch", SYS_inotify_add_watch, inotify, BAD, 2);
	LINE2("memfd_create", SYS_memfd_create, BAD, 0);
}

static int listener;
static struct sockaddr_un listen_name = { .sun_family = AF_UNIX,
					  .sun_path = "/tmp/efault.sock" };

/* Somebody waits to be accepted. */
static void connect_again(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&listen_name, sizeof(listen_name)) <
	    0)
		exit(2);
	close(fd);
}

static struct msghdr inner_message = { .msg_iov = &inner_vec, .msg_iovlen = 1 };

static void set_message_vec(void)
{
	inner_message.msg_iov = (struct iovec *)current_bad;
}

static void accepting(void)
{
	socklen_t length = sizeof(listen_name);

	unlink(listen_name.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&listen_name,
		 sizeof(listen_name)) ||
	    listen(listener, 100))
		exit(2);
	before_each = connect_again;
	LINE3("accept address", SYS_accept, listener, BAD, &length);
	LINE3("accept length", SYS_accept, listener, buffer, BAD);
	LINE4("accept4 length", SYS_accept4, listener, buffer, BAD, 0);
	before_each = NULL;
}

static void messages(void)
{
	before_each = set_inner_vec;
	LINE3("sendmsg base", SYS_sendmsg, sock, &inner_message, 0);
	LINE3("recvmsg base", SYS_recvmsg, sock, &inner_message, MSG_DONTWAIT);
	before_each = set_message_vec;
	LINE3("sendmsg vector", SYS_sendmsg, sock, &inner_message, 0);
	LINE3("recvmsg vector", SYS_recvmsg, sock, &inner_message,
	      MSG_DONTWAIT);
	before_each = NULL;
	LINE5("recvmmsg", SYS_recvmmsg, sock, BAD, 1, MSG_DONTWAIT, NULL);
	LINE5("recvmmsg timeout", SYS_recvmmsg, sock, buffer, 1, MSG_DONTWAIT,
	      BAD);
}

static void sockets(void)
{
	struct sockaddr *const bad = (struct sockaddr *)BAD;
	int unbound = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t length = 4;

	LINE4("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, BAD);
	LINE3("bind", SYS_bind, unbound, bad, 10);
	LINE3("connect", SYS_connect, unbound, bad, 10);
	LINE3("getsockname length", SYS_getsockname, sock, buffer, BAD);
	LINE3("getsockname address", SYS_getsockname, sock, BAD, &length);
	LINE3("getpeername length", SYS_getpeername, sock, buffer, BAD);
	LINE6("sendto buffer", SYS_sendto, sock, BAD, 10, 0, NULL, 0);
	LINE6("recvfrom buffer", SYS_recvfrom, sock, BAD, 10, MSG_DONTWAIT,
	      NULL, NULL);
	LINE6("sendto address", SYS_sendto, sock, buffer, 10, 0, BAD, 10);
	LINE6("recvfrom length", SYS_recvfrom, sock, buffer, 10,
	      MSG_DONTWAIT | MSG_PEEK, buffer + 4096, BAD);
	LINE3("sendmsg", SYS_sendmsg, sock, BAD, 0);
	LINE3("recvmsg", SYS_recvmsg, sock, BAD, MSG_DONTWAIT);
	LINE4("sendmmsg", SYS_sendmmsg, sock, BAD, 1, 0);
	LINE5("setsockopt", SYS_setsockopt, sock, SOL_SOCKET, SO_SNDBUF, BAD,
	      4);
	LINE5("getsockopt value", SYS_getsockopt, sock, SOL_SOCKET, SO_TYPE,
	      BAD, &length);
	LINE5("getsockopt length", SYS_getsockopt, sock, SOL_SOCKET, SO_TYPE,
	      buffer, BAD);
	close(unbound);
	accepting();
	messages();
}

static void memory_calls(void)
{
	struct iovec here = { buffer, 8 };
	int shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

	LINE3("mincore", SYS_mincore, (long)buffer & ~4095L, 4096, BAD);
	LINE6("process_vm_readv local", SYS_process_vm_readv, getpid(), BAD, 1,
	      &here, 1, 0);
	LINE6("process_vm_readv remote", SYS_process_vm_readv, getpid(), &here,
	      1, BAD, 1, 0);
	LINE6("process_vm_writev remote", SYS_process_vm_writev, getpid(),
	      &here, 1, BAD, 1, 0);
	LINE6("process_vm_writev local", SYS_process_vm_writev, getpid(), BAD,
	      1, &here, 1, 0);
	if (check(shm >= 0, "shmget")) {
		LINE3("shmctl IPC_STAT", SYS_shmctl, shm, IPC_STAT, BAD);
		LINE3("shmctl IPC_SET", SYS_shmctl, shm, IPC_SET, BAD);
		shmctl(shm, IPC_RMID, NULL);
	}
}

/* Each bad pointer needs a child of its own to wait for. */
static void child_again(void)
{
	pid_t child;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	child = fork();
	if (child == 0)
		_exit(0);
}

static void waiting(void)
{
	before_each = child_again;
	LINE4("wait4 status", SYS_wait4, -1, BAD, 0, NULL);
	LINE4("wait4 usage", SYS_wait4, -1, NULL, 0, BAD);
	LINE5("waitid info", SYS_waitid, P_ALL, 0, BAD, WEXITED, NULL);
	LINE5("waitid usage", SYS_waitid, P_ALL, 0, NULL, WEXITED, BAD);
	before_each = NULL;
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void processes(void)
{
	char *const none[] = { NULL };

	LINE2("clone3", SYS_clone3, BAD, 88);
	LINE3("execve path", SYS_execve, BAD, none, none);
	LINE3("execve argv", SYS_execve, "/proc/self/exe", BAD, none);
	LINE3("execve envp", SYS_execve, "/proc/self/exe", none, BAD);
	LINE5("execveat argv", SYS_execveat, AT_FDCWD, "/proc/self/exe", BAD,
	      none, 0);
	LINE5("execveat envp", SYS_execveat, AT_FDCWD, "/proc/self/exe", none,
	      BAD, 0);
	LINE5("execveat path", SYS_execveat, AT_FDCWD, BAD, none, none, 0);
	waiting();
	LINE2("getrusage", SYS_getrusage, RUSAGE_SELF, BAD);
	LINE("times", SYS_times, BAD);
	LINE4("prlimit64 new", SYS_prlimit64, 0, RLIMIT_CORE, BAD, NULL);
	LINE4("prlimit64 old", SYS_prlimit64, 0, RLIMIT_CORE, NULL, BAD);
	LINE2("getrlimit", SYS_getrlimit, RLIMIT_CORE, BAD);
	LINE2("setrlimit", SYS_setrlimit, RLIMIT_CORE, BAD);
	LINE2("prctl PR_SET_NAME", SYS_prctl, PR_SET_NAME, BAD);
	LINE2("prctl PR_GET_NAME", SYS_prctl, PR_GET_NAME, BAD);
	LINE2("prctl PR_GET_PDEATHSIG", SYS_prctl, PR_GET_PDEATHSIG, BAD);
	LINE6("futex wait", SYS_futex, BAD, FUTEX_WAIT, 0, NULL, NULL, 0);
	LINE6("futex timeout", SYS_futex, buffer, FUTEX_WAIT, 0, BAD, NULL, 0);
	memset(buffer, 0, 4);
	LINE6("futex second word", SYS_futex, buffer, FUTEX_CMP_REQUEUE, 1, 1,
	      BAD, 0);
	LINE3("get_robust_list length", SYS_get_robust_list, 0, buffer, BAD);
	LINE3("get_robust_list", SYS_get_robust_list, 0, BAD, buffer);
	LINE3("sched_setscheduler", SYS_sched_setscheduler, 0, SCHED_FIFO, BAD);
	LINE2("sched_setparam", SYS_sched_setparam, 0, BAD);
	LINE2("sched_getparam", SYS_sched_getparam, 0, BAD);
	LINE3("sched_setattr", SYS_sched_setattr, 0, BAD, 0);
	LINE4("sched_getattr", SYS_sched_getattr, 0, BAD, 48, 0);
	LINE2("sched_rr_get_interval", SYS_sched_rr_get_interval, 0, BAD);
	LINE3("sched_setaffinity", SYS_sched_setaffinity, 0, 8, BAD);
	LINE3("sched_getaffinity", SYS_sched_getaffinity, 0, 128, BAD);
	LINE2("getcpu", SYS_getcpu, BAD, NULL);
	LINE2("getcpu node", SYS_getcpu, NULL, BAD);
}

static void raise_again(void)
{
	kill(getpid(), SIGUSR2);
}

static void signals(void)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	siginfo_t info;
	sigset_t set;
	struct timespec zero = { 0, 0 };

	memset(&info, 0, sizeof(info));
	sigemptyset(&set);
	LINE4("rt_sigaction new", SYS_rt_sigaction, SIGUSR1, BAD, NULL, 8);
	LINE4("rt_sigaction old", SYS_rt_sigaction, SIGUSR1, NULL, BAD, 8);
	LINE4("rt_sigprocmask new", SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL,
	      8);
	LINE4("rt_sigprocmask old", SYS_rt_sigprocmask, SIG_BLOCK, NULL, BAD,
	      8);
	LINE2("rt_sigpending", SYS_rt_sigpending, BAD, 8);
	LINE2("rt_sigsuspend", SYS_rt_sigsuspend, BAD, 8);
	LINE4("rt_sigtimedwait set", SYS_rt_sigtimedwait, BAD, NULL, &zero, 8);
	LINE4("rt_sigtimedwait timeout", SYS_rt_sigtimedwait, &set, NULL, BAD,
	      8);
	LINE4("pidfd_send_signal", SYS_pidfd_send_signal, self, SIGUSR1, BAD,
	      0);
	close(self);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	before_each = raise_again;
	LINE4("rt_sigtimedwait info", SYS_rt_sigtimedwait, &set, BAD, &zero, 8);
	before_each = NULL;
	LINE3("rt_sigqueueinfo", SYS_rt_sigqueueinfo, getpid(), SIGUSR1, BAD);
	LINE4("rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, getpid(), getpid(),
	      SIGUSR1, BAD);
	LINE2("sigaltstack new", SYS_sigaltstack, BAD, NULL);
	LINE2("sigaltstack old", SYS_sigaltstack, NULL, BAD);
}

static void on_alarm(int signo)
{
	(void)signo;
}

/* The sleep below is cut short. */
static void alarm_again(void)
{
	struct itimerval soon = { { 0, 20000 }, { 0, 20000 } };

	setitimer(ITIMER_REAL, &soon, NULL);
}

static void interrupted_sleeps(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct timespec long_time = { 100, 0 };

	sigaction(SIGALRM, &action, NULL);
	before_each = alarm_again;
	LINE4("clock_nanosleep rest", SYS_clock_nanosleep, CLOCK_MONOTONIC, 0,
	      &long_time, BAD);
	LINE2("nanosleep rest", SYS_nanosleep, &long_time, BAD);
	before_each = NULL;
	setitimer(ITIMER_REAL, &never, NULL);
}

static void clocks(void)
{
	struct itimerval no_value = { { 0, 0 }, { 0, 0 } };
	struct itimerspec no_spec = { { 0, 0 }, { 0, 0 } };
	timer_t timer;
	struct sigevent none = { .sigev_notify = SIGEV_NONE };

	LINE2("clock_gettime", SYS_clock_gettime, CLOCK_MONOTONIC, BAD);
	LINE2("clock_getres", SYS_clock_getres, CLOCK_MONOTONIC, BAD);
	LINE2("clock_settime", SYS_clock_settime, CLOCK_REALTIME, BAD);
	LINE4("clock_nanosleep", SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, BAD,
	      NULL);
	LINE2("nanosleep", SYS_nanosleep, BAD, NULL);
	LINE2("gettimeofday", SYS_gettimeofday, BAD, NULL);
	interrupted_sleeps();
	LINE2("gettimeofday zone", SYS_gettimeofday, NULL, BAD);
	LINE2("settimeofday zone", SYS_settimeofday, NULL, BAD);
	LINE3("setitimer old", SYS_setitimer, ITIMER_REAL, &no_value, BAD);
	LINE2("settimeofday", SYS_settimeofday, BAD, NULL);
	LINE("adjtimex", SYS_adjtimex, BAD);
	LINE2("clock_adjtime", SYS_clock_adjtime, CLOCK_REALTIME, BAD);
	LINE2("getitimer", SYS_getitimer, ITIMER_REAL, BAD);
	LINE3("setitimer", SYS_setitimer, ITIMER_REAL, BAD, NULL);
	LINE3("timer_create event", SYS_timer_create, CLOCK_MONOTONIC, BAD,
	      buffer);
	LINE3("timer_create id", SYS_timer_create, CLOCK_MONOTONIC, &none, BAD);
	if (check(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &timer) ==
			  0,
		  "timer_create")) {
		LINE4("timer_settime", SYS_timer_settime, timer, 0, BAD, NULL);
		LINE4("timer_settime old", SYS_timer_settime, timer, 0,
		      &no_spec, BAD);
		LINE2("timer_gettime", SYS_timer_gettime, timer, BAD);
	}
}

static void identity(void)
{
	gid_t groups[2] = { 0, 1 };
	struct {
		uint32_t version;
		int pid;
	} header = { 0x20080522, 0 };

	LINE3("getresuid", SYS_getresuid, BAD, buffer, buffer);
	LINE3("getresuid effective", SYS_getresuid, buffer, BAD, buffer);
	LINE3("getresuid saved", SYS_getresuid, buffer, buffer, BAD);
	LINE3("getresgid", SYS_getresgid, BAD, buffer, buffer);
	LINE3("getresgid effective", SYS_getresgid, buffer, BAD, buffer);
	LINE3("getresgid saved", SYS_getresgid, buffer, buffer, BAD);
	if (syscall(SYS_setgroups, 2, groups) == 0)
		LINE2("getgroups", SYS_getgroups, 10, BAD);
	LINE2("setgroups", SYS_setgroups, 2, BAD);
	LINE2("capget header", SYS_capget, BAD, buffer);
	LINE2("capget data", SYS_capget, &header, BAD);
	LINE2("capset header", SYS_capset, BAD, buffer);
	LINE3("syslog", SYS_syslog, 3, BAD, 1000);
	LINE2("capset data", SYS_capset, &header, BAD);
	LINE("uname", SYS_uname, BAD);
	LINE2("sethostname", SYS_sethostname, BAD, 3);
	LINE2("setdomainname", SYS_setdomainname, BAD, 3);
	LINE("sysinfo", SYS_sysinfo, BAD);
	LINE3("getrandom", SYS_getrandom, BAD, 10, 0);
	LINE5("riscv_hwprobe", SYS_riscv_hwprobe, BAD, 1, 0, NULL, 0);
}

int main(void)
{
	prepare();
	descriptors();
	vectors();
	names();
	events();
	sockets();
	memory_calls();
	processes();
	signals();
	clocks();
	identity();
	return check_status();
}
