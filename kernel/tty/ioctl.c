/* SPDX-License-Identifier: MIT */
/*
 * ioctl.c - settings of a terminal: tty_ioctl(4), termios(3)
 *
 * Idea: one switch for the calls that mean the same from both sides of a pty
 * (tty_ioctl_common()), one for those of a terminal proper. Changes by a
 * background process stop it first (SIGTTOU).
 *
 * What is not here is answered with -ENOTTY, as for a file that is no
 * terminal: the virtual consoles of a PC (KD*, VT_*) and TIOCGSERIAL, with
 * which programs ask whether they have one.
 */
#include "kernel/tty/internal.h"

#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#include <linux/capability.h>

/* What a serial line without modem wires says of them: all is well. */
#define MODEM_LINES (TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_CAR | TIOCM_DSR)

/* struct termios is the beginning of struct termios2. */
_Static_assert(offsetof(struct termios2, c_cc) ==
		       offsetof(struct termios, c_cc),
	       "struct termios");
_Static_assert(sizeof(struct termios) == 36 && sizeof(struct termios2) == 44,
	       "struct termios");

/* The rate that the CBAUD bits of @cflag stand for; 0: none or BOTHER. */
static speed_t baud_rate(tcflag_t cflag)
{
	static const speed_t slow[] = { 0,    50,   75,    110,  134,  150,
					200,  300,  600,   1200, 1800, 2400,
					4800, 9600, 19200, 38400 };
	static const speed_t fast[] = { 0,       57600,   115200,  230400,
					460800,  500000,  576000,  921600,
					1000000, 1152000, 1500000, 2000000,
					2500000, 3000000, 3500000, 4000000 };
	tcflag_t bits = cflag & CBAUD;

	if (bits & CBAUDEX)
		return fast[bits & ~(tcflag_t)CBAUDEX];
	return slow[bits];
}

/* Speeds follow the bits of c_cflag unless those say "other". */
static void settle_speeds(struct termios2 *termios)
{
	tcflag_t cflag = termios->c_cflag;
	tcflag_t in_bits = (cflag >> IBSHIFT) & CBAUD;

	if ((cflag & CBAUD) != BOTHER)
		termios->c_ospeed = baud_rate(cflag);
	if (in_bits == B0)
		termios->c_ispeed = termios->c_ospeed;
	else if (in_bits != BOTHER)
		termios->c_ispeed = baud_rate(in_bits);
}

static void get_termios(struct tty *tty, struct termios2 *termios)
{
	spin_lock(&tty->lock);
	*termios = tty->line.termios;
	spin_unlock(&tty->lock);
}

static tcflag_t merge(tcflag_t locked, tcflag_t old, tcflag_t new)
{
	return (old & locked) | (new & ~locked);
}

/* What TIOCSLCKTRMIOS locked stays as it is. */
static void keep_locked(struct termios2 *new, const struct termios2 *old,
			const struct termios2 *locked)
{
	new->c_iflag = merge(locked->c_iflag, old->c_iflag, new->c_iflag);
	new->c_oflag = merge(locked->c_oflag, old->c_oflag, new->c_oflag);
	new->c_cflag = merge(locked->c_cflag, old->c_cflag, new->c_cflag);
	new->c_lflag = merge(locked->c_lflag, old->c_lflag, new->c_lflag);
	if (locked->c_line)
		new->c_line = old->c_line;
	for (unsigned int i = 0; i < NCCS; i++) {
		if (locked->c_cc[i])
			new->c_cc[i] = old->c_cc[i];
	}
}

/* Steps before a change takes effect: TCSADRAIN, TCSAFLUSH of termios(3). */
enum change_when { CHANGE_NOW, CHANGE_AFTER_DRAIN, CHANGE_AFTER_FLUSH };

static long set_termios(struct tty *tty, enum change_when when, size_t size,
			unsigned long arg)
{
	struct termios2 new;
	int err;

	err = tty_check_foreground(tty, SIGTTOU);
	if (err)
		return err;
	get_termios(tty, &new);
	if (copy_from_user(&new, (void __user *)arg, size))
		return -EFAULT;
	settle_speeds(&new);
	if (when != CHANGE_NOW) {
		err = tty_drain(tty);
		if (err)
			return err;
	}

	tty_lock(tty);
	if (when == CHANGE_AFTER_FLUSH)
		n_tty_flush_input(&tty->line);
	keep_locked(&new, &tty->line.termios, &tty->locked);
	n_tty_set_termios(&tty->line, &new);
	tty_unlock(tty);
	return 0;
}

static long copy_out(unsigned long arg, const void *value, size_t size)
{
	return copy_to_user((void __user *)arg, value, size);
}

static long get_locked(struct tty *tty, unsigned long arg)
{
	struct termios2 locked;

	spin_lock(&tty->lock);
	locked = tty->locked;
	spin_unlock(&tty->lock);
	return copy_out(arg, &locked, sizeof(struct termios));
}

static long set_locked(struct tty *tty, unsigned long arg)
{
	struct termios2 locked = { 0 };

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&locked, (void __user *)arg, sizeof(struct termios)))
		return -EFAULT;
	spin_lock(&tty->lock);
	tty->locked = locked;
	spin_unlock(&tty->lock);
	return 0;
}

/* Window size. */

void tty_set_size(struct tty *tty, const struct winsize *size)
{
	struct pid *group = NULL;

	spin_lock(&tty->lock);
	if (memcmp(size, &tty->size, sizeof(*size)) != 0 && tty->foreground) {
		group = tty->foreground;
		pid_get(group);
	}
	tty->size = *size;
	spin_unlock(&tty->lock);
	if (group) {
		signal_send_group(group, SIGWINCH, NULL);
		pid_put(group);
	}
}

static long set_size(struct tty *tty, unsigned long arg)
{
	struct winsize size;

	if (copy_from_user(&size, (void __user *)arg, sizeof(size)))
		return -EFAULT;
	tty_set_size(tty, &size);
	return 0;
}

static long get_size(struct tty *tty, unsigned long arg)
{
	struct winsize size;

	spin_lock(&tty->lock);
	size = tty->size;
	spin_unlock(&tty->lock);
	return copy_out(arg, &size, sizeof(size));
}

/* Queues and flow. */

static long flush(struct tty *tty, unsigned long arg)
{
	int err = tty_check_foreground(tty, SIGTTOU);

	if (err)
		return err;
	if (arg > TCIOFLUSH)
		return -EINVAL;
	tty_lock(tty);
	if (arg == TCIFLUSH || arg == TCIOFLUSH) {
		n_tty_flush_input(&tty->line);
		if (tty->below->input_taken)
			tty->below->input_taken(tty);
	}
	if (arg == TCOFLUSH || arg == TCIOFLUSH)
		n_tty_flush_output(&tty->line);
	tty_unlock(tty);
	return 0;
}

static long flow(struct tty *tty, unsigned long arg)
{
	int err = tty_check_foreground(tty, SIGTTOU);

	if (err)
		return err;
	if (arg > TCION)
		return -EINVAL;
	tty_lock(tty);
	if (arg == TCOOFF)
		n_tty_stop(&tty->line, N_TTY_BY_CALL);
	else if (arg == TCOON)
		n_tty_start(&tty->line, N_TTY_BY_CALL);
	else if (arg == TCIOFF)
		n_tty_send_stop(&tty->line);
	else
		n_tty_send_start(&tty->line);
	tty_unlock(tty);
	return 0;
}

/* tcdrain(3) and tcsendbreak(3); a break itself is not sent. */
static long send_break(struct tty *tty)
{
	int err = tty_check_foreground(tty, SIGTTOU);

	return err ? err : tty_drain(tty);
}

static long count_input(struct tty *tty, unsigned long arg)
{
	size_t count;

	spin_lock(&tty->lock);
	count = n_tty_input_count(&tty->line);
	spin_unlock(&tty->lock);
	return put_user_u32((void __user *)arg, (uint32_t)count);
}

static long count_output(struct tty *tty, unsigned long arg)
{
	size_t count = 0; /* the master of a pty has it as soon as written */

	spin_lock(&tty->lock);
	if (!tty->below->is_pty)
		count = n_tty_output_count(&tty->line);
	spin_unlock(&tty->lock);
	return put_user_u32((void __user *)arg, (uint32_t)count);
}

/* Odds and ends. */

static long set_exclusive(struct tty *tty, bool exclusive)
{
	spin_lock(&tty->lock);
	tty->exclusive = exclusive;
	spin_unlock(&tty->lock);
	return 0;
}

/* TIOCSSOFTCAR: is the carrier wire to be ignored? */
static long set_local(struct tty *tty, unsigned long arg)
{
	uint32_t on;

	if (get_user_u32(&on, (void __user *)arg))
		return -EFAULT;
	spin_lock(&tty->lock);
	if (on)
		tty->line.termios.c_cflag |= CLOCAL;
	else
		tty->line.termios.c_cflag &= ~(tcflag_t)CLOCAL;
	spin_unlock(&tty->lock);
	return 0;
}

static long set_discipline(unsigned long arg)
{
	uint32_t number;

	if (get_user_u32(&number, (void __user *)arg))
		return -EFAULT;
	return number == 0 ? 0 : -EINVAL; /* N_TTY is the only one */
}

static long hang_up(struct tty *tty)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	tty_hang_up(tty, false);
	return 0;
}

/* Settings, read and written; -ENOTTY: not one of these. */
static long termios_call(struct tty *tty, unsigned int cmd, unsigned long arg)
{
	const size_t old_size = sizeof(struct termios);
	const size_t new_size = sizeof(struct termios2);
	struct termios2 termios;

	switch (cmd) {
	case TCGETS:
		get_termios(tty, &termios);
		return copy_out(arg, &termios, old_size);
	case TCGETS2:
		get_termios(tty, &termios);
		return copy_out(arg, &termios, new_size);
	case TCSETS:
		return set_termios(tty, CHANGE_NOW, old_size, arg);
	case TCSETSW:
		return set_termios(tty, CHANGE_AFTER_DRAIN, old_size, arg);
	case TCSETSF:
		return set_termios(tty, CHANGE_AFTER_FLUSH, old_size, arg);
	case TCSETS2:
		return set_termios(tty, CHANGE_NOW, new_size, arg);
	case TCSETSW2:
		return set_termios(tty, CHANGE_AFTER_DRAIN, new_size, arg);
	case TCSETSF2:
		return set_termios(tty, CHANGE_AFTER_FLUSH, new_size, arg);
	case TIOCGLCKTRMIOS:
		return get_locked(tty, arg);
	case TIOCSLCKTRMIOS:
		return set_locked(tty, arg);
	case TIOCGSOFTCAR:
		get_termios(tty, &termios);
		return put_user_u32((void __user *)arg,
				    !!(termios.c_cflag & CLOCAL));
	case TIOCSSOFTCAR:
		return set_local(tty, arg);
	default:
		return -ENOTTY;
	}
}

long tty_ioctl_common(struct tty *tty, bool from_master, unsigned int cmd,
		      unsigned long arg)
{
	switch (cmd) {
	case TIOCGWINSZ:
		return get_size(tty, arg);
	case TIOCSWINSZ:
		return set_size(tty, arg);
	case TIOCGPGRP:
		return tty_ioctl_get_group(tty, from_master, arg);
	case TIOCSPGRP:
		return tty_ioctl_set_group(tty, arg);
	case TIOCGSID:
		return tty_ioctl_get_session(tty, from_master, arg);
	case TIOCEXCL:
		return set_exclusive(tty, true);
	case TIOCNXCL:
		return set_exclusive(tty, false);
	case TIOCGEXCL:
		return put_user_u32((void __user *)arg, tty->exclusive);
	case TIOCGETD:
		return put_user_u32((void __user *)arg, 0);
	case TIOCSETD:
		return set_discipline(arg);
	case TIOCGDEV:
		return put_user_u32((void __user *)arg, (uint32_t)tty->rdev);
	case TIOCSTI:
		return -EIO; /* as Linux since 6.2: a known hole */
	case TIOCVHANGUP:
		return hang_up(tty);
	default:
		return termios_call(tty, cmd, arg);
	}
}

static long modem_call(struct tty *tty, unsigned int cmd, unsigned long arg)
{
	uint32_t lines;

	if (tty->below->is_pty)
		return -ENOTTY;
	if (cmd == TIOCMGET)
		return put_user_u32((void __user *)arg, MODEM_LINES);
	return get_user_u32(&lines, (void __user *)arg);
}

long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tty_open *open = file->data;
	struct tty *tty = open->tty;

	if (tty_is_hung_up(open))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TIOCSCTTY:
		return tty_ioctl_set_controlling(tty, file, arg == 1);
	case TIOCNOTTY:
		return tty_ioctl_give_up(tty);
	case TCFLSH:
		return flush(tty, arg);
	case TCXONC:
		return flow(tty, arg);
	case TCSBRK:
	case TCSBRKP:
	case TIOCSBRK:
		return send_break(tty);
	case TIOCCBRK:
		return 0;
	case TIOCINQ:
		return count_input(tty, arg);
	case TIOCOUTQ:
		return count_output(tty, arg);
	case TIOCMGET:
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC:
		return modem_call(tty, cmd, arg);
	default:
		return tty_ioctl_common(tty, false, cmd, arg);
	}
}
