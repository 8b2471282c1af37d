/* SPDX-License-Identifier: MIT */
/*
 * devices.c - kinds of devices and file systems: devices, filesystems, tty/
 */
#include "kernel/fs/proc/internal.h"

int proc_show_devices(const struct proc_subject *subject, struct text *text)
{
	text_add(text, "Character devices:\n"
		       "  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n"
		       "  5 /dev/ptmx\n136 pts\n 10 misc\n\nBlock devices:\n"
		       "  1 ramdisk\n  7 loop\n254 virtblk\n259 blkext\n");
	return 0;
}

int proc_show_filesystems(const struct proc_subject *subject, struct text *text)
{
	const struct file_system_type *type;

	for (unsigned int i = 0; (type = file_system_at(i)) != NULL; i++)
		text_add(text, "%s\t%s\n", type->needs_device ? "" : "nodev",
			 type->name);
	return 0;
}

/* By this ps turns a terminal's number into a name. */
static const char tty_drivers[] =
	"/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
	"/dev/console         /dev/console    5       1 system:console\n"
	"/dev/ptmx            /dev/ptmx       5       2 system\n"
	"serial               /dev/ttyS       4 64-71 serial\n"
	"pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
	"pty_master           /dev/ptm      128 0-1048575 pty:master\n";

static const struct proc_entry ldisc_files[] = { {} };

const struct proc_entry proc_tty_files[] = {
	{ "drivers", PROC_FILE, .constant = tty_drivers },
	{ "ldiscs", PROC_FILE, .constant = "n_tty       0\n" },
	{ "ldisc", PROC_DIR, .children = ldisc_files },
	{},
};
