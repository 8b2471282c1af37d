/* SPDX-License-Identifier: MIT */
/*
 * context.c - what a process is made of, for two processes side by side
 *
 * Parent and child run the same program and look at the same virtual
 * addresses. Each prints its process context: registers and pc (as a signal
 * handler finds them), the map from virtual pages to frames, stack, program
 * and virtual devices. OSTEP ch. 4, "The Abstraction: A Process".
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "pagemap.h"

#define MAX_ROWS 24

/* What one process tells of itself; shared with the parent, who prints. */
struct portrait {
	char row[MAX_ROWS][40];
	int rows;
};

static const char *names[MAX_ROWS];
static struct portrait *now;
static int value = 1;

__attribute__((format(printf, 2, 3))) static void tell(const char *name,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	names[now->rows] = name;
	vsnprintf(now->row[now->rows++], sizeof(now->row[0]), format, args);
	va_end(args);
}

/* The kernel has put the registers of the interrupted program on the stack. */
static void on_signal(int signo, siginfo_t *info, void *context)
{
	const unsigned long *x =
		((const ucontext_t *)context)->uc_mcontext.__gregs;

	(void)signo;
	(void)info;
	tell("pc", "%#lx", x[0]);
	tell("sp", "%#lx", x[2]);
	tell("gp", "%#lx", x[3]);
	tell("tp", "%#lx", x[4]);
	tell("a0", "%#lx", x[10]);
	tell("a7", "%#lx", x[17]);
}

static void tell_page(const char *name, const volatile void *address)
{
	uintptr_t frame = frame_of(address);

	if (frame)
		tell(name, "%#lx -> %#lx",
		     (uintptr_t)address & ~(PAGE_BYTES - 1), frame);
	else
		tell(name, "%#lx -> none",
		     (uintptr_t)address & ~(PAGE_BYTES - 1));
}

static void tell_descriptor(const char *name, int fd)
{
	char path[32], target[40];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	tell(name, "%s", target);
}

static void describe(struct portrait *portrait)
{
	int on_stack = value;
	int *on_heap = malloc(sizeof(*on_heap));

	*on_heap = value;
	now = portrait;
	tell("process", "%d", getpid());
	raise(SIGUSR1);
	tell("value of `value`", "%d", value);
	tell_page("page of `value`", &value);
	tell_page("page of main()", (const void *)(uintptr_t)describe);
	tell_page("page of the heap", on_heap);
	tell_page("page of the stack", &on_stack);
	tell_descriptor("descriptor 0", 0);
	tell_descriptor("descriptor 1", 1);
	tell_descriptor("descriptor 2", 2);
	free(on_heap);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO };
	struct portrait *both =
		mmap(NULL, 2 * sizeof(*both), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (both == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	sigaction(SIGUSR1, &action, NULL);
	if (fork() == 0) {
		value = 2;
		describe(&both[1]);
		_exit(0);
	}
	wait(NULL);
	describe(&both[0]);
	printf("%-20s %-28s %s\n", "", "parent", "child");
	for (int i = 0; i < both[0].rows; i++)
		printf("%-20s %-28s %s\n", names[i], both[0].row[i],
		       both[1].row[i]);
	return 0;
}
