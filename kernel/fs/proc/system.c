/* SPDX-License-Identifier: MIT */
/*
 * system.c - numbers about the whole machine: meminfo, stat, uptime, ...
 *
 * The formats are what free, top, uptime and vmstat parse: proc(5).
 */
#include "kernel/fs/proc/internal.h"

#include <arch/hart.h>
#include "kernel/dev/irq.h"
#include "kernel/lib/boot_args.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/uts.h"
#include "kernel/mm/page_cache.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

static uint64_t ticks(uint64_t ns)
{
	return ns / NANOSECONDS_PER_TICK;
}

/* ---- Memory ---- */

static void add_kib(struct text *text, const char *name, uint64_t pages)
{
	text_add(text, "%-15s %8lu kB\n", name, pages * (PAGE_SIZE / 1024));
}

int proc_show_meminfo(const struct proc_subject *subject, struct text *text)
{
	struct memory_info m;
	uint64_t files, anonymous, dirty, writing;

	memory_get_info(&m);
	writeback_get_counts(&dirty, &writing);
	files = m.cached - MIN(m.cached, m.shared);
	anonymous = m.anonymous + m.shared;
	add_kib(text, "MemTotal:", m.managed);
	add_kib(text, "MemFree:", m.free);
	add_kib(text, "MemAvailable:", m.free + files);
	add_kib(text, "Buffers:", 0);
	add_kib(text, "Cached:", m.cached);
	add_kib(text, "SwapCached:", 0);
	add_kib(text, "Active:", anonymous + files);
	add_kib(text, "Inactive:", 0);
	add_kib(text, "Active(anon):", anonymous);
	add_kib(text, "Inactive(anon):", 0);
	add_kib(text, "Active(file):", files);
	add_kib(text, "Inactive(file):", 0);
	add_kib(text, "Unevictable:", 0);
	add_kib(text, "Mlocked:", 0);
	add_kib(text, "SwapTotal:", 0);
	add_kib(text, "SwapFree:", 0);
	add_kib(text, "Dirty:", dirty);
	add_kib(text, "Writeback:", writing);
	add_kib(text, "AnonPages:", m.anonymous);
	add_kib(text, "Mapped:", files);
	add_kib(text, "Shmem:", m.shared);
	add_kib(text, "KReclaimable:", 0);
	add_kib(text, "Slab:", m.slab);
	add_kib(text, "SReclaimable:", 0);
	add_kib(text, "SUnreclaim:", m.slab);
	text_add(text, "%-15s %8lu kB\n",
		 "KernelStack:", m.kernel_stacks * (PAGE_SIZE / 1024));
	add_kib(text, "PageTables:", m.page_tables);
	add_kib(text, "Bounce:", 0);
	add_kib(text, "WritebackTmp:", 0);
	add_kib(text, "CommitLimit:", m.managed / 2);
	add_kib(text, "Committed_AS:", m.committed);
	add_kib(text, "VmallocTotal:", 0);
	add_kib(text, "VmallocUsed:", m.kernel_stacks);
	add_kib(text, "VmallocChunk:", 0);
	add_kib(text, "Percpu:", 0);
	return 0;
}

int proc_show_vmstat(const struct proc_subject *subject, struct text *text)
{
	struct memory_info m;
	struct memory_events e;

	memory_get_info(&m);
	memory_get_events(&e);
	text_add(text,
		 "nr_free_pages %lu\nnr_anon_pages %lu\nnr_file_pages %lu\n"
		 "nr_dirty 0\nnr_writeback 0\nnr_shmem %lu\n"
		 "nr_slab_reclaimable 0\nnr_slab_unreclaimable %lu\n"
		 "nr_kernel_stack %lu\nnr_page_table_pages %lu\n",
		 m.free, m.anonymous, m.cached, m.shared, m.slab,
		 m.kernel_stacks, m.page_tables);
	text_add(text,
		 "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n"
		 "pgalloc_normal %lu\npgfree %lu\npgfault %lu\n"
		 "pgmajfault %lu\npgreuse %lu\noom_kill %lu\n",
		 e.pages_allocated, e.pages_freed, e.faults, e.major_faults,
		 e.cow_copies, e.oom_kills);
	return 0;
}

int proc_show_slabinfo(const struct proc_subject *subject, struct text *text)
{
	struct slab_info info;

	text_add(text, "slabinfo - version: 2.1\n"
		       "# name            <active_objs> <num_objs> <objsize> "
		       "<objperslab> <pagesperslab> : tunables <limit> "
		       "<batchcount> <sharedfactor> : slabdata "
		       "<active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned int i = 0; slab_get_info(i, &info); i++) {
		uint64_t per_page =
			info.pages ? info.total / info.pages : info.total;

		text_add(text,
			 "%-17s %6lu %6lu %6zu %4lu %4d : tunables %4d %4d "
			 "%4d : slabdata %6lu %6lu %6d\n",
			 info.name, info.active, info.total, info.object_size,
			 per_page, 1, 0, 0, 0, info.pages, info.pages, 0);
	}
	return 0;
}

int proc_show_zoneinfo(const struct proc_subject *subject, struct text *text)
{
	struct memory_info m;

	memory_get_info(&m);
	text_add(text,
		 "Node 0, zone   Normal\n  pages free     %lu\n"
		 "        spanned  %lu\n        present  %lu\n"
		 "        managed  %lu\n",
		 m.free, m.total, m.total, m.managed);
	return 0;
}

/* ---- Time ---- */

/*
 * User time of all programs since boot: of those that live, and of the dead,
 * which their parents have in their children's sums.
 */
static uint64_t all_user_ns(void)
{
	struct process *process;
	uint64_t sum = 0;
	int number = 1;

	while ((process = process_next(&number)) != NULL) {
		struct usage usage = { 0 };

		spin_lock(&process->lock);
		process_usage(process, &usage);
		spin_unlock(&process->lock);
		sum += usage.user_ns;
		sum += READ_ONCE(process->children_usage.user_ns);
		process_put(process);
		number++;
	}
	return sum;
}

/* All in ticks. */
struct hart_times {
	uint64_t up, idle, user;
};

/* "cpuN user nice system idle iowait ..." */
static void add_hart_times(struct text *text, const struct hart_times *times)
{
	uint64_t busy = times->up - MIN(times->up, times->idle);
	uint64_t user = MIN(times->user, busy);

	text_add(text, " %lu 0 %lu %lu 0 0 0 0 0 0\n", user, busy - user,
		 times->idle);
}

static void add_cpu_lines(struct text *text)
{
	uint64_t harts = sched_online_harts();
	uint64_t up = ticks(clock_now_ns());
	struct hart_times all = {
		.up = up * (uint64_t)__builtin_popcountl(harts),
		.idle = ticks(sched_idle_ns()),
		.user = ticks(all_user_ns()),
	};
	uint64_t all_busy = MAX(all.up - MIN(all.up, all.idle), 1ul);

	text_add(text, "cpu ");
	add_hart_times(text, &all);
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		struct hart_times hart = { .up = up };

		if (!(harts & BIT(i)))
			continue;
		hart.idle = ticks(sched_hart_idle_ns(i));
		/* Users' share of a hart is taken to be that of all harts. */
		hart.user = (up - MIN(up, hart.idle)) * all.user / all_busy;
		text_add(text, "cpu%u", i);
		add_hart_times(text, &hart);
	}
}

static uint64_t total_interrupts(void)
{
	uint64_t total = irq_total();

	for (unsigned int i = 0; i < arch_num_harts(); i++)
		total += timer_interrupts(i) + sched_hart_ipis(i);
	return total;
}

int proc_show_system_stat(const struct proc_subject *subject, struct text *text)
{
	uint64_t boot_ns = clock_realtime_ns() - clock_now_ns();

	add_cpu_lines(text);
	text_add(text,
		 "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\n"
		 "procs_running %u\nprocs_blocked 0\n"
		 "softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		 total_interrupts(), sched_num_switches(),
		 (uint64_t)(boot_ns / NSEC_PER_SEC), process_forks(),
		 sched_num_runnable());
	return 0;
}

int proc_show_uptime(const struct proc_subject *subject, struct text *text)
{
	uint64_t up = ticks(clock_now_ns());
	uint64_t idle = ticks(sched_idle_ns());

	text_add(text, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100,
		 idle % 100);
	return 0;
}

int proc_show_loadavg(const struct proc_subject *subject, struct text *text)
{
	uint64_t load[3];

	sched_load_average(load);
	for (unsigned int i = 0; i < ARRAY_SIZE(load); i++) {
		uint64_t hundredths = (load[i] * 100 + 32768) >> 16;

		text_add(text, "%lu.%02lu ", hundredths / 100,
			 hundredths % 100);
	}
	/* The last is the newest pid, which nobody uses: our own will do. */
	text_add(text, "%u/%u %d\n", sched_num_runnable(),
		 process_count_threads(), process_pid(current_process()));
	return 0;
}

/* ---- Identity ---- */

int proc_show_cpuinfo(const struct proc_subject *subject, struct text *text)
{
	uint64_t harts = sched_online_harts();
	uint64_t ids[3];

	arch_machine_ids(ids);
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		if (!(harts & BIT(i)))
			continue;
		text_add(text,
			 "processor\t: %u\nhart\t\t: %lu\nisa\t\t: %s\n"
			 "mmu\t\t: sv39\nmvendorid\t: 0x%lx\n"
			 "marchid\t\t: 0x%lx\nmimpid\t\t: 0x%lx\n\n",
			 i, arch_hart_id(i), arch_isa_string(), ids[0], ids[1],
			 ids[2]);
	}
	return 0;
}

int proc_show_version(const struct proc_subject *subject, struct text *text)
{
	text_add(text,
		 UTS_SYSNAME " version " UTS_RELEASE " (creance) (" __VERSION__
			     ") " UTS_VERSION "\n");
	return 0;
}

int proc_show_cmdline_of_kernel(const struct proc_subject *subject,
				struct text *text)
{
	text_add(text, "%s\n", boot_args_line());
	return 0;
}
