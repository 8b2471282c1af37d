/* SPDX-License-Identifier: MIT */
/*
 * root.c - what stands in /proc itself
 */
#include "kernel/fs/proc/internal.h"

static int show_self(const struct proc_subject *subject, struct text *text)
{
	text_add(text, "%d", process_pid(current_process()));
	return 0;
}

static int show_thread_self(const struct proc_subject *subject,
			    struct text *text)
{
	text_add(text, "%d/task/%d", process_pid(current_process()),
		 thread_tid(current()));
	return 0;
}

static const struct proc_entry trace_files[] = {
	{ "boot", S_IFREG | 0400, .file_ops = &proc_trace_boot_ops },
	{ "control", S_IFREG | 0600, .show = proc_show_trace_control,
	  .store = proc_store_trace_control },
	{ "format", PROC_FILE, .show = proc_show_trace_format },
	{ "lost", PROC_FILE, .show = proc_show_trace_lost },
	{ "mark", S_IFREG | 0222, .store = proc_store_trace_mark },
	{ "raw", S_IFREG | 0400, .file_ops = &proc_trace_raw_ops },
	{},
};

static const struct proc_entry creance_files[] = {
	{ "memory", PROC_FILE, .show = proc_show_memory },
	{ "locks", S_IFREG | 0600, .show = proc_show_locks,
	  .store = proc_store_locks },
	{ "trace", PROC_DIR, .children = trace_files },
	{},
};

static const struct proc_entry root_files[] = {
	{ "self", PROC_LINK, .show = show_self },
	{ "thread-self", PROC_LINK, .show = show_thread_self },
	{ "mounts", PROC_LINK, .constant = "self/mounts" },
	{ "net", PROC_LINK, .constant = "self/net" },

	{ "cmdline", PROC_FILE, .show = proc_show_cmdline_of_kernel },
	{ "cpuinfo", PROC_FILE, .show = proc_show_cpuinfo },
	{ "devices", PROC_FILE, .show = proc_show_devices },
	{ "diskstats", PROC_FILE, .show = proc_show_diskstats },
	{ "filesystems", PROC_FILE, .show = proc_show_filesystems },
	{ "interrupts", PROC_FILE, .show = proc_show_interrupts },
	{ "loadavg", PROC_FILE, .show = proc_show_loadavg },
	{ "locks", PROC_FILE, .constant = "" },
	{ "meminfo", PROC_FILE, .show = proc_show_meminfo },
	{ "misc", PROC_FILE, .constant = "" },
	{ "modules", PROC_FILE, .constant = "" },
	{ "partitions", PROC_FILE, .show = proc_show_partitions },
	{ "slabinfo", S_IFREG | 0400, .show = proc_show_slabinfo },
	{ "stat", PROC_FILE, .show = proc_show_system_stat },
	{ "swaps", PROC_FILE,
	  .constant = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" },
	{ "sysrq-trigger", S_IFREG | 0200, .store = proc_store_sysrq },
	{ "uptime", PROC_FILE, .show = proc_show_uptime },
	{ "version", PROC_FILE, .show = proc_show_version },
	{ "vmstat", PROC_FILE, .show = proc_show_vmstat },
	{ "zoneinfo", PROC_FILE, .show = proc_show_zoneinfo },

	{ "creance", PROC_DIR, .children = creance_files },
	{ "irq", PROC_DIR, .numbers = &proc_irqs },
	{ "sys", PROC_DIR, .children = proc_sys_files },
	{ "tty", PROC_DIR, .children = proc_tty_files },
	{},
};

const struct proc_entry proc_root = { "/", PROC_DIR, .children = root_files,
				      .numbers = &proc_processes };
