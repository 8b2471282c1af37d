/* SPDX-License-Identifier: MIT */
/*
 * inotify.c - what inotify(7) promises
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR    "/tmp/inotify-test"
#define FILE_A DIR "/a"
#define FILE_B DIR "/b"

static int in;
static char buf[8192] __attribute__((aligned(8)));
static ssize_t have, at;

/* The next event that is there, or NULL. */
static struct inotify_event *next(void)
{
	struct inotify_event *event;

	if (at >= have) {
		have = read(in, buf, sizeof(buf));
		at = 0;
		if (have <= 0)
			return NULL;
	}
	event = (struct inotify_event *)(buf + at);
	at += (ssize_t)(sizeof(*event) + event->len);
	return event;
}

/* The next event is @mask for @wd, about @name (NULL: none). */
static uint32_t expect(int wd, uint32_t mask, const char *name,
		       const char *what)
{
	struct inotify_event *event = next();
	const char *got = event && event->len ? event->name : NULL;

	if (!event) {
		check(0, "%s: no event", what);
		return 0;
	}
	check(event->wd == wd && event->mask == mask &&
		      (name ? got && !strcmp(got, name) : !got) &&
		      event->len % 16 == 0,
	      "%s (wd %d mask %x name %s)", what, event->wd, event->mask,
	      got ? got : "-");
	return event->cookie;
}

static void nothing(const char *what)
{
	check(!next() && errno == EAGAIN, "%s: nothing more", what);
}

static void touch(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY, 0644));
}

static void errors(void)
{
	check(inotify_init1(1) < 0 && errno == EINVAL, "unknown flag");
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	check(in >= 0, "inotify_init1");
	check(inotify_add_watch(in, DIR "/none", IN_MODIFY) < 0 &&
		      errno == ENOENT,
	      "no such file: ENOENT");
	check(inotify_add_watch(in, DIR, 0) < 0 && errno == EINVAL,
	      "no events: EINVAL");
	check(inotify_add_watch(0, DIR, IN_MODIFY) < 0 && errno == EINVAL,
	      "not an inotify descriptor: EINVAL");
	check(inotify_add_watch(999, DIR, IN_MODIFY) < 0 && errno == EBADF,
	      "not open: EBADF");
	check(inotify_rm_watch(in, 77) < 0 && errno == EINVAL,
	      "unknown watch: EINVAL");
	touch(FILE_A);
	check(inotify_add_watch(in, FILE_A, IN_MODIFY | IN_ONLYDIR) < 0 &&
		      errno == ENOTDIR,
	      "IN_ONLYDIR: ENOTDIR");
	unlink(FILE_A);
	nothing("errors");
}

static void directory(void)
{
	struct pollfd p = { .fd = in, .events = POLLIN };
	uint32_t cookie;
	int wd, fd, n = 0;

	wd = inotify_add_watch(in, DIR, IN_ALL_EVENTS);
	check(wd == 1, "the first watch is 1");
	check(inotify_add_watch(in, DIR, IN_ALL_EVENTS) == wd,
	      "the same again: the same number");
	check(poll(&p, 1, 0) == 0, "not ready");
	fd = open(FILE_A, O_CREAT | O_RDWR, 0644);
	check(poll(&p, 1, 0) == 1, "ready");
	check(ioctl(in, FIONREAD, &n) == 0 && n == 64, "FIONREAD %d", n);
	check(read(in, buf, 20) < 0 && errno == EINVAL, "too small a read");
	expect(wd, IN_CREATE, "a", "create");
	expect(wd, IN_OPEN, "a", "open");
	write(fd, "x", 1);
	expect(wd, IN_MODIFY, "a", "write");
	pread(fd, &n, 1, 0);
	expect(wd, IN_ACCESS, "a", "read");
	fchmod(fd, 0600);
	expect(wd, IN_ATTRIB, "a", "chmod");
	ftruncate(fd, 100);
	expect(wd, IN_MODIFY, "a", "truncate");
	close(fd);
	expect(wd, IN_CLOSE_WRITE, "a", "close");
	fd = open(FILE_A, O_RDONLY);
	expect(wd, IN_OPEN, "a", "open to read");
	close(fd);
	expect(wd, IN_CLOSE_NOWRITE, "a", "close after reading");
	close(open(FILE_A, O_WRONLY | O_TRUNC));
	expect(wd, IN_OPEN, "a", "open to write");
	expect(wd, IN_MODIFY, "a", "O_TRUNC");
	expect(wd, IN_CLOSE_WRITE, "a", "close");
	rename(FILE_A, FILE_B);
	cookie = expect(wd, IN_MOVED_FROM, "a", "moved from");
	check(cookie != 0 && cookie == expect(wd, IN_MOVED_TO, "b", "moved to"),
	      "the two halves share a cookie");
	unlink(FILE_B);
	expect(wd, IN_DELETE, "b", "delete");
	mkdir(FILE_A, 0755);
	expect(wd, IN_CREATE | IN_ISDIR, "a", "mkdir");
	rmdir(FILE_A);
	expect(wd, IN_DELETE | IN_ISDIR, "a", "rmdir");
	nothing("directory");

	fd = open(FILE_A, O_CREAT | O_RDWR, 0644);
	write(fd, "x", 1);
	write(fd, "x", 1);
	expect(wd, IN_CREATE, "a", "create");
	expect(wd, IN_OPEN, "a", "open");
	expect(wd, IN_MODIFY, "a", "two writes are one event");
	nothing("repeated");
	close(fd);
	unlink(FILE_A);
	check(inotify_rm_watch(in, wd) == 0, "remove the watch");
	expect(wd, IN_CLOSE_WRITE, "a", "close");
	expect(wd, IN_DELETE, "a", "delete");
	expect(wd, IN_IGNORED, NULL, "ignored");
	nothing("removed");
}

static void file(void)
{
	int wd, fd;

	touch(FILE_A);
	wd = inotify_add_watch(in, FILE_A,
			       IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF |
				       IN_ATTRIB);
	check(wd == 2, "numbers are not used again");
	fd = open(FILE_A, O_WRONLY);
	write(fd, "x", 1);
	expect(wd, IN_MODIFY, NULL, "write");
	close(fd);
	rename(FILE_A, FILE_B);
	expect(wd, IN_MOVE_SELF, NULL, "moved");
	link(FILE_B, FILE_A);
	expect(wd, IN_ATTRIB, NULL, "link");
	unlink(FILE_A);
	expect(wd, IN_ATTRIB, NULL, "unlink of one name");
	unlink(FILE_B);
	expect(wd, IN_ATTRIB, NULL, "unlink of the last");
	expect(wd, IN_DELETE_SELF, NULL, "deleted");
	expect(wd, IN_IGNORED, NULL, "ignored");
	nothing("file");
	check(inotify_rm_watch(in, wd) < 0 && errno == EINVAL,
	      "the watch is gone");

	fd = open(FILE_A, O_CREAT | O_RDWR, 0644);
	wd = inotify_add_watch(in, FILE_A, IN_DELETE_SELF);
	unlink(FILE_A);
	nothing("unlinked, but open");
	close(fd);
	expect(wd, IN_DELETE_SELF, NULL, "closed: deleted");
	expect(wd, IN_IGNORED, NULL, "ignored");

	mkdir(FILE_A, 0755);
	wd = inotify_add_watch(in, FILE_A, IN_DELETE_SELF);
	rmdir(FILE_A);
	expect(wd, IN_DELETE_SELF, NULL, "directory deleted");
	expect(wd, IN_IGNORED, NULL, "ignored");
	nothing("directory");
}

static void masks(void)
{
	int wd;

	touch(FILE_A);
	wd = inotify_add_watch(in, FILE_A, IN_OPEN | IN_ONESHOT);
	close(open(FILE_A, O_RDONLY));
	expect(wd, IN_OPEN, NULL, "oneshot");
	expect(wd, IN_IGNORED, NULL, "ignored");
	close(open(FILE_A, O_RDONLY));
	nothing("oneshot");

	wd = inotify_add_watch(in, FILE_A, IN_OPEN);
	inotify_add_watch(in, FILE_A, IN_CLOSE | IN_MASK_ADD);
	close(open(FILE_A, O_RDONLY));
	expect(wd, IN_OPEN, NULL, "IN_MASK_ADD: the old event");
	expect(wd, IN_CLOSE_NOWRITE, NULL, "IN_MASK_ADD: the new event");
	inotify_add_watch(in, FILE_A, IN_CLOSE);
	close(open(FILE_A, O_RDONLY));
	expect(wd, IN_CLOSE_NOWRITE, NULL, "replaced mask");
	check(inotify_add_watch(in, FILE_A, IN_OPEN | IN_MASK_CREATE) < 0 &&
		      errno == EEXIST,
	      "IN_MASK_CREATE: EEXIST");
	nothing("masks");
	unlink(FILE_A);
}

static void overflow(void)
{
	struct inotify_event *event, last = { 0 };
	char name[64];
	int i, n = 0;

	while (next())
		;
	inotify_add_watch(in, DIR, IN_CREATE);
	for (i = 0; i < 17000; i++) {
		sprintf(name, DIR "/%d", i);
		touch(name);
		unlink(name);
	}
	while ((event = next())) {
		n++;
		last = *event;
	}
	check(n == 16385 && last.mask == IN_Q_OVERFLOW && last.wd == -1,
	      "overflow after %d events", n);
}

int main(void)
{
	unlink(FILE_A);
	unlink(FILE_B);
	rmdir(DIR);
	mkdir(DIR, 0755);
	errors();
	directory();
	file();
	masks();
	overflow();
	rmdir(DIR);
	return check_status();
}
