/* SPDX-License-Identifier: MIT */
/*
 * pty.c - terminals, as programs see them, through pseudo terminals
 *
 * The test plays keyboard and screen (the master) and program (the slave).
 * Groups: the pair itself, lines, editing, raw reads with VMIN and VTIME,
 * signals and job control, hang-up, packet mode. Source: termios(3),
 * tty_ioctl(4), pty(7).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

static int master, slave;
static char slave_name[64];

/* ---- Helpers ---- */

static void open_pair(void)
{
	int unlock = 0;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) ||
	    ptsname_r(master, slave_name, sizeof(slave_name))) {
		check(false, "a pair can be opened: %s", strerror(errno));
		exit(check_status());
	}
	slave = open(slave_name, O_RDWR | O_NOCTTY);
	if (slave < 0) {
		check(false, "%s can be opened: %s", slave_name,
		      strerror(errno));
		exit(check_status());
	}
}

static void close_pair(void)
{
	close(slave);
	close(master);
}

static void type(const char *text)
{
	if (write(master, text, strlen(text)) != (ssize_t)strlen(text))
		check(false, "typing %zu bytes", strlen(text));
}

/* For what is there at once, or soon: the machine may stand still for a while. */
#define SURELY_MS 60000

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 && p.revents & POLLIN;
}

/* What @fd gives in one read is @text. */
static bool reads(int fd, const char *text)
{
	char buf[4096];
	ssize_t len;

	if (!readable(fd, SURELY_MS))
		return false;
	len = read(fd, buf, sizeof(buf));
	if (len == (ssize_t)strlen(text) && !memcmp(buf, text, strlen(text)))
		return true;
	printf("# read %zd: ", len);
	for (ssize_t i = 0; i < len; i++)
		printf(buf[i] >= ' ' && buf[i] < 127 ? "%c" : "\\x%02x",
		       (unsigned char)buf[i]);
	printf("\n");
	return false;
}

/* The master sees exactly @text, in as many reads as it takes. */
static bool shows(const char *text)
{
	char buf[4096];
	size_t len = 0;

	while (len < strlen(text) && readable(master, SURELY_MS)) {
		ssize_t got = read(master, buf + len, sizeof(buf) - len);

		if (got <= 0)
			break;
		len += (size_t)got;
	}
	if (len == strlen(text) && !memcmp(buf, text, len) &&
	    !readable(master, 20))
		return true;
	printf("# screen %zu: ", len);
	for (size_t i = 0; i < len; i++)
		printf(buf[i] >= ' ' && buf[i] < 127 ? "%c" : "\\x%02x",
		       (unsigned char)buf[i]);
	printf("\n");
	return false;
}

static void drop_output(void)
{
	char buf[4096];

	while (readable(master, 20)) {
		if (read(master, buf, sizeof(buf)) <= 0)
			break;
	}
}

static void set_raw(unsigned char vmin, unsigned char vtime)
{
	struct termios t;

	tcgetattr(slave, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = vmin;
	t.c_cc[VTIME] = vtime;
	tcsetattr(slave, TCSANOW, &t);
}

static void set_flags(tcflag_t off, tcflag_t on)
{
	struct termios t;

	tcgetattr(slave, &t);
	t.c_lflag = (t.c_lflag & ~off) | on;
	tcsetattr(slave, TCSANOW, &t);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* In a child after @delay_ms: type @text into the master. */
static void type_later(long delay_ms, const char *text)
{
	if (fork() == 0) {
		sleep_ms(delay_ms);
		type(text);
		_exit(0);
	}
}

static int wait_status(pid_t pid, int options)
{
	int status = -1;

	if (waitpid(pid, &status, options) != pid)
		return -1;
	return status;
}

/* ---- The pair ---- */

static void test_pair(void)
{
	struct stat st;
	struct winsize size = { 0 }, wide = { 25, 80, 0, 0 };
	unsigned int number = ~0u;
	int fd, locked = 0;
	char name[64], expected[64];

	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(fd >= 0, "ptmx opens");
	check(ioctl(fd, TIOCGPTN, &number) == 0, "TIOCGPTN");
	snprintf(expected, sizeof(expected), "/dev/pts/%u", number);
	check(ptsname_r(fd, name, sizeof(name)) == 0 && !strcmp(name, expected),
	      "ptsname");
	check(open(name, O_RDWR | O_NOCTTY) < 0 && errno == EIO,
	      "a locked slave cannot be opened: EIO");
	ioctl(fd, TIOCGPTLCK, &locked);
	check(locked == 1, "it is locked at first");
	close(fd);
	check(stat(name, &st) < 0 && errno == ENOENT,
	      "the node is gone with the master");

	open_pair();
	check(stat(slave_name, &st) == 0 && S_ISCHR(st.st_mode) &&
		      major(st.st_rdev) == 136 &&
		      (st.st_mode & 07777) == 0620 && st.st_uid == getuid(),
	      "the node: 136:N, 0620, ours");
	check(isatty(slave) && isatty(master), "both are terminals");
	check(ttyname_r(slave, expected, sizeof(expected)) == 0 &&
		      !strcmp(slave_name, expected),
	      "ttyname of the slave");
	check(lseek(slave, 0, SEEK_CUR) == -1 && errno == ESPIPE,
	      "no position: ESPIPE");
	check(ioctl(slave, TIOCGWINSZ, &size) == 0 && !size.ws_row &&
		      !size.ws_col,
	      "the size is 0 0 at first");
	check(ioctl(master, TIOCSWINSZ, &wide) == 0 &&
		      ioctl(slave, TIOCGWINSZ, &size) == 0 &&
		      size.ws_row == 25 && size.ws_col == 80,
	      "the size set at the master is the slave's");
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	check(fd >= 0 && isatty(fd), "TIOCGPTPEER opens the slave");
	close(fd);
	check(ioctl(slave, 0x4b33, &number) == -1 && errno == ENOTTY,
	      "KDGKBTYPE: ENOTTY");
	close_pair();
}

/* ---- Lines ---- */

static void test_lines(void)
{
	char buf[16];
	int count = -1;

	open_pair();
	type("half");
	check(!readable(slave, 50), "half a line is not readable");
	check(ioctl(slave, FIONREAD, &count) == 0 && count == 0,
	      "FIONREAD of half a line is 0");
	type("\r");
	check(readable(slave, SURELY_MS), "a line is");
	check(ioctl(slave, FIONREAD, &count) == 0 && count == 5,
	      "FIONREAD of a line is its length");
	check(reads(slave, "half\n"), "the return key gives a new line");
	check(shows("half\r\n"), "it was echoed, NL as CR NL");

	type("one\ntwo\n");
	check(reads(slave, "one\n") && reads(slave, "two\n"),
	      "a read gives one line");
	type("abcdef\n");
	check(read(slave, buf, 4) == 4 && !memcmp(buf, "abcd", 4),
	      "a short read gives a part");
	check(reads(slave, "ef\n"), "and the next the rest");

	type("\x04");
	check(read(slave, buf, sizeof(buf)) == 0, "^D is end of file");
	type("abc\x04");
	check(reads(slave, "abc"), "^D after text ends the line");
	type("ab\x04");
	check(read(slave, buf, 2) == 2 && !readable(slave, 50),
	      "^D right behind a full read belongs to it");
	drop_output();

	fcntl(slave, F_SETFL, O_NONBLOCK);
	check(read(slave, buf, 1) == -1 && errno == EAGAIN,
	      "O_NONBLOCK: EAGAIN");
	fcntl(slave, F_SETFL, 0);
	type("gone\n");
	tcflush(slave, TCIFLUSH);
	check(!readable(slave, 50), "tcflush drops input");
	close_pair();
}

static void test_long_line(void)
{
	static char line[6000];
	char buf[8192];
	ssize_t len;

	open_pair();
	set_flags(ECHO, 0);
	memset(line, 'x', sizeof(line));
	for (size_t i = 0; i < sizeof(line); i += 500)
		if (write(master, line, 500) != 500)
			check(false, "typing a long line");
	type("\n");
	readable(slave, SURELY_MS);
	len = read(slave, buf, sizeof(buf));
	check(len == 4096 && buf[4094] == 'x' && buf[4095] == '\n',
	      "a line holds 4095 characters (%zd)", len);
	close_pair();
}

static void test_editing(void)
{
	open_pair();
	type("abx\x7f"
	     "c\n");
	check(reads(slave, "abc\n"), "erase");
	check(shows("abx\b \bc\r\n"), "erase on the screen");
	type("one two\x17"
	     "2\n");
	check(reads(slave, "one 2\n"), "word erase");
	drop_output();
	type("abc\x15"
	     "d\n");
	check(reads(slave, "d\n"), "kill");
	check(shows("abc\b \b\b \b\b \bd\r\n"), "kill on the screen");
	type("\x16\x03\x16\x04\n");
	check(reads(slave, "\x03\x04\n"), "literal next");
	check(shows("^\b^C^\b^D\r\n"), "literal next on the screen");
	type("a\tb\x7f\x7f"
	     "c\n");
	check(reads(slave, "ac\n"), "erase of a tab");
	check(shows("a\tb\b \b\b\b\b\b\b\b\bc\r\n"),
	      "erase of a tab on the screen");
	type("ab\x12\n");
	check(reads(slave, "ab\n"), "reprint");
	check(shows("ab^R\r\nab\r\n"), "reprint on the screen");
	close_pair();
}

static void test_output(void)
{
	struct pollfd out = { .events = POLLOUT };
	struct termios t;

	open_pair();
	out.fd = slave;
	check(write(slave, "a\nb", 3) == 3 && shows("a\r\nb"), "ONLCR");
	tcgetattr(slave, &t);
	t.c_oflag = 0;
	tcsetattr(slave, TCSANOW, &t);
	check(write(slave, "a\nb", 3) == 3 && shows("a\nb"), "no OPOST");
	type("\x13");
	sleep_ms(20);
	fcntl(slave, F_SETFL, O_NONBLOCK);
	check(write(slave, "text", 4) == -1 && errno == EAGAIN,
	      "^S stops output");
	type("\x11");
	poll(&out, 1, SURELY_MS); /* Linux takes it a moment later */
	check(write(slave, "text", 4) == 4 && shows("text"),
	      "^Q starts it again");
	tcflow(slave, TCOOFF);
	check(write(slave, "more", 4) == -1 && errno == EAGAIN,
	      "tcflow stops output");
	fcntl(slave, F_SETFL, 0);
	if (fork() == 0) {
		sleep_ms(50);
		tcflow(slave, TCOON);
		_exit(0);
	}
	check(write(slave, "more", 4) == 4 && shows("more"),
	      "a writer waits until it is started again");
	while (wait(NULL) > 0)
		continue;
	check(tcdrain(slave) == 0, "tcdrain");
	close_pair();
}

/* ---- Raw reads ---- */

static void test_raw(void)
{
	char buf[16];
	double start;
	ssize_t len;

	open_pair();
	set_raw(1, 0);
	type("\x03\x04\r\n");
	check(reads(slave, "\x03\x04\r\n"), "raw bytes pass");
	check(!readable(master, 20), "and are not echoed");

	set_raw(0, 0);
	check(read(slave, buf, 1) == 0, "VMIN 0 VTIME 0: 0 at once");
	fcntl(slave, F_SETFL, O_NONBLOCK);
	check(read(slave, buf, 1) == 0, "also with O_NONBLOCK");
	fcntl(slave, F_SETFL, 0);

	set_raw(0, 2);
	start = seconds();
	len = read(slave, buf, sizeof(buf));
	check(len == 0 && seconds() - start > 0.15,
	      "VMIN 0 VTIME 2: 0 after 0.2 s");
	set_raw(0, 200);
	for (int i = 0; i < TRIES; i++) {
		start = seconds();
		type_later(50, "x");
		len = read(slave, buf, sizeof(buf));
		if (len == 1 && seconds() - start < 19)
			break;
		wait(NULL);
		tcflush(slave, TCIFLUSH);
	}
	check(len == 1 && seconds() - start < 19,
	      "or the first byte when it comes");

	set_raw(3, 0);
	type("ab");
	check(!readable(slave, 50), "VMIN 3: 2 bytes are not readable");
	type_later(50, "c");
	len = read(slave, buf, sizeof(buf));
	check(len == 3 && !memcmp(buf, "abc", 3), "VMIN 3 waits for 3 bytes");

	set_raw(3, 2);
	start = seconds();
	type_later(100, "a");
	len = read(slave, buf, sizeof(buf));
	check(len == 1 && seconds() - start > 0.25,
	      "VMIN 3 VTIME 2: 1 byte, 0.2 s after it came");
	while (wait(NULL) > 0)
		continue;
	close_pair();
}

static void test_mode_change(void)
{
	open_pair();
	type("line\nhalf");
	sleep_ms(20);
	set_flags(ICANON, 0);
	check(reads(slave, "line\nhalf"), "typed-ahead text in raw mode");
	type("raw");
	sleep_ms(20);
	set_flags(0, ICANON);
	check(reads(slave, "raw"), "raw text as a line");
	close_pair();
}

/* ---- Sessions, signals, job control ---- */

/* Body of a session leader on the slave; its exit status says all. */
static pid_t start_session(int (*body)(void))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	close(master);
	setsid();
	if (ioctl(slave, TIOCSCTTY, 0))
		_exit(100);
	_exit(body());
}

static int leader_facts(void)
{
	pid_t group = 0, session = 0;
	int fd;

	if (ioctl(slave, TIOCGPGRP, &group) || group != getpid())
		return 1;
	if (ioctl(slave, TIOCGSID, &session) || session != getpid())
		return 2;
	fd = open("/dev/tty", O_RDWR);
	if (fd < 0 || !isatty(fd))
		return 3;
	if (tcsetpgrp(slave, getppid()) == 0 || errno != EPERM)
		return 4;
	if (ioctl(slave, TIOCNOTTY, 0))
		return 5;
	if (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO)
		return 6;
	if (ioctl(slave, TIOCGPGRP, &group) == 0 || errno != ENOTTY)
		return 7;
	return 0;
}

static int open_takes_it(void)
{
	ioctl(slave, TIOCNOTTY, 0);
	if (open("/dev/tty", O_RDWR) >= 0)
		return 1;
	if (open(slave_name, O_RDWR | O_NOCTTY) < 0)
		return 2;
	if (open("/dev/tty", O_RDWR) >= 0)
		return 3;
	if (open(slave_name, O_RDWR) < 0)
		return 4;
	return open("/dev/tty", O_RDWR) < 0;
}

static int waits_for_signal(void)
{
	signal(SIGHUP, SIG_DFL);
	if (write(slave, "ready", 5) != 5)
		return 1;
	for (;;)
		pause();
}

static void expect_ready(void)
{
	char buf[64];

	if (readable(master, SURELY_MS) && read(master, buf, sizeof(buf)) < 5)
		check(false, "the session says that it is ready");
}

static void test_session(void)
{
	int status;

	open_pair();
	signal(SIGHUP, SIG_IGN);
	status = wait_status(start_session(leader_facts), 0);
	check(status == 0, "leader, group, /dev/tty, TIOCNOTTY (%x)", status);
	close_pair();
	open_pair();
	status = wait_status(start_session(open_takes_it), 0);
	check(status == 0, "open takes a terminal unless O_NOCTTY (%x)",
	      status);
	close_pair();
}

static void test_signal_keys(void)
{
	static const struct {
		const char *key;
		int signo;
	} keys[] = { { "\x03", SIGINT }, { "\x1c", SIGQUIT } };
	pid_t pid;
	int status;

	for (int i = 0; i < 2; i++) {
		open_pair();
		pid = start_session(waits_for_signal);
		expect_ready();
		type(keys[i].key);
		status = wait_status(pid, 0);
		check(WIFSIGNALED(status) && WTERMSIG(status) == keys[i].signo,
		      "key of signal %d (%x)", keys[i].signo, status);
		check(shows(i ? "^\\" : "^C"), "the key is shown");
		close_pair();
	}
}

static int foreground_child_stops(void)
{
	pid_t pid;
	int status;

	signal(SIGTTOU, SIG_IGN);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		tcsetpgrp(slave, getpid());
		signal(SIGTTOU, SIG_DFL);
		if (write(slave, "ready", 5) != 5)
			_exit(9);
		for (;;)
			pause();
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTSTP)
		return 1;
	tcsetpgrp(slave, getpid());
	kill(-pid, SIGCONT);
	if (waitpid(pid, &status, WCONTINUED) != pid || !WIFCONTINUED(status))
		return 2;
	kill(-pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || WTERMSIG(status) != SIGTERM)
		return 3;
	return 0;
}

/* A child in a background group does @act; how it ends is the result. */
static int background(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		setpgid(0, 0);
		_exit(act());
	}
	setpgid(pid, pid);
	waitpid(pid, &status, WUNTRACED);
	if (WIFSTOPPED(status)) {
		int signo = WSTOPSIG(status);

		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return signo;
	}
	return WIFEXITED(status) ? 1000 + WEXITSTATUS(status) : -1;
}

static int act_read(void)
{
	char c;

	sleep_ms(30);
	return read(slave, &c, 1) < 0 ? errno : 0;
}

static int act_read_ignoring(void)
{
	signal(SIGTTIN, SIG_IGN);
	return act_read();
}

static int act_write(void)
{
	sleep_ms(30);
	return write(slave, "w", 1) < 0 ? errno : 0;
}

static int act_change(void)
{
	struct termios t;

	sleep_ms(30);
	tcgetattr(slave, &t);
	return tcsetattr(slave, TCSANOW, &t) < 0 ? errno : 0;
}

static int act_change_ignoring(void)
{
	signal(SIGTTOU, SIG_IGN);
	return act_change();
}

static int background_rules(void)
{
	if (background(act_read) != SIGTTIN)
		return 1;
	if (background(act_read_ignoring) != 1000 + EIO)
		return 2;
	if (background(act_write) != 1000)
		return 3;
	if (background(act_change) != SIGTTOU)
		return 4;
	if (background(act_change_ignoring) != 1000)
		return 5;
	set_flags(0, TOSTOP);
	if (background(act_write) != SIGTTOU)
		return 6;
	return 0;
}

static volatile sig_atomic_t resized;

static void on_resize(int signo)
{
	(void)signo;
	resized = 1;
}

static int notices_size(void)
{
	signal(SIGWINCH, on_resize);
	if (write(slave, "ready", 5) != 5)
		return 1;
	for (int i = 0; i < 20000 && !resized; i++)
		sleep_ms(10);
	return !resized;
}

static void test_job_control(void)
{
	struct winsize size = { 30, 90, 0, 0 };
	int status;
	pid_t pid;

	open_pair();
	pid = start_session(foreground_child_stops);
	expect_ready();
	type("\x1a");
	status = wait_status(pid, 0);
	check(status == 0, "^Z stops the foreground group (%x)", status);
	close_pair();

	open_pair();
	status = wait_status(start_session(background_rules), 0);
	check(status == 0, "SIGTTIN and SIGTTOU for the background (%x)",
	      status);
	close_pair();

	open_pair();
	pid = start_session(notices_size);
	expect_ready();
	ioctl(master, TIOCSWINSZ, &size);
	status = wait_status(pid, 0);
	check(status == 0, "SIGWINCH when the size changes (%x)", status);
	close_pair();
}

/* ---- Hang-up ---- */

static void test_hang_up(void)
{
	struct pollfd p;
	char buf[16];
	pid_t pid;
	int status;

	open_pair();
	if (write(slave, "last", 4) != 4)
		check(false, "writing the last words");
	close(slave);
	check(reads(master, "last"), "what was written can still be read");
	check(read(master, buf, sizeof(buf)) == -1 && errno == EIO,
	      "then the master gets EIO");
	p = (struct pollfd){ .fd = master, .events = POLLIN };
	check(poll(&p, 1, SURELY_MS) == 1 && p.revents & POLLHUP,
	      "and POLLHUP");
	close(master);

	open_pair();
	signal(SIGHUP, SIG_DFL);
	pid = start_session(waits_for_signal);
	expect_ready();
	close(master);
	status = wait_status(pid, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP,
	      "closing the master sends SIGHUP (%x)", status);
	check(write(slave, "x", 1) == -1 && errno == EIO,
	      "writing to a slave that was hung up: EIO");
	check(read(slave, buf, 1) == 0, "reading from it: end of file");
	check(!isatty(slave) && errno == EIO, "TCGETS on it: EIO");
	p = (struct pollfd){ .fd = slave, .events = POLLIN };
	check(poll(&p, 1, 0) == 1 && p.revents & POLLHUP, "POLLHUP on it");
	close(slave);
}

/* ---- Packet mode ---- */

static void test_packets(void)
{
	int on = 1;

	open_pair();
	check(ioctl(master, TIOCPKT, &on) == 0, "TIOCPKT");
	if (write(slave, "text", 4) != 4)
		check(false, "writing in packet mode");
	{
		char buf[16];
		ssize_t len = readable(master, SURELY_MS)
				      ? read(master, buf, sizeof(buf))
				      : -1;

		check(len == 5 && buf[0] == TIOCPKT_DATA &&
			      !memcmp(buf + 1, "text", 4),
		      "data has a head");
		tcflush(slave, TCIFLUSH);
		len = readable(master, SURELY_MS)
			      ? read(master, buf, sizeof(buf))
			      : -1;
		check(len == 1 && buf[0] == TIOCPKT_FLUSHREAD,
		      "a flush is told");
		tcflow(slave, TCOOFF);
		len = readable(master, SURELY_MS)
			      ? read(master, buf, sizeof(buf))
			      : -1;
		check(len == 1 && buf[0] == TIOCPKT_STOP, "a stop is told");
	}
	close_pair();
}

int main(void)
{
	alarm(290);
	test_pair();
	test_lines();
	test_long_line();
	test_editing();
	test_output();
	test_raw();
	test_mode_change();
	test_session();
	test_signal_keys();
	test_job_control();
	test_hang_up();
	test_packets();
	return check_status();
}
