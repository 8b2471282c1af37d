/* SPDX-License-Identifier: MIT */
/*
 * fsck.c - e2fsck on an image in memory
 *
 * The image is a memfd, which the child opens as /dev/fd/N: nothing is copied.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/host/ext4/crash.h"

extern char **environ;

static void give_up(const char *what)
{
	perror(what);
	exit(2);
}

void *fsck_memory(size_t size, int *fd)
{
	void *data;

	*fd = memfd_create("image", 0);
	if (*fd < 0 || ftruncate(*fd, (off_t)size))
		give_up("memfd");
	data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (data == MAP_FAILED)
		give_up("mmap");
	return data;
}

void fsck_memory_free(void *data, size_t size)
{
	munmap(data, size);
}

int fsck_run(int fd, const char *log)
{
	static posix_spawn_file_actions_t actions;
	static int log_fd = -1;
	char path[32];
	char *args[] = { "e2fsck", "-fn", path, NULL };
	int status;
	pid_t child;

	if (log_fd < 0) {
		log_fd = open(log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0644);
		if (log_fd < 0)
			give_up(log);
		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_adddup2(&actions, log_fd, 1);
		posix_spawn_file_actions_adddup2(&actions, log_fd, 2);
	}
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	if (ftruncate(log_fd, 0) ||
	    posix_spawnp(&child, "e2fsck", &actions, NULL, args, environ))
		give_up("e2fsck");
	if (waitpid(child, &status, 0) != child)
		give_up("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
