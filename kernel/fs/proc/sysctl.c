/* SPDX-License-Identifier: MIT */
/*
 * sysctl.c - /proc/sys: facts and knobs that programs look for
 *
 * Most are constants of this kernel. Knobs that programs set but that steer
 * nothing here keep the value that was written, so that it reads back.
 * Source: proc(5), "/proc/sys".
 */
#include "kernel/fs/proc/internal.h"

#include "kernel/debug/log.h"
#include "kernel/dev/random.h"
#include "kernel/mm/page_cache.h"
#include "kernel/proc/uts.h"
#include "kernel/vfs/path.h"

#define ANY UINT64_MAX

#define KNOB(variable, initial, lowest, highest)                               \
	static struct proc_value variable = { .value = (initial),              \
					      .min = (lowest),                 \
					      .max = (highest) }

/* ---- kernel/random ---- */

/* @bytes as a version 4 UUID: RFC 4122. */
static void add_uuid(struct text *text, uint8_t bytes[16])
{
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	for (unsigned int i = 0; i < 16; i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;

		text_add(text, dash ? "-%02x" : "%02x", bytes[i]);
	}
	text_add(text, "\n");
}

static int show_uuid(const struct proc_subject *subject, struct text *text)
{
	uint8_t bytes[16];

	random_bytes(bytes, sizeof(bytes));
	add_uuid(text, bytes);
	return 0;
}

static int show_boot_id(const struct proc_subject *subject, struct text *text)
{
	static struct spinlock lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
	static uint8_t boot_id[16]; /* under lock */
	static bool made;
	uint8_t fresh[16];

	random_bytes(fresh, sizeof(fresh));
	spin_lock(&lock);
	if (!made)
		memcpy(boot_id, fresh, sizeof(boot_id));
	made = true;
	memcpy(fresh, boot_id, sizeof(fresh));
	spin_unlock(&lock);
	add_uuid(text, fresh);
	return 0;
}

static int show_entropy(const struct proc_subject *subject, struct text *text)
{
	text_add(text, "%d\n", random_is_seeded() ? 256 : 0);
	return 0;
}

static const struct proc_entry random_files[] = {
	{ "boot_id", PROC_FILE, .show = show_boot_id },
	{ "entropy_avail", PROC_FILE, .show = show_entropy },
	{ "poolsize", PROC_FILE, .constant = "256\n" },
	{ "urandom_min_reseed_secs", PROC_FILE, .constant = "60\n" },
	{ "uuid", PROC_FILE, .show = show_uuid },
	{ "write_wakeup_threshold", PROC_FILE, .constant = "256\n" },
	{},
};

/* ---- kernel ---- */

static int show_name(enum uts_name which, struct text *text)
{
	char name[UTS_NAME_SIZE];

	uts_get_name(which, name);
	text_add(text, "%s\n", name);
	return 0;
}

static int show_hostname(const struct proc_subject *subject, struct text *text)
{
	return show_name(UTS_NODE_NAME, text);
}

static int show_domainname(const struct proc_subject *subject,
			   struct text *text)
{
	return show_name(UTS_DOMAIN_NAME, text);
}

/* One line; what is too long is cut off, as by Linux. */
static int store_name(enum uts_name which, const char *text, size_t size)
{
	const char *end = memchr(text, '\n', size);
	size_t len = end ? (size_t)(end - text) : size;

	return uts_set_name(which, text, MIN(len, (size_t)UTS_NAME_SIZE - 1));
}

static int store_hostname(const struct proc_subject *subject, const char *text,
			  size_t size)
{
	return store_name(UTS_NODE_NAME, text, size);
}

static int store_domainname(const struct proc_subject *subject,
			    const char *text, size_t size)
{
	return store_name(UTS_DOMAIN_NAME, text, size);
}

static int show_threads_max(const struct proc_subject *subject,
			    struct text *text)
{
	text_add(text, "%u\n", process_max_threads());
	return 0;
}

static int store_threads_max(const struct proc_subject *subject,
			     const char *text, size_t size)
{
	int64_t number;
	int err = proc_parse_number(text, &number);

	if (err)
		return err;
	return number < 0 ? -EINVAL : process_set_max_threads((uint64_t)number);
}

/* syslog(2): the console shows what is more urgent than the first number. */
static int show_printk(const struct proc_subject *subject, struct text *text)
{
	text_add(text, "%d\t4\t1\t7\n", log_console_level() + 1);
	return 0;
}

static int store_printk(const struct proc_subject *subject, const char *text,
			size_t size)
{
	if (text[0] < '1' || text[0] > '8')
		return -EINVAL;
	log_set_console_level(text[0] - '0' - 1);
	return 0;
}

KNOB(core_uses_pid, 0, 0, 1);
KNOB(dmesg_restrict, 0, 0, 1);
KNOB(kptr_restrict, 0, 0, 2);
KNOB(panic_timeout, 0, 0, ANY);
KNOB(randomize_va_space, 2, 0, 2);
KNOB(sched_autogroup, 0, 0, 1);
KNOB(sysrq, 1, 0, ANY);
KNOB(perf_paranoid, 2, 0, 4);

static const struct proc_entry kernel_files[] = {
	{ "cap_last_cap", PROC_FILE, .constant = "40\n" },
	{ "core_pattern", PROC_FILE, .constant = "core\n" },
	{ "core_uses_pid", PROC_WRITE, .value = &core_uses_pid },
	{ "dmesg_restrict", PROC_WRITE, .value = &dmesg_restrict },
	{ "domainname", PROC_WRITE, .show = show_domainname,
	  .store = store_domainname },
	{ "hostname", PROC_WRITE, .show = show_hostname,
	  .store = store_hostname },
	{ "kptr_restrict", PROC_WRITE, .value = &kptr_restrict },
	{ "msgmax", PROC_FILE, .constant = "8192\n" },
	{ "msgmnb", PROC_FILE, .constant = "16384\n" },
	{ "msgmni", PROC_FILE, .constant = "32000\n" },
	{ "ngroups_max", PROC_FILE, .constant = "65536\n" },
	{ "osrelease", PROC_FILE, .constant = UTS_RELEASE "\n" },
	{ "ostype", PROC_FILE, .constant = UTS_SYSNAME "\n" },
	{ "overflowgid", PROC_FILE, .constant = "65534\n" },
	{ "overflowuid", PROC_FILE, .constant = "65534\n" },
	{ "panic", PROC_WRITE, .value = &panic_timeout },
	{ "perf_event_paranoid", PROC_WRITE, .value = &perf_paranoid },
	{ "pid_max", PROC_FILE, .constant = "4194304\n" },
	{ "printk", PROC_WRITE, .show = show_printk, .store = store_printk },
	{ "random", PROC_DIR, .children = random_files },
	{ "randomize_va_space", PROC_WRITE, .value = &randomize_va_space },
	{ "sched_autogroup_enabled", PROC_WRITE, .value = &sched_autogroup },
	{ "sem", PROC_FILE, .constant = "32000\t1024000000\t500\t32000\n" },
	{ "shmall", PROC_FILE, .constant = "18446744073692774399\n" },
	{ "shmmax", PROC_FILE, .constant = "18446744073692774399\n" },
	{ "shmmni", PROC_FILE, .constant = "4096\n" },
	{ "sysrq", PROC_WRITE, .value = &sysrq },
	{ "threads-max", PROC_WRITE, .show = show_threads_max,
	  .store = store_threads_max },
	{ "version", PROC_FILE, .constant = UTS_VERSION "\n" },
	{},
};

/* ---- vm, fs, net ---- */

/* What is only remembered is forgotten: 1 pages of files, 2 names, 3 both. */
static int store_drop_caches(const struct proc_subject *subject,
			     const char *text, size_t size)
{
	if (text[0] < '1' || text[0] > '4')
		return -EINVAL;
	if (text[0] == '2' || text[0] == '3') {
		/* A directory can go only after all in it: levels. */
		for (int i = 0; i < 16 && dentry_shrink(~0u); i++)
			;
	}
	if (text[0] == '1' || text[0] == '3')
		memory_drop_files();
	return 0;
}

KNOB(dirty_background_ratio, 10, 0, 100);
KNOB(dirty_ratio, 20, 0, 100);
KNOB(max_map_count, 65530, 0, ANY);
KNOB(mmap_min_addr, 65536, 0, ANY);
KNOB(overcommit_memory, 0, 0, 2);
KNOB(overcommit_ratio, 50, 0, ANY);
KNOB(swappiness, 60, 0, 200);

static const struct proc_entry vm_files[] = {
	{ "dirty_background_ratio", PROC_WRITE,
	  .value = &dirty_background_ratio },
	{ "dirty_ratio", PROC_WRITE, .value = &dirty_ratio },
	{ "drop_caches", PROC_WRITE, .constant = "0\n",
	  .store = store_drop_caches },
	{ "max_map_count", PROC_WRITE, .value = &max_map_count },
	{ "mmap_min_addr", PROC_WRITE, .value = &mmap_min_addr },
	{ "overcommit_memory", PROC_WRITE, .value = &overcommit_memory },
	{ "overcommit_ratio", PROC_WRITE, .value = &overcommit_ratio },
	{ "swappiness", PROC_WRITE, .value = &swappiness },
	{},
};

KNOB(file_max, 9223372036854775807UL, 0, ANY);
KNOB(inotify_instances, 128, 0, ANY);
KNOB(inotify_watches, 65536, 0, ANY);
KNOB(inotify_events, 16384, 0, ANY);

static const struct proc_entry inotify_files[] = {
	{ "max_queued_events", PROC_WRITE, .value = &inotify_events },
	{ "max_user_instances", PROC_WRITE, .value = &inotify_instances },
	{ "max_user_watches", PROC_WRITE, .value = &inotify_watches },
	{},
};

static const struct proc_entry fs_files[] = {
	{ "file-max", PROC_WRITE, .value = &file_max },
	{ "file-nr", PROC_FILE, .constant = "0\t0\t9223372036854775807\n" },
	{ "inotify", PROC_DIR, .children = inotify_files },
	{ "nr_open", PROC_FILE, .constant = "1048576\n" },
	{ "pipe-max-size", PROC_FILE, .constant = "1048576\n" },
	{ "pipe-user-pages-hard", PROC_FILE, .constant = "0\n" },
	{ "pipe-user-pages-soft", PROC_FILE, .constant = "16384\n" },
	{ "protected_hardlinks", PROC_FILE, .constant = "1\n" },
	{ "protected_symlinks", PROC_FILE, .constant = "1\n" },
	{},
};

KNOB(somaxconn, 4096, 0, 65535);

static const struct proc_entry core_files[] = {
	{ "somaxconn", PROC_WRITE, .value = &somaxconn },
	{ "rmem_default", PROC_FILE, .constant = "212992\n" },
	{ "rmem_max", PROC_FILE, .constant = "212992\n" },
	{ "wmem_default", PROC_FILE, .constant = "212992\n" },
	{ "wmem_max", PROC_FILE, .constant = "212992\n" },
	{},
};

static const struct proc_entry ipv4_files[] = {
	{ "ip_forward", PROC_FILE, .constant = "0\n" },
	{ "ip_local_port_range", PROC_FILE, .constant = "32768\t60999\n" },
	{},
};

static const struct proc_entry unix_files[] = {
	{ "max_dgram_qlen", PROC_FILE, .constant = "512\n" },
	{},
};

static const struct proc_entry net_files[] = {
	{ "core", PROC_DIR, .children = core_files },
	{ "ipv4", PROC_DIR, .children = ipv4_files },
	{ "unix", PROC_DIR, .children = unix_files },
	{},
};

const struct proc_entry proc_sys_files[] = {
	{ "fs", PROC_DIR, .children = fs_files },
	{ "kernel", PROC_DIR, .children = kernel_files },
	{ "net", PROC_DIR, .children = net_files },
	{ "vm", PROC_DIR, .children = vm_files },
	{},
};
