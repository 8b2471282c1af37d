/* SPDX-License-Identifier: MIT */
/*
 * n_tty_test.c - what is typed, what a program reads, what the screen shows
 *
 * The expectations are those of termios(3), compared with Linux by hand and by
 * usr/test/pty.c, which makes many of the same claims through a real pty.
 */
#include "kernel/debug/ktest.h"
#include "kernel/lib/string.h"
#include "kernel/tty/n_tty.h"

static struct n_tty tty;

static void start_canonical(void)
{
	n_tty_init(&tty);
}

static void change(tcflag_t lflag_off, tcflag_t iflag_on)
{
	struct termios2 termios = tty.termios;

	termios.c_lflag &= ~lflag_off;
	termios.c_iflag |= iflag_on;
	n_tty_set_termios(&tty, &termios);
}

static void start_raw(void)
{
	struct termios2 termios;

	n_tty_init(&tty);
	termios = tty.termios;
	termios.c_iflag = 0;
	termios.c_oflag = 0;
	termios.c_lflag = 0;
	n_tty_set_termios(&tty, &termios);
	tty.events = 0;
}

static void type(const char *text)
{
	n_tty_receive(&tty, text, strlen(text));
}

/* One read of up to @size bytes gives exactly @text. */
static bool reads_up_to(size_t size, const char *text, bool line_done)
{
	char buf[64];
	bool done;
	size_t len = n_tty_read(&tty, buf, MIN(size, sizeof(buf)), &done);

	return len == strlen(text) && !memcmp(buf, text, len) &&
	       done == line_done;
}

static bool reads_line(const char *text)
{
	return reads_up_to(64, text, true);
}

/* All output so far is @text; it is taken. */
static bool shows(const char *text)
{
	const char *bytes;
	size_t size;

	while ((size = n_tty_output_peek(&tty, &bytes)) != 0) {
		if (size > strlen(text) || memcmp(bytes, text, size))
			return false;
		n_tty_output_advance(&tty, size);
		text += size;
	}
	return !*text;
}

static void ignore_output(void)
{
	const char *bytes;
	size_t size;

	while ((size = n_tty_output_peek(&tty, &bytes)) != 0)
		n_tty_output_advance(&tty, size);
}

/* ---- Lines ---- */

KTEST(n_tty_reads_one_line_at_a_time)
{
	start_canonical();
	type("one\rtwo\n");
	KTEST_TRUE(reads_line("one\n"));
	KTEST_TRUE(reads_line("two\n"));
	KTEST_TRUE(!n_tty_readable(&tty, 1));
	KTEST_TRUE(shows("one\r\ntwo\r\n"));
}

KTEST(n_tty_half_a_line_cannot_be_read)
{
	start_canonical();
	type("half");
	KTEST_TRUE(!n_tty_readable(&tty, 1));
	KTEST_EQUAL(n_tty_input_count(&tty), 0);
	KTEST_TRUE(!(tty.events & N_TTY_READABLE));
	type("\n");
	KTEST_TRUE(tty.events & N_TTY_READABLE);
	KTEST_EQUAL(n_tty_input_count(&tty), 5);
}

KTEST(n_tty_a_long_line_is_read_in_pieces)
{
	start_canonical();
	type("abcdef\n");
	KTEST_TRUE(reads_up_to(4, "abcd", false));
	KTEST_TRUE(reads_up_to(3, "ef\n", true));
}

KTEST(n_tty_end_of_file_ends_a_read)
{
	start_canonical();
	type("\x04");
	KTEST_TRUE(n_tty_readable(&tty, 1));
	KTEST_TRUE(reads_line(""));
	KTEST_TRUE(!n_tty_readable(&tty, 1));
	/* After text it only ends the line. */
	type("text\x04");
	KTEST_EQUAL(n_tty_input_count(&tty), 4);
	KTEST_TRUE(reads_line("text"));
	KTEST_TRUE(!n_tty_readable(&tty, 1));
}

KTEST(n_tty_end_of_file_right_behind_a_read_belongs_to_it)
{
	start_canonical();
	type("ab\x04");
	KTEST_TRUE(reads_up_to(2, "ab", true));
	KTEST_TRUE(!n_tty_readable(&tty, 1));
}

KTEST(n_tty_eol_characters_end_a_line)
{
	struct termios2 termios;

	start_canonical();
	termios = tty.termios;
	termios.c_cc[VEOL] = ';';
	termios.c_cc[VEOL2] = '!';
	n_tty_set_termios(&tty, &termios);
	type("a;b!");
	KTEST_TRUE(reads_line("a;"));
	KTEST_TRUE(reads_line("b!"));
}

KTEST(n_tty_too_long_a_line_can_still_be_ended)
{
	size_t len = 0;
	bool done;
	char c;

	start_canonical();
	for (unsigned int i = 0; i < 3 * N_TTY_SIZE; i++) {
		type("x");
		ignore_output();
	}
	type("\n");
	KTEST_EQUAL(n_tty_input_count(&tty), N_TTY_SIZE);
	do {
		KTEST_EQUAL(n_tty_read(&tty, &c, 1, &done), 1);
		len++;
	} while (!done);
	KTEST_EQUAL(len, N_TTY_SIZE);
	KTEST_EQUAL(c, '\n');
}

/* ---- Editing ---- */

KTEST(n_tty_erases_a_character)
{
	start_canonical();
	type("abx\x7f"
	     "c\n");
	KTEST_TRUE(shows("abx\b \bc\r\n"));
	KTEST_TRUE(reads_line("abc\n"));
}

KTEST(n_tty_erases_nothing_before_the_line)
{
	start_canonical();
	type("a\n\x7f\x7f"
	     "b\n");
	KTEST_TRUE(shows("a\r\nb\r\n"));
	KTEST_TRUE(reads_line("a\n"));
	KTEST_TRUE(reads_line("b\n"));
}

KTEST(n_tty_erases_a_shown_control_character_in_two_columns)
{
	start_canonical();
	type("\x01\x7f\n");
	KTEST_TRUE(shows("^A\b \b\b \b\r\n"));
	KTEST_TRUE(reads_line("\n"));
}

KTEST(n_tty_erases_a_tab_back_to_where_it_began)
{
	start_canonical();
	type("ab\t\x7f\n");
	KTEST_TRUE(shows("ab\t\b\b\b\b\b\b\r\n"));
	/* Behind a prompt, too. */
	n_tty_write(&tty, "$ ", 2);
	type("x\t\x7f\n");
	KTEST_TRUE(shows("$ x\t\b\b\b\b\b\r\n"));
}

KTEST(n_tty_erases_a_whole_utf8_character)
{
	start_canonical();
	change(0, IUTF8);
	type("a\xc3\xa9\x7f\n");
	KTEST_TRUE(shows("a\xc3\xa9\b \b\r\n"));
	KTEST_TRUE(reads_line("a\n"));
}

KTEST(n_tty_erases_a_word)
{
	start_canonical();
	type("one two  \x17");
	KTEST_TRUE(shows("one two  \b \b\b \b\b \b\b \b\b \b"));
	type("\n");
	KTEST_TRUE(reads_line("one \n"));
}

KTEST(n_tty_kills_a_line)
{
	start_canonical();
	type("abc\x15"
	     "d\n");
	KTEST_TRUE(shows("abc\b \b\b \b\b \bd\r\n"));
	KTEST_TRUE(reads_line("d\n"));
	/* Without ECHOKE the key is shown, and a new line begins. */
	change(ECHOKE, 0);
	type("abc\x15"
	     "d\n");
	KTEST_TRUE(shows("abc^U\r\nd\r\n"));
	KTEST_TRUE(reads_line("d\n"));
}

KTEST(n_tty_takes_the_next_character_literally)
{
	start_canonical();
	type("\x16\x03\x16\x7f\x16\n\n");
	KTEST_TRUE(!(tty.events & N_TTY_SIGNALS));
	KTEST_TRUE(shows("^\b^C^\b^?^\b\r\n\r\n"));
	KTEST_TRUE(reads_line("\x03\x7f\n\n"));
}

KTEST(n_tty_shows_the_line_again)
{
	start_canonical();
	type("ab\x12");
	KTEST_TRUE(shows("ab^R\r\nab"));
}

KTEST(n_tty_without_echo_shows_only_a_new_line_if_asked)
{
	start_canonical();
	change(ECHO, 0);
	type("secret\x7f\n");
	KTEST_TRUE(shows(""));
	KTEST_TRUE(reads_line("secre\n"));
	tty.termios.c_lflag |= ECHONL;
	type("x\n");
	KTEST_TRUE(shows("\r\n"));
}

/* ---- Translation of input ---- */

KTEST(n_tty_translates_and_drops_returns)
{
	start_canonical();
	change(0, IGNCR);
	type("a\rb\n");
	KTEST_TRUE(reads_line("ab\n"));
	start_raw();
	tty.termios.c_iflag = INLCR;
	type("\n");
	KTEST_TRUE(reads_up_to(8, "\r", false));
	tty.termios.c_iflag = ISTRIP;
	type("\xe1");
	KTEST_TRUE(reads_up_to(8, "a", false));
	tty.termios.c_iflag = PARMRK;
	type("\xff");
	KTEST_TRUE(reads_up_to(8, "\xff\xff", false));
}

/* ---- Signals and flow ---- */

KTEST(n_tty_signal_keys_flush)
{
	start_canonical();
	n_tty_write(&tty, "output", 6);
	type("line\nhalf\x03");
	KTEST_EQUAL(tty.events & N_TTY_SIGNALS, N_TTY_INTERRUPT);
	KTEST_TRUE(!n_tty_readable(&tty, 1));
	KTEST_TRUE(shows("^C"));
	tty.events = 0;
	type("\x1c\x1a");
	KTEST_EQUAL(tty.events & N_TTY_SIGNALS, N_TTY_QUIT | N_TTY_SUSPEND);
}

KTEST(n_tty_signal_keys_do_not_flush_under_noflsh)
{
	start_canonical();
	tty.termios.c_lflag |= NOFLSH;
	type("line\n\x03");
	KTEST_TRUE(tty.events & N_TTY_INTERRUPT);
	KTEST_TRUE(reads_line("line\n"));
}

KTEST(n_tty_signal_keys_work_when_the_input_is_full)
{
	start_canonical();
	for (unsigned int i = 0; i < N_TTY_SIZE; i++) {
		type("\n");
		ignore_output();
	}
	KTEST_EQUAL(n_tty_receive_room(&tty), 0);
	tty.events = 0;
	type("\x03");
	KTEST_TRUE(tty.events & N_TTY_INTERRUPT);
}

KTEST(n_tty_stops_and_starts_output)
{
	const char *bytes;

	start_canonical();
	type("\x13");
	n_tty_write(&tty, "text", 4);
	KTEST_EQUAL(n_tty_output_peek(&tty, &bytes), 0);
	type("\x11");
	KTEST_TRUE(shows("text"));
	KTEST_TRUE(!n_tty_readable(&tty, 1));
	/* Any key starts it again under IXANY; ^C always does. */
	type("\x13");
	change(0, IXANY);
	n_tty_write(&tty, "more", 4);
	type("x");
	KTEST_TRUE(shows("morex"));
}

KTEST(n_tty_stop_by_call_outlasts_the_key)
{
	const char *bytes;

	start_canonical();
	n_tty_stop(&tty, N_TTY_BY_CALL);
	n_tty_write(&tty, "text", 4);
	type("\x11");
	KTEST_EQUAL(n_tty_output_peek(&tty, &bytes), 0);
	n_tty_start(&tty, N_TTY_BY_CALL);
	KTEST_TRUE(shows("text"));
}

KTEST(n_tty_tells_the_other_side_to_stop_and_go_on)
{
	char buf[64];
	bool done;

	start_raw();
	tty.termios.c_iflag = IXOFF;
	for (unsigned int i = 0; i < N_TTY_SIZE - 64; i++)
		type("x");
	KTEST_TRUE(shows("\x13"));
	while (n_tty_readable(&tty, 1))
		n_tty_read(&tty, buf, sizeof(buf), &done);
	KTEST_TRUE(shows("\x11"));
}

/* ---- Raw mode and changes of mode ---- */

KTEST(n_tty_raw_mode_gives_every_byte)
{
	start_raw();
	type("a\x03\x04\r\n\x7f");
	KTEST_EQUAL(tty.events & N_TTY_SIGNALS, 0);
	KTEST_TRUE(n_tty_readable(&tty, 6));
	KTEST_TRUE(!n_tty_readable(&tty, 7));
	KTEST_TRUE(reads_up_to(64, "a\x03\x04\r\n\x7f", false));
}

KTEST(n_tty_raw_mode_drops_what_does_not_fit)
{
	start_raw();
	for (unsigned int i = 0; i < 2 * N_TTY_SIZE; i++)
		type("x");
	KTEST_EQUAL(n_tty_input_count(&tty), N_TTY_SIZE);
	KTEST_EQUAL(n_tty_receive_room(&tty), 0);
}

KTEST(n_tty_typed_ahead_text_survives_a_change_of_mode)
{
	struct termios2 termios;

	start_canonical();
	type("line\nhalf");
	change(ICANON, 0);
	KTEST_TRUE(reads_up_to(64, "line\nhalf", false));
	type("raw");
	tty.events = 0;
	termios = tty.termios;
	termios.c_lflag |= ICANON;
	n_tty_set_termios(&tty, &termios);
	/* What was there becomes a line, as if ended. */
	KTEST_TRUE(tty.events & N_TTY_READABLE);
	KTEST_TRUE(reads_line("raw"));
}

/* ---- Output ---- */

KTEST(n_tty_translates_output)
{
	start_canonical();
	n_tty_write(&tty, "a\nb", 3);
	KTEST_TRUE(shows("a\r\nb"));
	tty.termios.c_oflag = OPOST | OCRNL | ONOCR | OLCUC;
	n_tty_write(&tty, "c\r\r", 3);
	KTEST_TRUE(shows("C\n\n"));
	tty.termios.c_oflag = OPOST | XTABS;
	tty.column = 0;
	n_tty_write(&tty, "abc\tx", 5);
	KTEST_TRUE(shows("abc     x"));
	tty.termios.c_oflag = 0;
	n_tty_write(&tty, "\n\t\r", 3);
	KTEST_TRUE(shows("\n\t\r"));
}

KTEST(n_tty_output_keeps_room_for_echo)
{
	char text[256];
	size_t taken = 0, now;

	memset(text, 'x', sizeof(text));
	start_canonical();
	while ((now = n_tty_write(&tty, text, sizeof(text))) != 0)
		taken += now;
	KTEST_EQUAL(taken, N_TTY_SIZE - N_TTY_ECHO_RESERVE);
	KTEST_EQUAL(n_tty_write_room(&tty), 0);
	type("echo");
	KTEST_EQUAL(n_tty_output_count(&tty), taken + 4);
	/* And echo never overflows it. */
	for (unsigned int i = 0; i < N_TTY_SIZE; i++)
		type("x");
	KTEST_EQUAL(n_tty_output_count(&tty), N_TTY_SIZE);
}

KTEST(n_tty_a_new_line_does_not_fit_by_halves)
{
	char text[256];

	memset(text, 'x', sizeof(text));
	start_canonical();
	while (n_tty_write_room(&tty) > sizeof(text))
		n_tty_write(&tty, text, sizeof(text));
	n_tty_write(&tty, text, n_tty_write_room(&tty) - 1);
	KTEST_EQUAL(n_tty_write_room(&tty), 1);
	KTEST_EQUAL(n_tty_write(&tty, "\n", 1), 0);
}

/* ---- Everything at once ---- */

/* Whatever comes, the invariants N1 and N2 of n_tty.h hold. */
static bool is_sound(void)
{
	if (tty.head - tty.tail > N_TTY_SIZE ||
	    tty.out_head - tty.out_tail > N_TTY_SIZE)
		return false;
	if (!(tty.termios.c_lflag & ICANON))
		return true;
	return tty.line_head - tty.tail <= tty.head - tty.tail;
}

KTEST(n_tty_stands_any_input)
{
	uint64_t state = 4711;

	start_canonical();
	for (unsigned int i = 0; i < 200000; i++) {
		struct termios2 termios = tty.termios;
		char bytes[16];
		bool done;

		state = state * 48271 % 2147483647;
		for (unsigned int j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)(state >> (j % 8 * 3));
		switch (state % 9) {
		case 0:
			n_tty_read(&tty, bytes, state / 16 % 16, &done);
			break;
		case 1:
			n_tty_output_advance(&tty,
					     MIN((size_t)(state / 64 % 64),
						 n_tty_output_count(&tty)));
			break;
		case 2:
			n_tty_write(&tty, bytes, sizeof(bytes));
			break;
		case 3:
			if (state / 16 % 64)
				break;
			termios.c_lflag = (tcflag_t)(state / 64);
			termios.c_iflag = (tcflag_t)(state / 16);
			termios.c_oflag = (tcflag_t)(state / 32);
			n_tty_set_termios(&tty, &termios);
			break;
		default:
			n_tty_receive(&tty, bytes, state / 128 % 16);
			break;
		}
		if (!is_sound()) {
			KTEST_TRUE(is_sound());
			break;
		}
	}
}
