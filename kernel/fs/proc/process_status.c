/* SPDX-License-Identifier: MIT */
/*
 * process_status.c - numbers about a process: stat, statm, status, limits, ...
 *
 * The formats are what ps, top and their libraries parse: proc(5). Values that
 * this kernel has no meaning for are 0.
 */
#include "kernel/fs/proc/internal.h"

#include <arch/hart.h>
#include "kernel/lib/format.h"
#include "kernel/mm/vm_space.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/cred.h"

#include <linux/capability.h>
#include <linux/resource.h>

#define KIB_PER_PAGE (PAGE_SIZE / 1024)

static uint64_t ticks(uint64_t ns)
{
	return ns / NANOSECONDS_PER_TICK;
}

/* ---- What is gathered first, under the locks it needs ---- */

struct memory_use {
	uint64_t total, peak, resident, peak_resident, resident_anon;
	uint64_t data, stack, exec, locked, text;
	vaddr_t start_code, end_code, start_data, end_data, start_brk;
	vaddr_t start_stack, arg_start, arg_end, env_start, env_end;
	bool no_huge;
};

static void get_memory_use(struct process *process, struct memory_use *use)
{
	struct vm_space *space = process_vm_get(process);

	memset(use, 0, sizeof(*use));
	if (!space)
		return;
	mutex_lock(&space->lock);
	use->total = space->total_pages;
	use->peak = MAX(space->peak_pages, space->total_pages);
	use->data = space->data_pages;
	use->stack = space->stack_pages;
	use->exec = space->exec_pages;
	use->locked = space->locked_pages;
	use->start_code = space->start_code;
	use->end_code = space->end_code;
	use->start_data = space->start_data;
	use->end_data = space->end_data;
	use->start_brk = space->start_brk;
	use->start_stack = space->start_stack;
	use->arg_start = space->arg_start;
	use->arg_end = space->arg_end;
	use->env_start = space->env_start;
	use->env_end = space->env_end;
	use->text =
		DIV_ROUND_UP(space->end_code - space->start_code, PAGE_SIZE);
	use->resident = vm_resident_pages(space);
	use->resident_anon = space->resident[1];
	use->peak_resident = MAX(space->peak_resident, use->resident);
	use->no_huge = READ_ONCE(space->no_huge);
	mutex_unlock(&space->lock);
	vm_space_put(space);
}

struct signal_sets {
	uint64_t pending, shared_pending, blocked, ignored, caught;
	unsigned int queued;
};

static void get_signal_sets(const struct proc_subject *subject,
			    struct signal_sets *sets)
{
	struct process *process = subject->process;

	memset(sets, 0, sizeof(*sets));
	spin_lock(&process->lock);
	sets->pending = subject->thread->signal_pending;
	sets->shared_pending = process->shared_pending.set;
	sets->blocked = subject->thread->signal_blocked;
	sets->queued = process->queued_signals;
	for (unsigned int i = 0; process->actions && i < NUM_SIGNALS; i++) {
		vaddr_t handler =
			READ_ONCE(process->actions->action[i].handler);

		if (handler == (vaddr_t)SIG_IGN)
			sets->ignored |= 1UL << i;
		else if (handler != (vaddr_t)SIG_DFL)
			sets->caught |= 1UL << i;
	}
	spin_unlock(&process->lock);
}

static void get_usage(const struct proc_subject *subject, struct usage *usage)
{
	memset(usage, 0, sizeof(*usage));
	spin_lock(&subject->process->lock);
	if (subject->whole)
		process_usage(subject->process, usage);
	else
		thread_usage(subject->thread, usage);
	spin_unlock(&subject->process->lock);
}

static char state_letter(const struct proc_subject *subject)
{
	if (READ_ONCE(subject->process->zombie))
		return 'Z';
	return thread_state_letter(subject->thread);
}

static const char *state_name(char letter)
{
	switch (letter) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	case 't':
		return "tracing stop";
	case 'Z':
		return "zombie";
	case 'I':
		return "idle";
	default:
		return "dead";
	}
}

/* What only the tree of processes knows. */
struct family {
	int parent, group, session, terminal_group;
	uint64_t terminal;
	struct usage children;
	int exit_signal;
};

static void get_family(struct process *process, struct family *family)
{
	family->parent = process_parent_pid(process);
	family->group = family->session = family->terminal_group = -1;
	family->terminal = 0;
	process_tree_lock();
	if (process->group)
		family->group = process->group->number;
	if (process->session) {
		family->session = process->session->leader->number;
		process_tty_ops.describe(process->session, &family->terminal,
					 &family->terminal_group);
	}
	family->children = process->children_usage;
	family->exit_signal = process->exit_signal;
	process_tree_unlock();
}

/* As ps shows it: 20 + nice, or below 0 for real-time threads. */
static int shown_priority(const struct thread *thread)
{
	if (thread->sched.rt_priority)
		return -1 - thread->sched.rt_priority;
	return 20 + thread->sched.nice;
}

/* ---- stat ---- */

/* Fields 3 to 25, up to the limit of resident memory. */
static void add_stat_life(const struct proc_subject *subject, struct text *text,
			  const struct memory_use *use)
{
	struct process *process = subject->process;
	struct thread *thread = subject->thread;
	struct family family;
	struct usage usage;

	get_family(process, &family);
	get_usage(subject, &usage);
	text_add(text, "%c %d %d %d %d %d %u ", state_letter(subject),
		 family.parent, family.group, family.session,
		 (int)family.terminal, family.terminal_group, 0u);
	text_add(text, "%lu %lu %lu %lu %lu %lu %ld %ld ", usage.min_faults,
		 family.children.min_faults, usage.maj_faults,
		 family.children.maj_faults, ticks(usage.user_ns),
		 ticks(usage.system_ns), (long)ticks(family.children.user_ns),
		 (long)ticks(family.children.system_ns));
	text_add(text, "%d %d %u 0 %lu %lu %ld %lu ", shown_priority(thread),
		 thread->sched.nice, READ_ONCE(process->num_threads),
		 ticks(subject->whole ? process->start_time_ns
				      : thread->start_time_ns),
		 use->total * PAGE_SIZE, (long)use->resident,
		 process_limit(process, RLIMIT_RSS));
}

/* Fields 26 to 52. Addresses are only for who may trace the process. */
static void add_stat_addresses(const struct proc_subject *subject,
			       struct text *text, const struct memory_use *use)
{
	struct process *process = subject->process;
	struct thread *thread = subject->thread;
	bool visible =
		process == current_process() || process_may_access(process);
	const struct memory_use hidden = { .start_code = 1, .end_code = 1 };
	const struct memory_use *m = visible ? use : &hidden;
	struct signal_sets sets;

	get_signal_sets(subject, &sets);
	text_add(text, "%lu %lu %lu 0 0 %lu %lu %lu %lu 0 0 0 ", m->start_code,
		 m->end_code, m->start_stack,
		 (sets.pending | sets.shared_pending) & 0x7fffffff,
		 sets.blocked & 0x7fffffff, sets.ignored & 0x7fffffff,
		 sets.caught & 0x7fffffff);
	text_add(text, "%d %u %u %u 0 0 0 ", subject->whole ? SIGCHLD : -1,
		 thread->sched.hart, (unsigned int)thread->sched.rt_priority,
		 (unsigned int)thread->sched.policy);
	text_add(text, "%lu %lu %lu %lu %lu %lu %lu %d\n", m->start_data,
		 m->end_data, m->start_brk, m->arg_start, m->arg_end,
		 m->env_start, m->env_end, visible ? process->exit_code : 0);
}

int proc_show_stat(const struct proc_subject *subject, struct text *text)
{
	struct memory_use use;

	get_memory_use(subject->process, &use);
	text_add(text, "%d (%.15s) ", thread_tid(subject->thread),
		 subject->thread->name);
	add_stat_life(subject, text, &use);
	add_stat_addresses(subject, text, &use);
	return 0;
}

/* ---- statm ---- */

int proc_show_statm(const struct proc_subject *subject, struct text *text)
{
	struct memory_use use;

	get_memory_use(subject->process, &use);
	text_add(text, "%lu %lu %lu %lu 0 %lu 0\n", use.total, use.resident,
		 use.resident - MIN(use.resident, use.resident_anon), use.text,
		 use.data + use.stack);
	return 0;
}

/* ---- status ---- */

static unsigned int umask_of(struct process *process)
{
	struct fs_context *fs = process_fs_get(process);
	unsigned int umask;

	if (!fs)
		return 0;
	umask = READ_ONCE(fs->umask);
	fs_context_put(fs);
	return umask;
}

static unsigned int descriptor_slots(struct process *process)
{
	struct fd_table *table = process_files_get(process);
	unsigned int size;

	if (!table)
		return 0;
	size = READ_ONCE(table->size);
	fd_table_put(table);
	return size;
}

/* One line whatever is in it. */
static void add_name(struct text *text, const char *name)
{
	for (size_t i = 0; i < THREAD_NAME_SIZE && name[i]; i++) {
		if (name[i] == '\n')
			text_add(text, "\\n");
		else if (name[i] == '\\')
			text_add(text, "\\\\");
		else
			text_add_bytes(text, &name[i], 1);
	}
}

static void add_identity(const struct proc_subject *subject, struct text *text)
{
	struct process *process = subject->process;
	char state = state_letter(subject);

	text_add(text, "Name:\t");
	add_name(text, subject->thread->name);
	text_add(text, "\nUmask:\t%04o\nState:\t%c (%s)\n", umask_of(process),
		 state, state_name(state));
	text_add(text,
		 "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		 process_pid(process), thread_tid(subject->thread),
		 process_parent_pid(process));
}

static void add_credentials(const struct cred *cred, struct text *text)
{
	text_add(text, "Uid:\t%u\t%u\t%u\t%u\n", cred->uid, cred->euid,
		 cred->suid, cred->fsuid);
	text_add(text, "Gid:\t%u\t%u\t%u\t%u\n", cred->gid, cred->egid,
		 cred->sgid, cred->fsgid);
}

static void add_groups(const struct proc_subject *subject,
		       const struct cred *cred, struct text *text)
{
	struct process *process = subject->process;

	text_add(text, "FDSize:\t%u\nGroups:\t", descriptor_slots(process));
	for (unsigned int i = 0; i < cred->num_groups; i++)
		text_add(text, "%u ", cred->groups[i]);
	text_add(text, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n",
		 process_pid(process), thread_tid(subject->thread),
		 MAX(process_group_number(process), 0),
		 MAX(process_session_number(process), 0));
}

static void add_kib(struct text *text, const char *name, uint64_t pages)
{
	text_add(text, "%s:\t%8lu kB\n", name, pages * KIB_PER_PAGE);
}

static void add_memory(const struct proc_subject *subject, struct text *text)
{
	struct memory_use use;
	uint64_t files;

	get_memory_use(subject->process, &use);
	if (!use.total)
		return; /* a zombie has none */
	files = use.resident - MIN(use.resident, use.resident_anon);
	add_kib(text, "VmPeak", use.peak);
	add_kib(text, "VmSize", use.total);
	add_kib(text, "VmLck", use.locked);
	add_kib(text, "VmPin", 0);
	add_kib(text, "VmHWM", use.peak_resident);
	add_kib(text, "VmRSS", use.resident);
	add_kib(text, "RssAnon", use.resident_anon);
	add_kib(text, "RssFile", files);
	add_kib(text, "RssShmem", 0);
	add_kib(text, "VmData", use.data);
	add_kib(text, "VmStk", use.stack);
	add_kib(text, "VmExe", use.text);
	add_kib(text, "VmLib", use.exec - MIN(use.exec, use.text));
	add_kib(text, "VmPTE", 0);
	add_kib(text, "VmSwap", 0);
	text_add(text,
		 "HugetlbPages:\t       0 kB\nCoreDumping:\t0\n"
		 "THP_enabled:\t%d\n",
		 !use.no_huge);
}

static void add_signals(const struct proc_subject *subject, struct text *text)
{
	struct signal_sets sets;

	get_signal_sets(subject, &sets);
	text_add(text, "Threads:\t%u\nSigQ:\t%u/%lu\n",
		 READ_ONCE(subject->process->num_threads), sets.queued,
		 process_limit(subject->process, RLIMIT_SIGPENDING));
	text_add(text,
		 "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n"
		 "SigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		 sets.pending, sets.shared_pending, sets.blocked, sets.ignored,
		 sets.caught);
}

static void add_capabilities(const struct cred *cred, struct text *text)
{
	text_add(text,
		 "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n"
		 "CapBnd:\t%016lx\nCapAmb:\t%016lx\n",
		 cred->cap_inheritable, cred->cap_permitted,
		 cred->cap_effective, cred->cap_bounding, cred->cap_ambient);
	text_add(text,
		 "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n"
		 "Speculation_Store_Bypass:\tunknown\n"
		 "SpeculationIndirectBranch:\tunknown\n",
		 cred->no_new_privs);
}

/* "0-3,5": the set bits of @mask as ranges. */
static void add_ranges(struct text *text, uint64_t mask)
{
	const char *separator = "";

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int first = i;

		if (!(mask >> i & 1))
			continue;
		while (i + 1 < 64 && (mask >> (i + 1) & 1))
			i++;
		text_add(text, first == i ? "%s%u" : "%s%u-%u", separator,
			 first, i);
		separator = ",";
	}
}

static void add_scheduling(const struct proc_subject *subject,
			   struct text *text)
{
	unsigned int harts = arch_num_harts();
	uint64_t existing = harts < 64 ? (1UL << harts) - 1 : UINT64_MAX;
	uint64_t allowed = subject->thread->sched.affinity & existing;
	struct usage usage;

	get_usage(subject, &usage);
	if (harts > 32)
		text_add(text, "Cpus_allowed:\t%0*x,%08x\n",
			 (int)(harts - 32 + 3) / 4,
			 (unsigned int)(allowed >> 32), (unsigned int)allowed);
	else
		text_add(text, "Cpus_allowed:\t%0*x\n", (int)(harts + 3) / 4,
			 (unsigned int)allowed);
	text_add(text, "Cpus_allowed_list:\t");
	add_ranges(text, allowed);
	text_add(text,
		 "\nMems_allowed:\t1\nMems_allowed_list:\t0\n"
		 "voluntary_ctxt_switches:\t%lu\n"
		 "nonvoluntary_ctxt_switches:\t%lu\n",
		 usage.switches_voluntary, usage.switches_forced);
}

int proc_show_status(const struct proc_subject *subject, struct text *text)
{
	const struct cred *cred = process_cred_get(subject->process);

	if (!cred)
		return -ESRCH;
	add_identity(subject, text);
	add_credentials(cred, text);
	add_groups(subject, cred, text);
	add_memory(subject, text);
	add_signals(subject, text);
	add_capabilities(cred, text);
	add_scheduling(subject, text);
	cred_put(cred);
	return 0;
}

/* ---- limits ---- */

static const struct {
	const char *name, *unit;
} limit_names[NUM_RLIMITS] = {
	[RLIMIT_CPU] = { "Max cpu time", "seconds" },
	[RLIMIT_FSIZE] = { "Max file size", "bytes" },
	[RLIMIT_DATA] = { "Max data size", "bytes" },
	[RLIMIT_STACK] = { "Max stack size", "bytes" },
	[RLIMIT_CORE] = { "Max core file size", "bytes" },
	[RLIMIT_RSS] = { "Max resident set", "bytes" },
	[RLIMIT_NPROC] = { "Max processes", "processes" },
	[RLIMIT_NOFILE] = { "Max open files", "files" },
	[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
	[RLIMIT_AS] = { "Max address space", "bytes" },
	[RLIMIT_LOCKS] = { "Max file locks", "locks" },
	[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
	[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
	[RLIMIT_NICE] = { "Max nice priority", "" },
	[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
	[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
};

static void add_limit(struct text *text, uint64_t limit)
{
	if (limit == RLIM_INFINITY)
		text_add(text, "%-20s ", "unlimited");
	else
		text_add(text, "%-20lu ", limit);
}

int proc_show_limits(const struct proc_subject *subject, struct text *text)
{
	struct rlimit_pair limits[NUM_RLIMITS];

	spin_lock(&subject->process->lock);
	memcpy(limits, subject->process->rlimits, sizeof(limits));
	spin_unlock(&subject->process->lock);

	text_add(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit",
		 "Hard Limit", "Units");
	for (unsigned int i = 0; i < NUM_RLIMITS; i++) {
		text_add(text, "%-25s ", limit_names[i].name);
		add_limit(text, limits[i].soft);
		add_limit(text, limits[i].hard);
		text_add(text, "%-10s\n", limit_names[i].unit);
	}
	return 0;
}

/* ---- Single values ---- */

int proc_show_comm(const struct proc_subject *subject, struct text *text)
{
	text_add(text, "%.15s\n", subject->thread->name);
	return 0;
}

int proc_store_comm(const struct proc_subject *subject, const char *text,
		    size_t size)
{
	char name[THREAD_NAME_SIZE] = "";

	if (subject->process != current_process())
		return -EINVAL;
	/* A newline at the end stays in, as on Linux. */
	memcpy(name, text, MIN(size, sizeof(name) - 1));
	memcpy(subject->thread->name, name, sizeof(name));
	return 0;
}

int proc_show_schedstat(const struct proc_subject *subject, struct text *text)
{
	uint64_t user_ns, system_ns;

	sched_cpu_time(subject->thread, &user_ns, &system_ns);
	text_add(text, "%lu 0 %lu\n", user_ns + system_ns,
		 subject->thread->sched.switches_voluntary +
			 subject->thread->sched.switches_forced);
	return 0;
}

int proc_show_personality(const struct proc_subject *subject, struct text *text)
{
	text_add(text, "%08x\n", subject->thread->personality);
	return 0;
}

int proc_show_oom_score(const struct proc_subject *subject, struct text *text)
{
	int score = 667 + subject->process->oom_score_adj * 2 / 3;

	text_add(text, "%d\n", MAX(score, 0));
	return 0;
}

int proc_show_oom_score_adj(const struct proc_subject *subject,
			    struct text *text)
{
	text_add(text, "%d\n", subject->process->oom_score_adj);
	return 0;
}

int proc_store_oom_score_adj(const struct proc_subject *subject,
			     const char *text, size_t size)
{
	struct process *process = subject->process;
	int64_t number;
	int err = proc_parse_number(text, &number);

	if (err)
		return err;
	if (number < -1000 || number > 1000)
		return -EINVAL;
	/* To make oneself less likely to be killed is for root. */
	if (number < READ_ONCE(process->oom_score_adj) &&
	    !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	WRITE_ONCE(process->oom_score_adj, (int)number);
	return 0;
}
