/* SPDX-License-Identifier: MIT */
/*
 * creance.c - files of this kernel's own, and the emergency key
 *
 * creance/memory is for tests that look for leaks: how many of everything
 * there are now. What is only remembered (names of dead processes) is
 * forgotten first, so that two readings can be compared. creance/locks is for
 * who asks which lock several harts wait for (lock_stats.c).
 */
#include "kernel/fs/proc/internal.h"

#include <arch/machine.h>
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sync/deferred.h"
#include "kernel/sync/lock_stats.h"

/* Names of processes that are gone, in the /proc of who asks. */
static void forget_names(void)
{
	struct path path;

	if (path_lookup(NULL, "/proc", LOOKUP_FOLLOW, &path, NULL))
		return;
	dentry_prune(path.dentry);
	path_put(&path);
	deferred_wait();
}

int proc_show_memory(const struct proc_subject *subject, struct text *text)
{
	struct memory_info m;
	struct slab_info slab;

	forget_names();
	memory_get_info(&m);
	text_add(text,
		 "frames_total %lu\nframes_free %lu\nframes_cached %lu\n"
		 "frames_shared %lu\nframes_anonymous %lu\nframes_slab %lu\n"
		 "frames_page_tables %lu\nframes_kernel_stacks %lu\n"
		 "frames_committed %lu\n",
		 m.managed, m.free, m.cached, m.shared, m.anonymous, m.slab,
		 m.page_tables, m.kernel_stacks, m.committed);
	text_add(text, "processes %u\nthreads %u\n", process_count(),
		 process_count_threads());
	for (unsigned int i = 0; slab_get_info(i, &slab); i++)
		text_add(text, "slab_%s %lu\n", slab.name, slab.active);
	return 0;
}

/* Debug builds count; else there is nothing to tell. */
int proc_show_locks(const struct proc_subject *subject, struct text *text)
{
	struct lock_stats stats;

	if (!CONFIG_DEBUG)
		return 0;
	text_add(text, "%-20s %12s %12s %14s %12s\n", "lock", "acquired",
		 "contended", "spins", "moved");
	for (unsigned int i = 0; lock_stats_get(i, &stats); i++) {
		if (stats.acquired)
			text_add(text, "%-20s %12lu %12lu %14lu %12lu\n",
				 stats.name, stats.acquired, stats.contended,
				 stats.spins, stats.moved);
	}
	return 0;
}

int proc_store_locks(const struct proc_subject *subject, const char *text,
		     size_t size)
{
	lock_stats_clear();
	return 0;
}

/* Linux's "magic SysRq" letters, as far as they mean something here. */
int proc_store_sysrq(const struct proc_subject *subject, const char *text,
		     size_t size)
{
	switch (text[0]) {
	case 'b':
		arch_reboot();
	case 'c':
		panic("sysrq: a crash was asked for");
	case 'o':
		arch_power_off(false);
	default:
		log_info("sysrq: b reboots, c crashes, o powers off");
		return 0;
	}
}
