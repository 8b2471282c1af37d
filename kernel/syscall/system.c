/* SPDX-License-Identifier: MIT */
/*
 * system.c - system calls: the machine as a whole
 */
#include <arch/hart.h>
#include <arch/machine.h>
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/dev/random.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/proc/uts.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/time/clock.h"
#include "kernel/tty/tty.h"
#include "kernel/vfs/cred.h"

#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

/* ---- Names --------------------------------------------------------------- */

_Static_assert(sizeof(struct new_utsname) == 6UL * UTS_NAME_SIZE, "uname(2)");

long sys_uname(const struct syscall_args *a)
{
	struct new_utsname names = {
		.sysname = UTS_SYSNAME,
		.release = UTS_RELEASE,
		.version = UTS_VERSION,
		.machine = UTS_MACHINE,
	};

	uts_get_name(UTS_NODE_NAME, names.nodename);
	uts_get_name(UTS_DOMAIN_NAME, names.domainname);
	return copy_to_user(arg_ptr(a, 0), &names, sizeof(names));
}

static long set_name(enum uts_name which, const struct syscall_args *a)
{
	char name[UTS_NAME_SIZE];
	int size = arg_int(a, 1);

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (size < 0 || size >= UTS_NAME_SIZE)
		return -EINVAL;
	if (copy_from_user(name, arg_ptr(a, 0), (size_t)size))
		return -EFAULT;
	return uts_set_name(which, name, (size_t)size);
}

long sys_sethostname(const struct syscall_args *a)
{
	return set_name(UTS_NODE_NAME, a);
}

long sys_setdomainname(const struct syscall_args *a)
{
	return set_name(UTS_DOMAIN_NAME, a);
}

/* ---- What there is ------------------------------------------------------- */

long sys_sysinfo(const struct syscall_args *a)
{
	struct memory_info memory;
	struct sysinfo info = { 0 };
	uint64_t load[3];

	memory_get_info(&memory);
	sched_load_average(load); /* SI_LOAD_SHIFT is 16, as ours */
	info.uptime = (long)(clock_now_ns() / NSEC_PER_SEC);
	for (unsigned int i = 0; i < 3; i++)
		info.loads[i] = load[i];
	info.totalram = memory.managed * PAGE_SIZE;
	info.freeram = memory.free * PAGE_SIZE;
	info.sharedram = memory.shared * PAGE_SIZE;
	info.procs = (uint16_t)MIN(process_count_threads(), 0xffffu);
	info.mem_unit = 1;
	return copy_to_user(arg_ptr(a, 0), &info, sizeof(info));
}

/* riscv_hwprobe(2): keys and answers. */
enum {
	HWPROBE_VENDOR,
	HWPROBE_ARCH,
	HWPROBE_IMPLEMENTATION,
	HWPROBE_BASE,
	HWPROBE_EXTENSIONS,
};
#define HWPROBE_BASE_IMA 1u
#define HWPROBE_EXT_FD   1u
#define HWPROBE_EXT_C    2u

struct hwprobe_pair {
	int64_t key;
	uint64_t value;
};

static void answer_hwprobe(struct hwprobe_pair *pair)
{
	uint64_t ids[3];

	switch (pair->key) {
	case HWPROBE_VENDOR:
	case HWPROBE_ARCH:
	case HWPROBE_IMPLEMENTATION:
		arch_machine_ids(ids);
		pair->value = ids[pair->key];
		break;
	case HWPROBE_BASE:
		pair->value = HWPROBE_BASE_IMA;
		break;
	case HWPROBE_EXTENSIONS:
		pair->value = HWPROBE_EXT_FD | HWPROBE_EXT_C;
		break;
	default:
		pair->key = -1;
		pair->value = 0;
		break;
	}
}

/* All harts answer alike; the caller's set must only name one of them. */
static int check_hart_set(const void __user *from, size_t size)
{
	uint64_t harts = 0;

	if (!size && !from)
		return 0;
	if (copy_from_user(&harts, from, MIN(size, sizeof(harts))))
		return -EFAULT;
	return harts & sched_online_harts() ? 0 : -EINVAL;
}

long sys_riscv_hwprobe(const struct syscall_args *a)
{
	struct hwprobe_pair __user *pairs = arg_ptr(a, 0);
	size_t count = arg_size(a, 1);
	struct hwprobe_pair pair;
	int err;

	if (arg_uint(a, 4))
		return -EINVAL;
	err = check_hart_set(arg_ptr(a, 3), arg_size(a, 2));
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		if (copy_from_user(&pair, &pairs[i], sizeof(pair)))
			return -EFAULT;
		answer_hwprobe(&pair);
		if (copy_to_user(&pairs[i], &pair, sizeof(pair)))
			return -EFAULT;
	}
	return 0;
}

/* ---- Random numbers ------------------------------------------------------ */

#define RANDOM_CHUNK 256u
#define SEED_POLL_NS (20 * NSEC_PER_MSEC)
#define RANDOM_FLAGS (GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)

/* Until the generator has been seeded. 0, -EAGAIN, -ERESTARTSYS. */
static int wait_for_seed(bool nonblock)
{
	while (!random_is_seeded()) {
		if (nonblock)
			return -EAGAIN;
		if (thread_has_work(current(), WORK_SIGNAL | WORK_KILL))
			return -ERESTARTSYS;
		sched_sleep_ns(SEED_POLL_NS);
	}
	return 0;
}

long sys_getrandom(const struct syscall_args *a)
{
	char __user *to = arg_ptr(a, 0);
	size_t size = MIN(arg_size(a, 1), (size_t)INT32_MAX);
	unsigned int flags = arg_uint(a, 2);
	char chunk[RANDOM_CHUNK];
	size_t done = 0;
	int err;

	if ((flags & ~(unsigned int)RANDOM_FLAGS) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) ==
		    (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	err = flags & GRND_INSECURE ? 0 : wait_for_seed(flags & GRND_NONBLOCK);
	if (err)
		return err;
	while (done < size) {
		size_t part = MIN(size - done, sizeof(chunk));

		random_bytes(chunk, part);
		if (copy_to_user(to + done, chunk, part))
			return done ? (long)done : -EFAULT;
		done += part;
		/* Up to 256 bytes are never cut short: getrandom(2). */
		if (thread_has_work(current(), WORK_SIGNAL | WORK_KILL))
			break;
	}
	memset(chunk, 0, sizeof(chunk));
	return (long)done;
}

/* ---- Stopping ------------------------------------------------------------ */

static bool is_reboot_magic(unsigned int magic, unsigned int magic2)
{
	return magic == LINUX_REBOOT_MAGIC1 &&
	       (magic2 == LINUX_REBOOT_MAGIC2 ||
		magic2 == LINUX_REBOOT_MAGIC2A ||
		magic2 == LINUX_REBOOT_MAGIC2B ||
		magic2 == LINUX_REBOOT_MAGIC2C);
}

static void finish_up(const struct syscall_args *a, const char *message)
{
	sys_sync(a);
	log_info("reboot: %s", message);
	tty_flush_all();
}

long sys_reboot(const struct syscall_args *a)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (!is_reboot_magic(arg_uint(a, 0), arg_uint(a, 1)))
		return -EINVAL;
	switch (arg_uint(a, 2)) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0; /* there is no Ctrl-Alt-Del */
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		finish_up(a, "restarting system");
		arch_reboot();
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		/* A halted machine has nothing left to do: off as well. */
		finish_up(a, "power down");
		arch_power_off(false);
	default:
		return -EINVAL;
	}
}

long sys_vhangup(const struct syscall_args *a)
{
	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	tty_vhangup();
	return 0;
}

/* ---- Messages: syslog(2) ------------------------------------------------- */

enum {
	SYSLOG_CLOSE,
	SYSLOG_OPEN,
	SYSLOG_READ,
	SYSLOG_READ_ALL,
	SYSLOG_READ_CLEAR,
	SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON,
	SYSLOG_CONSOLE_LEVEL,
	SYSLOG_SIZE_UNREAD,
	SYSLOG_SIZE_BUFFER,
};
#define LINE_SIZE       512u
#define LOG_BUFFER_SIZE 65536u
#define LOG_POLL_NS     (200 * NSEC_PER_MSEC)

static struct mutex syslog_lock = MUTEX_INIT(syslog_lock, LOCK_FILE);
/* Under syslog_lock: sequence numbers of messages. */
static uint64_t next_unread, first_not_cleared;

/* One message, before and after. */
struct log_line {
	char record[LINE_SIZE]; /* "level,sequence,usec,-;text\n" */
	char line[LINE_SIZE];   /* "<level>[sec.usec] text\n" */
};

/*
 * The next message as syslog(2) shows it; *@sequence moves on. Returns its
 * length, 0 if there is none.
 */
static size_t next_line(uint64_t *sequence, struct log_line *buf)
{
	size_t size = log_read_record(sequence, buf->record, LINE_SIZE - 1);
	const char *at = buf->record;
	uint64_t level, usec;
	int len;

	if (!size)
		return 0;
	buf->record[size] = '\0';
	level = parse_u64(at, &at);
	at = strchr(at + 1, ','); /* behind the sequence number */
	usec = at ? parse_u64(at + 1, &at) : 0;
	at = at ? strchr(at, ';') : NULL;
	len = format_string(buf->line, LINE_SIZE, "<%lu>[%5lu.%06lu] %s", level,
			    usec / 1000000, usec % 1000000,
			    at ? at + 1 : buf->record);
	return MIN((size_t)len, (size_t)LINE_SIZE - 1);
}

static size_t unread_size(uint64_t sequence, struct log_line *buf)
{
	size_t sum = 0, len;

	while ((len = next_line(&sequence, buf)))
		sum += len;
	return sum;
}

/* Whole lines from *@sequence on, as many as fit. Bytes or -EFAULT. */
static long copy_lines(char __user *to, size_t size, uint64_t *sequence,
		       struct log_line *buf)
{
	size_t done = 0;

	for (;;) {
		uint64_t next = *sequence;
		size_t len = next_line(&next, buf);

		if (!len || len > size - done)
			return (long)done;
		if (copy_to_user(to + done, buf->line, len))
			return -EFAULT;
		done += len;
		*sequence = next;
	}
}

/* The newest messages that fit. */
static long read_newest(char __user *to, size_t size, struct log_line *buf)
{
	uint64_t sequence = first_not_cleared;
	size_t all = unread_size(sequence, buf);

	while (all > size)
		all -= next_line(&sequence, buf);
	return copy_lines(to, size, &sequence, buf);
}

static void clear_messages(struct log_line *buf)
{
	while (next_line(&first_not_cleared, buf))
		;
}

/* As a consumer: waits until there is a message. */
static long read_unread(char __user *to, size_t size, struct log_line *buf)
	MUST_HOLD(syslog_lock)
{
	for (;;) {
		long done = copy_lines(to, size, &next_unread, buf);

		if (done)
			return done;
		if (thread_has_work(current(), WORK_SIGNAL | WORK_KILL))
			return -ERESTARTSYS;
		mutex_unlock(&syslog_lock);
		sched_sleep_ns(LOG_POLL_NS);
		mutex_lock(&syslog_lock);
	}
}

static long do_syslog(int type, char __user *to, size_t size,
		      struct log_line *buf)
{
	long result = 0;

	mutex_lock(&syslog_lock);
	switch (type) {
	case SYSLOG_READ:
		result = read_unread(to, size, buf);
		break;
	case SYSLOG_READ_ALL:
	case SYSLOG_READ_CLEAR:
		result = read_newest(to, size, buf);
		if (type == SYSLOG_READ_CLEAR && result >= 0)
			clear_messages(buf);
		break;
	case SYSLOG_CLEAR:
		clear_messages(buf);
		break;
	case SYSLOG_SIZE_UNREAD:
		result = (long)unread_size(next_unread, buf);
		break;
	default:
		break;
	}
	mutex_unlock(&syslog_lock);
	return result;
}

static int check_syslog(int type, const void __user *to, int size)
{
	if (type < SYSLOG_CLOSE || type > SYSLOG_SIZE_BUFFER)
		return -EINVAL;
	if (type != SYSLOG_READ_ALL && type != SYSLOG_SIZE_BUFFER &&
	    !capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (type >= SYSLOG_READ && type <= SYSLOG_READ_CLEAR &&
	    (!to || size < 0))
		return -EINVAL;
	if (type == SYSLOG_CONSOLE_LEVEL && (size < 1 || size > 8))
		return -EINVAL;
	return 0;
}

long sys_syslog(const struct syscall_args *a)
{
	int type = arg_int(a, 0);
	void __user *to = arg_ptr(a, 1);
	int size = arg_int(a, 2);
	struct log_line *buf;
	long result = check_syslog(type, to, size);

	if (result)
		return result;
	switch (type) {
	case SYSLOG_SIZE_BUFFER:
		return LOG_BUFFER_SIZE;
	case SYSLOG_CONSOLE_OFF:
		log_set_console_level(1);
		return 0;
	case SYSLOG_CONSOLE_ON:
		log_set_console_level(LOG_INFO);
		return 0;
	case SYSLOG_CONSOLE_LEVEL:
		log_set_console_level(size - 1);
		return 0;
	default:
		break;
	}
	buf = kmalloc(sizeof(*buf));
	if (!buf)
		return -ENOMEM;
	result = do_syslog(type, to, (size_t)MAX(size, 0), buf);
	kfree(buf);
	return result;
}
