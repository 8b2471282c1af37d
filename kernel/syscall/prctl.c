/* SPDX-License-Identifier: MIT */
/*
 * prctl.c - system call: the small settings of a process or thread
 *
 * One function for each option that does more than a line; the switch at the
 * end lists them all. What Linux would refuse without the matching option of
 * its configuration is -EINVAL here too.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/vfs/cred.h"

#include <linux/prctl.h>

#define DEFAULT_TIMER_SLACK_NS (50 * NSEC_PER_USEC)

/* ---- Names and signals --------------------------------------------------- */

static long set_name(const void __user *from)
{
	char name[THREAD_NAME_SIZE];
	ssize_t len = copy_string_from_user(name, from, sizeof(name));

	if (len == -ENAMETOOLONG)
		name[THREAD_NAME_SIZE - 1] = '\0'; /* cut, no error */
	else if (len < 0)
		return len;
	strcopy(current()->name, name, THREAD_NAME_SIZE);
	return 0;
}

static long get_name(void __user *to)
{
	char name[THREAD_NAME_SIZE] = { 0 };

	strcopy(name, current()->name, sizeof(name));
	return copy_to_user(to, name, sizeof(name));
}

static long set_death_signal(unsigned long signo)
{
	if (signo > NUM_SIGNALS)
		return -EINVAL;
	current()->pdeath_signal = (int)signo;
	return 0;
}

static long set_dumpable(unsigned long on)
{
	if (on > 1)
		return -EINVAL;
	current_process()->dumpable = on;
	return 0;
}

static long set_subreaper(unsigned long on)
{
	process_tree_lock();
	current_process()->reparent_to_me = on;
	process_tree_unlock();
	return 0;
}

static long set_timer_slack(unsigned long ns)
{
	current()->timer_slack_ns = ns ? ns : DEFAULT_TIMER_SLACK_NS;
	return 0;
}

static long set_no_new_privileges(const struct syscall_args *a)
{
	struct cred *cred;

	if (arg_u64(a, 1) != 1 || arg_u64(a, 2) || arg_u64(a, 3) ||
	    arg_u64(a, 4))
		return -EINVAL;
	cred = cred_copy(current()->cred);
	if (!cred)
		return -ENOMEM;
	cred->no_new_privs = true;
	cred_use(cred);
	return 0;
}

static long get_no_new_privileges(const struct syscall_args *a)
{
	if (arg_u64(a, 1) || arg_u64(a, 2) || arg_u64(a, 3) || arg_u64(a, 4))
		return -EINVAL;
	return current()->cred->no_new_privs;
}

/* ---- Memory --------------------------------------------------------------- */

/* One page at a fault, never more: kernel/mm/fault.c. */
static long set_no_huge(const struct syscall_args *a)
{
	if (arg_u64(a, 2) || arg_u64(a, 3) || arg_u64(a, 4))
		return -EINVAL;
	WRITE_ONCE(current()->space->no_huge, arg_u64(a, 1) != 0);
	return 0;
}

static long get_no_huge(const struct syscall_args *a)
{
	if (arg_u64(a, 1) || arg_u64(a, 2) || arg_u64(a, 3) || arg_u64(a, 4))
		return -EINVAL;
	return READ_ONCE(current()->space->no_huge);
}

/* ---- Capabilities: capabilities(7) --------------------------------------- */

static bool is_capability(unsigned long capability)
{
	return capability <= CAP_LAST_CAP;
}

static long read_bounding(unsigned long capability)
{
	if (!is_capability(capability))
		return -EINVAL;
	return (current()->cred->cap_bounding >> capability) & 1;
}

static long drop_bounding(unsigned long capability)
{
	struct cred *cred;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (!is_capability(capability))
		return -EINVAL;
	cred = cred_copy(current()->cred);
	if (!cred)
		return -ENOMEM;
	cred->cap_bounding &= ~BIT(capability);
	cred_use(cred);
	return 0;
}

static long use_securebits(unsigned int bits)
{
	struct cred *cred = cred_copy(current()->cred);

	if (!cred)
		return -ENOMEM;
	cred->securebits = bits;
	cred_use(cred);
	return 0;
}

static long set_securebits(unsigned long wanted)
{
	const unsigned long locks = SECURE_ALL_LOCKS;
	const unsigned long known = locks | SECURE_ALL_BITS;
	unsigned long old = current()->cred->securebits;
	/* A lock bit is one left of the bit that it locks. */
	unsigned long locked = (old & locks) >> 1;

	if ((locked & (old ^ wanted)) || (old & locks & ~wanted) ||
	    (wanted & ~known) || !capable(CAP_SETPCAP))
		return -EPERM;
	return use_securebits((unsigned int)wanted);
}

static long set_keep_capabilities(unsigned long on)
{
	unsigned int bits = current()->cred->securebits;

	if (on > 1)
		return -EINVAL;
	if (bits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	if (on)
		bits |= SECBIT_KEEP_CAPS;
	else
		bits &= ~(unsigned int)SECBIT_KEEP_CAPS;
	return use_securebits(bits);
}

static long raise_ambient(uint64_t bit)
{
	const struct cred *old = current()->cred;
	struct cred *cred;

	if (!(old->cap_permitted & old->cap_inheritable & bit) ||
	    (old->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
		return -EPERM;
	cred = cred_copy(old);
	if (!cred)
		return -ENOMEM;
	cred->cap_ambient |= bit;
	cred_use(cred);
	return 0;
}

static long clear_ambient(uint64_t bits)
{
	struct cred *cred = cred_copy(current()->cred);

	if (!cred)
		return -ENOMEM;
	cred->cap_ambient &= ~bits;
	cred_use(cred);
	return 0;
}

static long change_ambient(const struct syscall_args *a)
{
	unsigned long capability = arg_u64(a, 2);

	if (arg_u64(a, 3) || arg_u64(a, 4))
		return -EINVAL;
	if (arg_u64(a, 1) == PR_CAP_AMBIENT_CLEAR_ALL)
		return capability ? -EINVAL : clear_ambient(UINT64_MAX);
	if (!is_capability(capability))
		return -EINVAL;
	switch (arg_u64(a, 1)) {
	case PR_CAP_AMBIENT_IS_SET:
		return (current()->cred->cap_ambient >> capability) & 1;
	case PR_CAP_AMBIENT_RAISE:
		return raise_ambient(BIT(capability));
	case PR_CAP_AMBIENT_LOWER:
		return clear_ambient(BIT(capability));
	default:
		return -EINVAL;
	}
}

/* ---- All of them --------------------------------------------------------- */

long sys_prctl(const struct syscall_args *a)
{
	unsigned long value = arg_u64(a, 1);
	void __user *user = arg_ptr(a, 1);
	struct thread *me = current();

	switch (arg_int(a, 0)) {
	case PR_SET_NAME:
		return set_name(user);
	case PR_GET_NAME:
		return get_name(user);
	case PR_SET_PDEATHSIG:
		return set_death_signal(value);
	case PR_GET_PDEATHSIG:
		return put_user_u32(user, (uint32_t)me->pdeath_signal);
	case PR_SET_DUMPABLE:
		return set_dumpable(value);
	case PR_GET_DUMPABLE:
		return me->process->dumpable;
	case PR_SET_CHILD_SUBREAPER:
		return set_subreaper(value);
	case PR_GET_CHILD_SUBREAPER:
		return put_user_u32(user, me->process->reparent_to_me);
	case PR_SET_TIMERSLACK:
		return set_timer_slack(value);
	case PR_GET_TIMERSLACK:
		return (long)me->timer_slack_ns;
	case PR_SET_TIMING:
		return value == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_GET_TID_ADDRESS:
		return put_user_u64(user, me->clear_child_tid);
	case PR_GET_SECCOMP:
		return 0; /* no filter */
	case PR_SET_THP_DISABLE:
		return set_no_huge(a);
	case PR_GET_THP_DISABLE:
		return get_no_huge(a);
	case PR_SET_NO_NEW_PRIVS:
		return set_no_new_privileges(a);
	case PR_GET_NO_NEW_PRIVS:
		return get_no_new_privileges(a);
	case PR_CAPBSET_READ:
		return read_bounding(value);
	case PR_CAPBSET_DROP:
		return drop_bounding(value);
	case PR_SET_SECUREBITS:
		return set_securebits(value);
	case PR_GET_SECUREBITS:
		return me->cred->securebits;
	case PR_SET_KEEPCAPS:
		return set_keep_capabilities(value);
	case PR_GET_KEEPCAPS:
		return !!(me->cred->securebits & SECBIT_KEEP_CAPS);
	case PR_CAP_AMBIENT:
		return change_ambient(a);
	default:
		return -EINVAL;
	}
}
