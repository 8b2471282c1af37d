/* SPDX-License-Identifier: MIT */
/*
 * timerfd.c - a timer behind a descriptor
 *
 * Idea: the kernel timer only marks that the time has come. A periodic timer
 * is started again when somebody reads or asks, which counts how many periods
 * have passed since; so a period of 1 ns costs nothing while nobody looks.
 *
 * Everything is kept on the monotonic clock. An absolute time of the wall
 * clock is converted when it is set; if the wall clock is set back meanwhile
 * the timer finds out when it fires and waits on. If it is set forward the
 * timer fires late (Linux moves it; that needs word from clock_settime).
 *
 * Locks: timerfd.lock, also taken in the timer interrupt.
 * Source: timerfd_create(2).
 */
#include "kernel/vfs/timerfd.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/vfs/anonymous.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

struct timerfd {
	struct timer timer;
	int clock; /* fixed */

	struct spinlock lock; /* rank LOCK_SPIN_MISC */
	/* Under lock. */
	bool running;            /* next_ns means something */
	bool expired;            /* the timer has fired since it was started */
	uint64_t next_ns;        /* when it fires or fired; monotonic */
	uint64_t interval_ns;    /* 0: once */
	uint64_t count;          /* expiries nobody has read */
	int flags;               /* of the last timerfd_set() */
	uint64_t wall_target_ns; /* absolute wall time; 0: not that kind */
	uint64_t generation;     /* of the wall clock, for CANCEL_ON_SET */

	struct wait_queue wait;
};

static const struct file_ops timerfd_file_ops;

static bool is_wall_clock(const struct timerfd *timerfd)
{
	return timerfd->clock == CLOCK_REALTIME ||
	       timerfd->clock == CLOCK_REALTIME_ALARM;
}

/* A wall time on the monotonic clock; long past becomes 1. */
static uint64_t wall_to_monotonic(uint64_t wall_ns)
{
	uint64_t generation;
	int64_t offset = clock_realtime_offset_ns(&generation);
	uint64_t ns = wall_ns - (uint64_t)offset;

	return (int64_t)ns > 0 ? ns : 1;
}

/* ---- Firing -------------------------------------------------------------- */

/* The wall clock was set back: not yet. */
static bool is_early(const struct timerfd *timerfd)
{
	return timerfd->wall_target_ns &&
	       clock_realtime_ns() < timerfd->wall_target_ns;
}

/* The timer interrupt. */
static void fire(struct timer *timer)
{
	struct timerfd *timerfd = container_of(timer, struct timerfd, timer);

	spin_lock(&timerfd->lock);
	if (timerfd->running && is_early(timerfd)) {
		timerfd->next_ns = wall_to_monotonic(timerfd->wall_target_ns);
		timer_start(timer, timerfd->next_ns);
	} else if (timerfd->running) {
		timerfd->expired = true;
		timerfd->count++;
	}
	spin_unlock(&timerfd->lock);
	wake_all_events(&timerfd->wait, EPOLLIN);
}

/*
 * A periodic timer that has fired: count the periods that passed meanwhile,
 * and start it for the next.
 */
static void catch_up(struct timerfd *timerfd) MUST_HOLD(timerfd->lock)
{
	uint64_t now_ns, periods;

	if (!timerfd->expired || !timerfd->interval_ns)
		return;
	now_ns = clock_now_ns();
	periods = (now_ns - timerfd->next_ns) / timerfd->interval_ns;
	timerfd->count += periods; /* fire() counted the first */
	timerfd->next_ns += (periods + 1) * timerfd->interval_ns;
	timerfd->wall_target_ns = 0;
	timerfd->expired = false;
	timer_start(&timerfd->timer, timerfd->next_ns);
}

/* ---- Setting ------------------------------------------------------------- */

static void get_locked(struct timerfd *timerfd, struct timerfd_setting *out)
	MUST_HOLD(timerfd->lock)
{
	uint64_t now_ns = clock_now_ns();

	out->interval = timerfd->interval_ns;
	out->value = 0;
	catch_up(timerfd);
	if (timerfd->running && !timerfd->expired)
		out->value = timerfd->next_ns > now_ns
				     ? timerfd->next_ns - now_ns
				     : 1; /* due, but not yet fired */
}

static void start(struct timerfd *timerfd, int flags,
		  const struct timerfd_setting *new) MUST_HOLD(timerfd->lock)
{
	uint64_t next_ns = new->value;

	timerfd->expired = false;
	timerfd->count = 0;
	timerfd->flags = flags;
	timerfd->interval_ns = new->interval;
	timerfd->running = new->value != 0;
	timerfd->wall_target_ns = 0;
	clock_realtime_offset_ns(&timerfd->generation);
	if (!timerfd->running)
		return;
	if (!(flags & TFD_TIMER_ABSTIME)) {
		if (__builtin_add_overflow(clock_now_ns(), next_ns, &next_ns))
			next_ns = UINT64_MAX;
	} else if (is_wall_clock(timerfd)) {
		timerfd->wall_target_ns = next_ns;
		next_ns = wall_to_monotonic(next_ns);
	}
	timerfd->next_ns = next_ns;
	timer_start(&timerfd->timer, next_ns);
}

int timerfd_set(struct file *file, int flags, const struct timerfd_setting *new,
		struct timerfd_setting *old)
{
	struct timerfd *timerfd = file->data;

	if (file->ops != &timerfd_file_ops)
		return -EINVAL;
	/* fire() may be under way on another hart, and start it again. */
	spin_lock(&timerfd->lock);
	get_locked(timerfd, old);
	timerfd->running = false;
	spin_unlock(&timerfd->lock);
	timer_cancel_sync(&timerfd->timer);

	spin_lock(&timerfd->lock);
	start(timerfd, flags, new);
	spin_unlock(&timerfd->lock);
	return 0;
}

int timerfd_get(struct file *file, struct timerfd_setting *out)
{
	struct timerfd *timerfd = file->data;

	if (file->ops != &timerfd_file_ops)
		return -EINVAL;
	spin_lock(&timerfd->lock);
	get_locked(timerfd, out);
	spin_unlock(&timerfd->lock);
	return 0;
}

/* ---- The file ------------------------------------------------------------ */

/* TFD_TIMER_CANCEL_ON_SET, and the wall clock was set. */
static bool was_cancelled(struct timerfd *timerfd) MUST_HOLD(timerfd->lock)
{
	uint64_t generation;

	if (!(timerfd->flags & TFD_TIMER_CANCEL_ON_SET) ||
	    !(timerfd->flags & TFD_TIMER_ABSTIME) || !is_wall_clock(timerfd))
		return false;
	clock_realtime_offset_ns(&generation);
	if (generation == timerfd->generation)
		return false;
	timerfd->generation = generation;
	return true;
}

/* 1 with *@count; 0: nothing yet; -ECANCELED. */
static int try_read(struct timerfd *timerfd, uint64_t *count)
{
	int result = 0;

	spin_lock(&timerfd->lock);
	catch_up(timerfd);
	if (was_cancelled(timerfd)) {
		timerfd->count = 0;
		result = -ECANCELED;
	} else if (timerfd->count) {
		*count = timerfd->count;
		timerfd->count = 0;
		result = 1;
	}
	spin_unlock(&timerfd->lock);
	return result;
}

static ssize_t timerfd_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct timerfd *timerfd = file->data;
	uint64_t count = 0;
	int result, err;

	if (io->left < sizeof(count))
		return -EINVAL;
	result = try_read(timerfd, &count);
	if (!result && io->nonblock)
		return -EAGAIN;
	if (!result) {
		err = WAIT_EVENT_INTERRUPTIBLE(
			&timerfd->wait,
			result || (result = try_read(timerfd, &count)));
		if (err)
			return err;
	}
	if (result < 0)
		return result;
	if (io_copy_to(io, &count, sizeof(count)) != sizeof(count))
		return -EFAULT;
	return sizeof(count);
}

static unsigned int timerfd_poll(struct file *file, struct poll_table *table)
{
	struct timerfd *timerfd = file->data;

	poll_wait(table, &timerfd->wait);
	return READ_ONCE(timerfd->count) ? EPOLLIN : 0;
}

static void timerfd_show_fdinfo(struct file *file, char *buf, size_t size)
{
	struct timerfd *timerfd = file->data;
	struct timerfd_setting now;

	if (timerfd_get(file, &now))
		return;
	format_string(buf, size,
		      "clockid: %d\nticks: %lu\nsettime flags: 0%o\n"
		      "it_value: (%llu, %llu)\nit_interval: (%llu, %llu)\n",
		      timerfd->clock, timerfd->count, timerfd->flags,
		      now.value / NSEC_PER_SEC, now.value % NSEC_PER_SEC,
		      now.interval / NSEC_PER_SEC, now.interval % NSEC_PER_SEC);
}

static void timerfd_release(struct file *file)
{
	struct timerfd *timerfd = file->data;

	spin_lock(&timerfd->lock);
	timerfd->running = false;
	spin_unlock(&timerfd->lock);
	timer_cancel_sync(&timerfd->timer);
	kfree(timerfd);
}

static const struct file_ops timerfd_file_ops = {
	.release = timerfd_release,
	.read = timerfd_read,
	.poll = timerfd_poll,
	.show_fdinfo = timerfd_show_fdinfo,
	.stream = true,
};

int timerfd_create(int clock, unsigned int flags, struct file **out)
{
	struct timerfd *timerfd = kzalloc(sizeof(*timerfd));
	int err;

	if (!timerfd)
		return -ENOMEM;
	timer_init(&timerfd->timer, fire);
	spin_init(&timerfd->lock, LOCK_SPIN_MISC);
	wait_queue_init(&timerfd->wait);
	timerfd->clock = clock;
	err = anonymous_file_create("anon_inode:[timerfd]", &timerfd_file_ops,
				    flags, timerfd, out);
	if (err)
		kfree(timerfd);
	return err;
}
