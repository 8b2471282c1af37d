/* SPDX-License-Identifier: MIT */
/*
 * n_tty.c - the line discipline: editing, echo, flow control, signals
 *
 * The way of a received byte (receive_byte()), each step may end it:
 *   strip > literal (VLNEXT) > flow control > signal > CR/NL > edit > store
 * The way of a written byte: put_processed() (OPOST), or as it is.
 *
 * Gaps: ECHOPRT, EXTPROC and the delays of paper terminals are not there.
 */
#include "kernel/tty/n_tty.h"

#include "kernel/lib/string.h"

/* IXOFF: tell the other side to stop, and to go on. */
#define THROTTLE_ABOVE   (N_TTY_SIZE - 128u)
#define UNTHROTTLE_BELOW 128u

/* The places in the rings. */

static uint32_t place(uint32_t index)
{
	return index % N_TTY_SIZE;
}

static char input_at(const struct n_tty *n, uint32_t index)
{
	return n->input[place(index)];
}

static bool bit_test(const uint8_t *bits, uint32_t index)
{
	return bits[place(index) / 8] & (1u << (index % 8));
}

static void bit_set(uint8_t *bits, uint32_t index)
{
	bits[place(index) / 8] |= (uint8_t)(1u << (index % 8));
}

static void bit_clear(uint8_t *bits, uint32_t index)
{
	bits[place(index) / 8] &= (uint8_t) ~(1u << (index % 8));
}

/* What the settings say. */

static bool local(const struct n_tty *n, tcflag_t flags)
{
	return (n->termios.c_lflag & flags) == flags;
}

static bool input_flag(const struct n_tty *n, tcflag_t flag)
{
	return n->termios.c_iflag & flag;
}

/* Is @byte the control character c_cc[@which]? 0 turns one off. */
static bool is_key(const struct n_tty *n, unsigned int which, char byte)
{
	return byte && n->termios.c_cc[which] == (unsigned char)byte;
}

static bool is_control(char byte)
{
	return (unsigned char)byte < 0x20 || byte == 0x7f;
}

/* The second and later bytes of a UTF-8 character. */
static bool is_continuation(const struct n_tty *n, char byte)
{
	return input_flag(n, IUTF8) && ((unsigned char)byte & 0xc0) == 0x80;
}

static bool is_word_byte(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= 'a' && byte <= 'z') || byte == '_' ||
	       (unsigned char)byte >= 0x80;
}

/* Output. */

size_t n_tty_output_count(const struct n_tty *n)
{
	return n->out_head - n->out_tail;
}

/* All of @bytes or nothing, if the output then stays within @limit. */
static bool put_raw(struct n_tty *n, const char *bytes, uint32_t size,
		    uint32_t limit)
{
	uint32_t at = place(n->out_head);
	uint32_t first = MIN(size, N_TTY_SIZE - at);

	if (n_tty_output_count(n) + size > limit)
		return false;
	memcpy(n->output + at, bytes, first);
	memcpy(n->output, bytes + first, size - first);
	n->out_head += size;
	return true;
}

static void to_column_zero(struct n_tty *n)
{
	n->column = 0;
	n->line_column = 0;
}

static bool put_newline(struct n_tty *n, uint32_t limit)
{
	bool with_return = n->termios.c_oflag & ONLCR;

	if (!put_raw(n, with_return ? "\r\n" : "\n", with_return ? 2 : 1,
		     limit))
		return false;
	if (with_return || (n->termios.c_oflag & ONLRET))
		to_column_zero(n);
	return true;
}

static bool put_return(struct n_tty *n, uint32_t limit)
{
	bool as_newline = n->termios.c_oflag & OCRNL;

	if ((n->termios.c_oflag & ONOCR) && n->column == 0)
		return true;
	if (!put_raw(n, as_newline ? "\n" : "\r", 1, limit))
		return false;
	if (!as_newline || (n->termios.c_oflag & ONLRET))
		to_column_zero(n);
	return true;
}

static bool put_tab(struct n_tty *n, uint32_t limit)
{
	uint32_t width = 8 - n->column % 8;
	bool as_blanks = (n->termios.c_oflag & TABDLY) == XTABS;

	if (!put_raw(n, as_blanks ? "        " : "\t", as_blanks ? width : 1,
		     limit))
		return false;
	n->column += width;
	return true;
}

/* One byte through OPOST; false: no room. */
static bool put_processed(struct n_tty *n, char byte, uint32_t limit)
{
	tcflag_t flags = n->termios.c_oflag;

	if (!(flags & OPOST))
		return put_raw(n, &byte, 1, limit);
	if (byte == '\n')
		return put_newline(n, limit);
	if (byte == '\r')
		return put_return(n, limit);
	if (byte == '\t')
		return put_tab(n, limit);
	if ((flags & OLCUC) && byte >= 'a' && byte <= 'z')
		byte = (char)(byte - 'a' + 'A');
	if (!put_raw(n, &byte, 1, limit))
		return false;
	if (byte == '\b')
		n->column -= n->column > 0;
	else if (!is_control(byte) && !is_continuation(n, byte))
		n->column++;
	return true;
}

/* How many bytes from the start need no processing and fit into @room. */
static size_t plain_run(const struct n_tty *n, const char *bytes, size_t size,
			size_t room)
{
	size_t most = MIN(size, room);
	size_t run = 0;

	if (!(n->termios.c_oflag & OPOST))
		return most;
	if (n->termios.c_oflag & OLCUC)
		return 0;
	while (run < most && !is_control(bytes[run]))
		run++;
	return run;
}

static void advance_column(struct n_tty *n, const char *bytes, size_t size)
{
	if (!(n->termios.c_oflag & OPOST))
		return;
	for (size_t i = 0; i < size; i++)
		n->column += !is_continuation(n, bytes[i]);
}

size_t n_tty_write_room(const struct n_tty *n)
{
	size_t limit = N_TTY_SIZE - N_TTY_ECHO_RESERVE;
	size_t used = n_tty_output_count(n);

	return used < limit ? limit - used : 0;
}

size_t n_tty_write(struct n_tty *n, const char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t run = plain_run(n, bytes + done, size - done,
				       n_tty_write_room(n));

		if (run) {
			put_raw(n, bytes + done, (uint32_t)run, N_TTY_SIZE);
			advance_column(n, bytes + done, run);
			done += run;
		} else if (put_processed(n, bytes[done],
					 N_TTY_SIZE - N_TTY_ECHO_RESERVE)) {
			done++;
		} else {
			break;
		}
	}
	return done;
}

size_t n_tty_output_peek(const struct n_tty *n, const char **bytes)
{
	uint32_t at = place(n->out_tail);

	*bytes = n->output + at;
	if (n->stopped)
		return 0;
	return MIN((uint32_t)n_tty_output_count(n), N_TTY_SIZE - at);
}

void n_tty_output_advance(struct n_tty *n, size_t size)
{
	n->out_tail += (uint32_t)size;
}

void n_tty_flush_output(struct n_tty *n)
{
	n->out_tail = n->out_head;
	n->events |= N_TTY_FLUSH_OUTPUT;
}

void n_tty_stop(struct n_tty *n, unsigned int by)
{
	if (!n->stopped)
		n->events |= N_TTY_STOPPED;
	n->stopped |= by;
}

void n_tty_start(struct n_tty *n, unsigned int by)
{
	if (n->stopped && !(n->stopped & ~by))
		n->events |= N_TTY_STARTED;
	n->stopped &= ~by;
}

void n_tty_send_stop(struct n_tty *n)
{
	char byte = (char)n->termios.c_cc[VSTOP];

	if (byte)
		put_raw(n, &byte, 1, N_TTY_SIZE);
}

void n_tty_send_start(struct n_tty *n)
{
	char byte = (char)n->termios.c_cc[VSTART];

	if (byte)
		put_raw(n, &byte, 1, N_TTY_SIZE);
}

/* Echo: dropped when the output is full, as nobody could wait for room. */

static void echo_raw(struct n_tty *n, char byte)
{
	put_processed(n, byte, N_TTY_SIZE);
}

/* @byte so that one can see it: ^C for a control character (ECHOCTL). */
static void echo(struct n_tty *n, char byte)
{
	if (local(n, ECHOCTL) && is_control(byte) && byte != '\t') {
		echo_raw(n, '^');
		byte = (char)(byte ^ 0x40);
	}
	echo_raw(n, byte);
}

static void echo_text(struct n_tty *n, const char *text)
{
	while (*text)
		echo_raw(n, *text++);
}

/* Input: the ring. */

/* Put @byte at the end; @room: places that must be left free after it. */
static bool store(struct n_tty *n, char byte, uint32_t room)
{
	if (n->head - n->tail + room >= N_TTY_SIZE) {
		if (input_flag(n, IMAXBEL))
			echo_raw(n, '\a');
		return false;
	}
	bit_clear(n->line_end, n->head);
	bit_clear(n->end_of_file, n->head);
	n->input[place(n->head++)] = byte;
	return true;
}

static void store_data(struct n_tty *n, char byte)
{
	uint32_t room = n_tty_is_canonical(n) ? 1 : 0; /* N4 */

	/* A real 0xff is told from the mark of a broken byte by doubling. */
	if ((unsigned char)byte == 0xff && input_flag(n, PARMRK) &&
	    !input_flag(n, ISTRIP))
		store(n, byte, room);
	store(n, byte, room);
}

/* @byte ends the line; @is_mark: it is VEOF and no part of it. */
static void store_line_end(struct n_tty *n, char byte, bool is_mark)
{
	if (!store(n, byte, 0))
		return;
	bit_set(n->line_end, n->head - 1);
	if (is_mark)
		bit_set(n->end_of_file, n->head - 1);
	n->line_head = n->head;
	n->events |= N_TTY_READABLE;
}

static void store_and_echo(struct n_tty *n, char byte)
{
	if (local(n, ECHO)) {
		if (n->head == n->line_head)
			n->line_column = n->column;
		if (byte == '\n')
			echo_raw(n, byte);
		else
			echo(n, byte);
	}
	store_data(n, byte);
}

/* Input: erasing. */

/* Columns that the text typed before @end takes, back to a tab or the start of
 * the line; *@from is the column it starts in. */
static uint32_t columns_before(const struct n_tty *n, uint32_t end,
			       uint32_t *from)
{
	uint32_t columns = 0;

	*from = n->line_column;
	while (end != n->line_head) {
		char byte = input_at(n, --end);

		if (byte == '\t') {
			*from = 0; /* any column that a tab leads to */
			break;
		}
		if (is_control(byte))
			columns += local(n, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(n, byte))
			columns++;
	}
	return columns;
}

static void echo_erased_tab(struct n_tty *n)
{
	uint32_t from;
	uint32_t columns = columns_before(n, n->head, &from);

	for (uint32_t i = (from + columns) % 8; i < 8; i++)
		echo_raw(n, '\b');
}

/* Take @byte, which was the last of the line, from the screen. */
static void echo_erased(struct n_tty *n, char byte)
{
	if (byte == '\t') {
		echo_erased_tab(n);
		return;
	}
	if (is_control(byte)) {
		if (!local(n, ECHOCTL))
			return;
		echo_text(n, "\b \b");
	}
	echo_text(n, "\b \b");
}

/* The last character, all its bytes: its index in the ring. */
static uint32_t last_character(const struct n_tty *n)
{
	uint32_t at = n->head - 1;

	while (at != n->line_head && is_continuation(n, input_at(n, at)))
		at--;
	return at;
}

static void erase_character(struct n_tty *n)
{
	if (n->head == n->line_head)
		return;
	n->head = last_character(n);
	if (!local(n, ECHO))
		return;
	if (local(n, ECHOE))
		echo_erased(n, input_at(n, n->head));
	else
		echo(n, (char)n->termios.c_cc[VERASE]);
}

/* Back over what is no word, then over one word. */
static void erase_word(struct n_tty *n)
{
	bool in_word = false;

	while (n->head != n->line_head) {
		uint32_t at = last_character(n);

		if (is_word_byte(input_at(n, at)))
			in_word = true;
		else if (in_word)
			break;
		n->head = at;
		if (local(n, ECHO))
			echo_erased(n, input_at(n, at));
	}
}

static void erase_line(struct n_tty *n)
{
	if (n->head == n->line_head)
		return;
	if (local(n, ECHO | ECHOE | ECHOK | ECHOKE)) {
		while (n->head != n->line_head) {
			n->head = last_character(n);
			echo_erased(n, input_at(n, n->head));
		}
		return;
	}
	n->head = n->line_head;
	if (!local(n, ECHO))
		return;
	echo(n, (char)n->termios.c_cc[VKILL]);
	if (local(n, ECHOK))
		echo_raw(n, '\n');
}

static void reprint_line(struct n_tty *n)
{
	echo(n, (char)n->termios.c_cc[VREPRINT]);
	echo_raw(n, '\n');
	for (uint32_t i = n->line_head; i != n->head; i++)
		echo(n, input_at(n, i));
}

/* Input: the steps of one byte. Each returns true if the byte ends there. */

static bool edit_extended(struct n_tty *n, char byte)
{
	if (is_key(n, VWERASE, byte)) {
		erase_word(n);
		return true;
	}
	if (is_key(n, VLNEXT, byte)) {
		n->literal_next = true;
		if (local(n, ECHO | ECHOCTL))
			echo_text(n, "^\b");
		return true;
	}
	if (is_key(n, VREPRINT, byte) && local(n, ECHO)) {
		reprint_line(n);
		return true;
	}
	return false;
}

static bool edit(struct n_tty *n, char byte)
{
	if (is_key(n, VERASE, byte)) {
		erase_character(n);
		return true;
	}
	if (is_key(n, VKILL, byte)) {
		erase_line(n);
		return true;
	}
	if (local(n, IEXTEN) && edit_extended(n, byte))
		return true;
	if (byte == '\n') {
		if (local(n, ECHO) || local(n, ECHONL))
			echo_raw(n, '\n');
		store_line_end(n, byte, false);
		return true;
	}
	if (is_key(n, VEOF, byte)) {
		store_line_end(n, 0, true);
		return true;
	}
	if (is_key(n, VEOL, byte) ||
	    (is_key(n, VEOL2, byte) && local(n, IEXTEN))) {
		if (local(n, ECHO))
			echo(n, byte);
		store_line_end(n, byte, false);
		return true;
	}
	return false;
}

static bool flow_control(struct n_tty *n, char byte)
{
	if (!input_flag(n, IXON))
		return false;
	if (is_key(n, VSTART, byte)) {
		n_tty_start(n, N_TTY_BY_KEY);
		return true;
	}
	if (is_key(n, VSTOP, byte)) {
		n_tty_stop(n, N_TTY_BY_KEY);
		return true;
	}
	if (input_flag(n, IXANY))
		n_tty_start(n, N_TTY_BY_KEY);
	return false;
}

static bool signal_key(struct n_tty *n, char byte)
{
	unsigned int event;

	if (!local(n, ISIG))
		return false;
	if (is_key(n, VINTR, byte))
		event = N_TTY_INTERRUPT;
	else if (is_key(n, VQUIT, byte))
		event = N_TTY_QUIT;
	else if (is_key(n, VSUSP, byte))
		event = N_TTY_SUSPEND;
	else
		return false;

	n->events |= event;
	if (!local(n, NOFLSH)) {
		n_tty_flush_input(n);
		n_tty_flush_output(n);
	}
	if (input_flag(n, IXON))
		n_tty_start(n, N_TTY_BY_KEY);
	if (local(n, ECHO))
		echo(n, byte);
	return true;
}

static void receive_byte(struct n_tty *n, char byte)
{
	if (input_flag(n, ISTRIP))
		byte &= 0x7f;
	if (input_flag(n, IUCLC) && local(n, IEXTEN) && byte >= 'A' &&
	    byte <= 'Z')
		byte = (char)(byte - 'A' + 'a');
	if (n->literal_next) {
		n->literal_next = false;
		store_and_echo(n, byte);
		return;
	}
	if (flow_control(n, byte) || signal_key(n, byte))
		return;
	if (byte == '\r' && input_flag(n, IGNCR))
		return;
	if (byte == '\r' && input_flag(n, ICRNL))
		byte = '\n';
	else if (byte == '\n' && input_flag(n, INLCR))
		byte = '\r';
	if (n_tty_is_canonical(n) && edit(n, byte))
		return;
	store_and_echo(n, byte);
}

void n_tty_receive(struct n_tty *n, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		receive_byte(n, bytes[i]);
	if (!n_tty_is_canonical(n) && n->head != n->tail)
		n->events |= N_TTY_READABLE;
	if (input_flag(n, IXOFF) && !n->throttled &&
	    n->head - n->tail > THROTTLE_ABOVE) {
		n->throttled = true;
		n_tty_send_stop(n);
	}
}

size_t n_tty_receive_room(const struct n_tty *n)
{
	uint32_t used = n->head - n->tail;

	if (!n_tty_is_canonical(n))
		return N_TTY_SIZE - used;
	/* With no whole line inside, nothing but more input can make room:
	 * go on and drop what is too much. */
	if (n->line_head == n->tail)
		return N_TTY_SIZE;
	return used < N_TTY_SIZE - 1 ? N_TTY_SIZE - 1 - used : 0;
}

/* Input: reading. */

bool n_tty_readable(const struct n_tty *n, size_t minimum)
{
	if (n_tty_is_canonical(n))
		return n->line_head != n->tail;
	return n->head - n->tail >= minimum;
}

static size_t read_line(struct n_tty *n, char *to, size_t size, bool *line_done)
{
	size_t done = 0;

	while (n->tail != n->line_head && !*line_done) {
		bool is_data = !bit_test(n->end_of_file, n->tail);

		if (is_data && done == size)
			break;
		if (is_data)
			to[done++] = input_at(n, n->tail);
		*line_done = bit_test(n->line_end, n->tail);
		n->tail++;
	}
	return done;
}

static size_t read_bytes(struct n_tty *n, char *to, size_t size)
{
	size_t done = 0;

	while (done < size && n->tail != n->head)
		to[done++] = input_at(n, n->tail++);
	n->line_head = n->head;
	return done;
}

size_t n_tty_read(struct n_tty *n, char *to, size_t size, bool *line_done)
{
	size_t done;

	*line_done = false;
	if (n_tty_is_canonical(n))
		done = read_line(n, to, size, line_done);
	else
		done = read_bytes(n, to, size);
	if (n->throttled && n->head - n->tail < UNTHROTTLE_BELOW) {
		n->throttled = false;
		n_tty_send_start(n);
	}
	return done;
}

size_t n_tty_input_count(const struct n_tty *n)
{
	size_t count = 0;

	if (!n_tty_is_canonical(n))
		return n->head - n->tail;
	for (uint32_t i = n->tail; i != n->line_head; i++)
		count += !bit_test(n->end_of_file, i);
	return count;
}

void n_tty_flush_input(struct n_tty *n)
{
	n->tail = n->head;
	n->line_head = n->head;
	n->literal_next = false;
	n->events |= N_TTY_FLUSH_INPUT;
	if (n->throttled) {
		n->throttled = false;
		n_tty_send_start(n);
	}
}

/* Settings. */

/* What was typed so far becomes one line, or plain bytes. */
static void change_mode(struct n_tty *n)
{
	memset(n->line_end, 0, sizeof(n->line_end));
	memset(n->end_of_file, 0, sizeof(n->end_of_file));
	if (n->head != n->tail)
		bit_set(n->line_end, n->head - 1);
	n->line_head = n->head;
	n->literal_next = false;
	if (n->head != n->tail)
		n->events |= N_TTY_READABLE;
}

/* Flow control as terminal emulators do it themselves, by ^S and ^Q. */
static bool has_usual_flow(const struct n_tty *n)
{
	return input_flag(n, IXON) && n->termios.c_cc[VSTOP] == ('S' & 0x1f) &&
	       n->termios.c_cc[VSTART] == ('Q' & 0x1f);
}

void n_tty_set_termios(struct n_tty *n, const struct termios2 *termios)
{
	tcflag_t changed = n->termios.c_lflag ^ termios->c_lflag;
	bool usual_before = has_usual_flow(n);

	n->termios = *termios;
	if (has_usual_flow(n) != usual_before)
		n->events |= usual_before ? N_TTY_FLOW_OTHER : N_TTY_FLOW_USUAL;
	if (changed & ICANON)
		change_mode(n);
	if (!input_flag(n, IXON))
		n_tty_start(n, N_TTY_BY_KEY);
}

void n_tty_init(struct n_tty *n)
{
	static const struct termios2 sane = {
		.c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B38400 | CS8 | CREAD | HUPCL,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL |
			   ECHOKE | IEXTEN,
		.c_cc = {
			[VINTR] = 'C' & 0x1f,
			[VQUIT] = '\\' & 0x1f,
			[VERASE] = 0x7f,
			[VKILL] = 'U' & 0x1f,
			[VEOF] = 'D' & 0x1f,
			[VMIN] = 1,
			[VSTART] = 'Q' & 0x1f,
			[VSTOP] = 'S' & 0x1f,
			[VSUSP] = 'Z' & 0x1f,
			[VREPRINT] = 'R' & 0x1f,
			[VDISCARD] = 'O' & 0x1f,
			[VWERASE] = 'W' & 0x1f,
			[VLNEXT] = 'V' & 0x1f,
		},
		.c_ispeed = 38400,
		.c_ospeed = 38400,
	};

	memset(n, 0, sizeof(*n));
	n->termios = sane;
}
