/* SPDX-License-Identifier: MIT */
/*
 * table.h - every system call, in one list
 *
 * Name and arguments as in the manual page. Prototype, dispatch, trace name
 * and the coverage list of test/ follow from these lines. To add a call: a
 * line here and a function sys_NAME() in the file of its theme.
 */
#pragma once

#include "kernel/syscall/args.h"

/* clang-format off */
#define SYSCALL_TABLE(X) \
	/* syscall/file.c: descriptors and bytes */ \
	X(openat, "int dirfd, const char *pathname, int flags, mode_t mode") \
	X(openat2, "int dirfd, const char *pathname, struct open_how *how, size_t size") \
	X(close, "int fd") \
	X(close_range, "unsigned int first, unsigned int last, unsigned int flags") \
	X(read, "int fd, void *buf, size_t count") \
	X(write, "int fd, const void *buf, size_t count") \
	X(readv, "int fd, const struct iovec *iov, int iovcnt") \
	X(writev, "int fd, const struct iovec *iov, int iovcnt") \
	X(pread64, "int fd, void *buf, size_t count, off_t offset") \
	X(pwrite64, "int fd, const void *buf, size_t count, off_t offset") \
	X(preadv, "int fd, const struct iovec *iov, int iovcnt, off_t offset") \
	X(pwritev, "int fd, const struct iovec *iov, int iovcnt, off_t offset") \
	X(preadv2, "int fd, const struct iovec *iov, int iovcnt, off_t offset, off_t high, int flags") \
	X(pwritev2, "int fd, const struct iovec *iov, int iovcnt, off_t offset, off_t high, int flags") \
	X(lseek, "int fd, off_t offset, int whence") \
	X(dup, "int oldfd") \
	X(dup3, "int oldfd, int newfd, int flags") \
	X(fcntl, "int fd, int cmd, unsigned long arg") \
	X(flock, "int fd, int operation") \
	X(ioctl, "int fd, unsigned long request, unsigned long arg") \
	X(fsync, "int fd") \
	X(fdatasync, "int fd") \
	X(sync, "void") \
	X(syncfs, "int fd") \
	X(sync_file_range, "int fd, off_t offset, off_t nbytes, unsigned int flags") \
	X(ftruncate, "int fd, off_t length") \
	X(truncate, "const char *path, off_t length") \
	X(fallocate, "int fd, int mode, off_t offset, off_t len") \
	X(fadvise64, "int fd, off_t offset, off_t len, int advice") \
	X(readahead, "int fd, off_t offset, size_t count") \
	X(sendfile, "int out_fd, int in_fd, off_t *offset, size_t count") \
	X(copy_file_range, "int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags") \
	X(splice, "int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags") \
	X(tee, "int fd_in, int fd_out, size_t len, unsigned int flags") \
	X(vmsplice, "int fd, const struct iovec *iov, size_t nr_segs, unsigned int flags") \
	X(getdents64, "int fd, void *dirp, size_t count") \
	/* syscall/fs.c: names and attributes */ \
	X(mknodat, "int dirfd, const char *pathname, mode_t mode, dev_t dev") \
	X(mkdirat, "int dirfd, const char *pathname, mode_t mode") \
	X(unlinkat, "int dirfd, const char *pathname, int flags") \
	X(symlinkat, "const char *target, int newdirfd, const char *linkpath") \
	X(linkat, "int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags") \
	X(renameat2, "int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags") \
	X(readlinkat, "int dirfd, const char *pathname, char *buf, size_t bufsiz") \
	X(newfstatat, "int dirfd, const char *pathname, struct stat *statbuf, int flags") \
	X(fstat, "int fd, struct stat *statbuf") \
	X(statx, "int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf") \
	X(statfs, "const char *path, struct statfs *buf") \
	X(fstatfs, "int fd, struct statfs *buf") \
	X(faccessat, "int dirfd, const char *pathname, int mode") \
	X(faccessat2, "int dirfd, const char *pathname, int mode, int flags") \
	X(fchmod, "int fd, mode_t mode") \
	X(fchmodat, "int dirfd, const char *pathname, mode_t mode") \
	X(fchmodat2, "int dirfd, const char *pathname, mode_t mode, int flags") \
	X(fchown, "int fd, uid_t owner, gid_t group") \
	X(fchownat, "int dirfd, const char *pathname, uid_t owner, gid_t group, int flags") \
	X(utimensat, "int dirfd, const char *pathname, const struct timespec times[2], int flags") \
	X(chdir, "const char *path") \
	X(fchdir, "int fd") \
	X(chroot, "const char *path") \
	X(getcwd, "char *buf, size_t size") \
	X(umask, "mode_t mask") \
	X(mount, "const char *source, const char *target, const char *type, unsigned long flags, const void *data") \
	X(umount2, "const char *target, int flags") \
	X(pivot_root, "const char *new_root, const char *put_old") \
	X(name_to_handle_at, "int dirfd, const char *pathname, struct file_handle *handle, int *mount_id, int flags") \
	X(setxattr, "const char *path, const char *name, const void *value, size_t size, int flags") \
	X(lsetxattr, "const char *path, const char *name, const void *value, size_t size, int flags") \
	X(fsetxattr, "int fd, const char *name, const void *value, size_t size, int flags") \
	X(getxattr, "const char *path, const char *name, void *value, size_t size") \
	X(lgetxattr, "const char *path, const char *name, void *value, size_t size") \
	X(fgetxattr, "int fd, const char *name, void *value, size_t size") \
	X(listxattr, "const char *path, char *list, size_t size") \
	X(llistxattr, "const char *path, char *list, size_t size") \
	X(flistxattr, "int fd, char *list, size_t size") \
	X(removexattr, "const char *path, const char *name") \
	X(lremovexattr, "const char *path, const char *name") \
	X(fremovexattr, "int fd, const char *name") \
	/* syscall/poll.c: waiting for one of many descriptors */ \
	X(ppoll, "struct pollfd *fds, nfds_t nfds, const struct timespec *tmo, const sigset_t *sigmask, size_t sigsetsize") \
	X(pselect6, "int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timespec *timeout, const void *sigmask") \
	X(epoll_create1, "int flags") \
	X(epoll_ctl, "int epfd, int op, int fd, struct epoll_event *event") \
	X(epoll_pwait, "int epfd, struct epoll_event *events, int maxevents, int timeout, const sigset_t *sigmask, size_t sigsetsize") \
	X(epoll_pwait2, "int epfd, struct epoll_event *events, int maxevents, const struct timespec *timeout, const sigset_t *sigmask, size_t sigsetsize") \
	/* syscall/event.c: pipes, descriptors that are events, memory files */ \
	X(pipe2, "int pipefd[2], int flags") \
	X(eventfd2, "unsigned int initval, int flags") \
	X(signalfd4, "int fd, const sigset_t *mask, size_t sizemask, int flags") \
	X(timerfd_create, "int clockid, int flags") \
	X(timerfd_settime, "int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value") \
	X(timerfd_gettime, "int fd, struct itimerspec *curr_value") \
	X(inotify_init1, "int flags") \
	X(inotify_add_watch, "int fd, const char *pathname, uint32_t mask") \
	X(inotify_rm_watch, "int fd, int wd") \
	X(memfd_create, "const char *name, unsigned int flags") \
	/* syscall/socket.c and socket_message.c: sockets */ \
	X(socket, "int domain, int type, int protocol") \
	X(socketpair, "int domain, int type, int protocol, int sv[2]") \
	X(bind, "int sockfd, const struct sockaddr *addr, socklen_t addrlen") \
	X(listen, "int sockfd, int backlog") \
	X(accept, "int sockfd, struct sockaddr *addr, socklen_t *addrlen") \
	X(accept4, "int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags") \
	X(connect, "int sockfd, const struct sockaddr *addr, socklen_t addrlen") \
	X(getsockname, "int sockfd, struct sockaddr *addr, socklen_t *addrlen") \
	X(getpeername, "int sockfd, struct sockaddr *addr, socklen_t *addrlen") \
	X(sendto, "int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest_addr, socklen_t addrlen") \
	X(recvfrom, "int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr, socklen_t *addrlen") \
	X(sendmsg, "int sockfd, const struct msghdr *msg, int flags") \
	X(recvmsg, "int sockfd, struct msghdr *msg, int flags") \
	X(sendmmsg, "int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags") \
	X(recvmmsg, "int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout") \
	X(setsockopt, "int sockfd, int level, int optname, const void *optval, socklen_t optlen") \
	X(getsockopt, "int sockfd, int level, int optname, void *optval, socklen_t *optlen") \
	X(shutdown, "int sockfd, int how") \
	/* syscall/memory.c: the address space */ \
	X(brk, "void *addr") \
	X(mmap, "void *addr, size_t length, int prot, int flags, int fd, off_t offset") \
	X(munmap, "void *addr, size_t length") \
	X(mremap, "void *old_address, size_t old_size, size_t new_size, int flags, void *new_address") \
	X(mprotect, "void *addr, size_t len, int prot") \
	X(madvise, "void *addr, size_t length, int advice") \
	X(msync, "void *addr, size_t length, int flags") \
	X(mincore, "void *addr, size_t length, unsigned char *vec") \
	X(mlock, "const void *addr, size_t len") \
	X(mlock2, "const void *addr, size_t len, unsigned int flags") \
	X(munlock, "const void *addr, size_t len") \
	X(mlockall, "int flags") \
	X(munlockall, "void") \
	X(membarrier, "int cmd, unsigned int flags, int cpu_id") \
	X(process_vm_readv, "pid_t pid, const struct iovec *local_iov, unsigned long liovcnt, const struct iovec *remote_iov, unsigned long riovcnt, unsigned long flags") \
	X(process_vm_writev, "pid_t pid, const struct iovec *local_iov, unsigned long liovcnt, const struct iovec *remote_iov, unsigned long riovcnt, unsigned long flags") \
	X(riscv_flush_icache, "void *start, void *end, unsigned long flags") \
	X(shmget, "key_t key, size_t size, int shmflg") \
	X(shmat, "int shmid, const void *shmaddr, int shmflg") \
	X(shmdt, "const void *shmaddr") \
	X(shmctl, "int shmid, int cmd, struct shmid_ds *buf") \
	/* syscall/process.c: processes, threads, programs */ \
	X(clone, "unsigned long flags, void *stack, int *parent_tid, unsigned long tls, int *child_tid") \
	X(clone3, "struct clone_args *cl_args, size_t size") \
	X(execve, "const char *pathname, char *const argv[], char *const envp[]") \
	X(execveat, "int dirfd, const char *pathname, char *const argv[], char *const envp[], int flags") \
	X(exit, "int status") \
	X(exit_group, "int status") \
	X(wait4, "pid_t pid, int *wstatus, int options, struct rusage *rusage") \
	X(waitid, "int which, pid_t pid, siginfo_t *infop, int options, struct rusage *rusage") \
	X(getpid, "void") \
	X(getppid, "void") \
	X(gettid, "void") \
	X(set_tid_address, "int *tidptr") \
	X(setpgid, "pid_t pid, pid_t pgid") \
	X(getpgid, "pid_t pid") \
	X(setsid, "void") \
	X(getsid, "pid_t pid") \
	X(personality, "unsigned long persona") \
	X(unshare, "int flags") \
	X(pidfd_open, "pid_t pid, unsigned int flags") \
	X(pidfd_send_signal, "int pidfd, int sig, siginfo_t *info, unsigned int flags") \
	/* syscall/resource.c: what is used and what may be */ \
	X(getrusage, "int who, struct rusage *usage") \
	X(times, "struct tms *buf") \
	X(prlimit64, "pid_t pid, unsigned int resource, const struct rlimit *new_limit, struct rlimit *old_limit") \
	X(getrlimit, "unsigned int resource, struct rlimit *rlim") \
	X(setrlimit, "unsigned int resource, const struct rlimit *rlim") \
	/* syscall/prctl.c: small settings */ \
	X(prctl, "int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5") \
	/* syscall/futex.c: waiting on a word */ \
	X(futex, "uint32_t *uaddr, int futex_op, uint32_t val, const struct timespec *timeout, uint32_t *uaddr2, uint32_t val3") \
	X(set_robust_list, "struct robust_list_head *head, size_t len") \
	X(get_robust_list, "int pid, struct robust_list_head **head_ptr, size_t *len_ptr") \
	X(rseq, "struct rseq *rseq, uint32_t rseq_len, int flags, uint32_t sig") \
	/* syscall/sched.c: scheduling */ \
	X(sched_yield, "void") \
	X(sched_setscheduler, "pid_t pid, int policy, const struct sched_param *param") \
	X(sched_getscheduler, "pid_t pid") \
	X(sched_setparam, "pid_t pid, const struct sched_param *param") \
	X(sched_getparam, "pid_t pid, struct sched_param *param") \
	X(sched_setattr, "pid_t pid, struct sched_attr *attr, unsigned int flags") \
	X(sched_getattr, "pid_t pid, struct sched_attr *attr, unsigned int size, unsigned int flags") \
	X(sched_get_priority_max, "int policy") \
	X(sched_get_priority_min, "int policy") \
	X(sched_rr_get_interval, "pid_t pid, struct timespec *tp") \
	X(sched_setaffinity, "pid_t pid, size_t cpusetsize, const cpu_set_t *mask") \
	X(sched_getaffinity, "pid_t pid, size_t cpusetsize, cpu_set_t *mask") \
	X(getpriority, "int which, id_t who") \
	X(setpriority, "int which, id_t who, int prio") \
	X(ioprio_set, "int which, int who, int ioprio") \
	X(ioprio_get, "int which, int who") \
	X(getcpu, "unsigned int *cpu, unsigned int *node") \
	/* syscall/signal.c: signals */ \
	X(kill, "pid_t pid, int sig") \
	X(tkill, "int tid, int sig") \
	X(tgkill, "int tgid, int tid, int sig") \
	X(rt_sigaction, "int signum, const struct sigaction *act, struct sigaction *oldact, size_t sigsetsize") \
	X(rt_sigprocmask, "int how, const sigset_t *set, sigset_t *oldset, size_t sigsetsize") \
	X(rt_sigpending, "sigset_t *set, size_t sigsetsize") \
	X(rt_sigsuspend, "const sigset_t *mask, size_t sigsetsize") \
	X(rt_sigtimedwait, "const sigset_t *set, siginfo_t *info, const struct timespec *timeout, size_t sigsetsize") \
	X(rt_sigqueueinfo, "pid_t tgid, int sig, siginfo_t *info") \
	X(rt_tgsigqueueinfo, "pid_t tgid, pid_t tid, int sig, siginfo_t *info") \
	X(rt_sigreturn, "void") \
	X(sigaltstack, "const stack_t *ss, stack_t *old_ss") \
	X(restart_syscall, "void") \
	/* syscall/time.c: clocks and timers */ \
	X(clock_gettime, "clockid_t clockid, struct timespec *tp") \
	X(clock_settime, "clockid_t clockid, const struct timespec *tp") \
	X(clock_getres, "clockid_t clockid, struct timespec *res") \
	X(clock_nanosleep, "clockid_t clockid, int flags, const struct timespec *request, struct timespec *remain") \
	X(clock_adjtime, "clockid_t clk_id, struct timex *buf") \
	X(adjtimex, "struct timex *buf") \
	X(nanosleep, "const struct timespec *req, struct timespec *rem") \
	X(gettimeofday, "struct timeval *tv, struct timezone *tz") \
	X(settimeofday, "const struct timeval *tv, const struct timezone *tz") \
	X(getitimer, "int which, struct itimerval *curr_value") \
	X(setitimer, "int which, const struct itimerval *new_value, struct itimerval *old_value") \
	X(timer_create, "clockid_t clockid, struct sigevent *sevp, timer_t *timerid") \
	X(timer_settime, "timer_t timerid, int flags, const struct itimerspec *new_value, struct itimerspec *old_value") \
	X(timer_gettime, "timer_t timerid, struct itimerspec *curr_value") \
	X(timer_getoverrun, "timer_t timerid") \
	X(timer_delete, "timer_t timerid") \
	/* syscall/cred.c: users, groups, capabilities */ \
	X(getuid, "void") \
	X(geteuid, "void") \
	X(getgid, "void") \
	X(getegid, "void") \
	X(setuid, "uid_t uid") \
	X(setgid, "gid_t gid") \
	X(setreuid, "uid_t ruid, uid_t euid") \
	X(setregid, "gid_t rgid, gid_t egid") \
	X(setresuid, "uid_t ruid, uid_t euid, uid_t suid") \
	X(getresuid, "uid_t *ruid, uid_t *euid, uid_t *suid") \
	X(setresgid, "gid_t rgid, gid_t egid, gid_t sgid") \
	X(getresgid, "gid_t *rgid, gid_t *egid, gid_t *sgid") \
	X(setfsuid, "uid_t fsuid") \
	X(setfsgid, "gid_t fsgid") \
	X(getgroups, "int size, gid_t list[]") \
	X(setgroups, "size_t size, const gid_t *list") \
	X(capget, "void *hdrp, void *datap") \
	X(capset, "void *hdrp, const void *datap") \
	/* syscall/system.c: the machine as a whole */ \
	X(uname, "struct utsname *buf") \
	X(sethostname, "const char *name, size_t len") \
	X(setdomainname, "const char *name, size_t len") \
	X(sysinfo, "struct sysinfo *info") \
	X(getrandom, "void *buf, size_t buflen, unsigned int flags") \
	X(reboot, "int magic, int magic2, int cmd, void *arg") \
	X(syslog, "int type, char *bufp, int len") \
	X(vhangup, "void") \
	X(riscv_hwprobe, "struct riscv_hwprobe *pairs, size_t pair_count, size_t cpu_count, unsigned long *cpus, unsigned int flags")

/* clang-format on */

/* The handlers: the result for a0, or a negative errno. */
#define SYSCALL_DECLARE(name, args)                                            \
	long sys_##name(const struct syscall_args *a);
SYSCALL_TABLE(SYSCALL_DECLARE)
