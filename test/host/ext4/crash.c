/* SPDX-License-Identifier: MIT */
/*
 * crash.c - every state that a power cut may leave, of short sequences
 *
 *	ext4 crash IMAGE SCRATCH EVERY [SET [FIRST [no-flush]]]
 *
 * Idea (CrashMonkey and ACE): most bugs of crash consistency show with two or
 * three operations on few names. Each sequence of operations, each followed by
 * no, or one of the persistence calls, is run on a copy of IMAGE while its writes
 * and flushes are recorded. From the record all disks are made that a crash may
 * leave (crash_states.c). Each is mounted, which replays the journal, and
 * compared with what the tree was after each step (crash_oracle.c). Then e2fsck
 * -fn must find nothing; it is asked once for each image that came out.
 *
 * Three things save work, and none leaves anything out. The clock is set to the
 * same time before each sequence, so sequences that begin alike write the same
 * (that is checked): crashes before the last operation belong to the shorter
 * sequence, which is in the set or was in another. A disk that comes again is not
 * mounted again, only its tree is compared with what is expected now. And images
 * that differ in nothing but the journal's blocks are one for e2fsck, once the
 * journal is empty.
 *
 * SET: two (all sequences of one and two operations), or the sets of three that
 * ACE has: data, metadata, nested; a few operations each, the last one followed
 * by a persistence call; moving, ours: what is behind a place moves; or long:
 * 140 steps at random (the journal, which is small, goes round, and is emptied
 * meanwhile), of which there is no end. EVERY: take each so many-th sequence,
 * from number FIRST on. no-flush: the disk takes no notice of flushes. Then there
 * must be complaints: a test of the test.
 *
 * Read: Mohan et al., "Finding Crash-Consistency Bugs with Bounded Black-Box
 * Crash Testing" (OSDI 2018).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/host/ext4/commands.h"
#include "test/host/ext4/crash.h"
#include "test/host/ext4/image.h"
#include "test/host/host.h"

enum {
	MAX_LENGTH = 140,
	NUM_LONG = 100000,
	MAX_COMPLAINTS = 20,
	MAX_KNOWN = 2000
};
static const uint64_t epoch_ns = 1700000000ULL * 1000000000;
/* A few operations fall into one: then the second does not change an inode that
 * the first has changed, and nothing is committed for it. */
static const uint64_t tick_ns = 4000000;

/* ---- Which sequences there are ---- */

struct set {
	const char *name;
	unsigned int length;
	const char *ops, *calls; /* names between spaces; NULL: all */
};

static const struct set sets[] = {
	{ "two", 2, NULL, NULL },
	{ "data", 3, " overwrite overwrite-more append write-far cut fallocate "
	  "punch ",
	  "  fsync-foo fdatasync-foo sync " },
	{ "metadata", 3,
	  " write-new link unlink-foo unlink-bar rename rename-over ",
	  "  fsync-foo fsync-new fsync-bar sync " },
	{ "moving", 3,
	  " collapse insert overwrite-more append cut punch fallocate ",
	  "  fsync-foo fdatasync-foo sync " },
	{ "long", MAX_LENGTH, NULL, NULL },
	{ "nested", 3, " mkdir link rename rename-over rename-dir symlink ",
	  "  fsync-foo fsync-bar fsync-dir sync " },
};

struct step {
	const struct op *op, *call;
};

static struct {
	const struct set *set;
	struct step step[CRASH_NUM_OPS * CRASH_NUM_CALLS];
	unsigned int num_steps;
	/* Those that may be last: a call follows. At the end of step[]. */
	unsigned int num_last;
} plan;

static bool has_word(const char *list, const char *word)
{
	char padded[40];

	snprintf(padded, sizeof(padded), " %s ", word);
	return !list || strstr(list, padded);
}

static bool make_plan(const char *name)
{
	plan.set = NULL;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (!strcmp(sets[i].name, name))
			plan.set = &sets[i];
	if (!plan.set)
		return false;
	plan.num_steps = plan.num_last = 0;
	for (unsigned int c = 0; c < CRASH_NUM_CALLS; c++) {
		for (unsigned int o = 0; o < CRASH_NUM_OPS; o++) {
			if ((!plan.set->ops && o >= CRASH_NUM_COMMON) ||
			    !has_word(plan.set->ops, crash_ops[o].name) ||
			    !has_word(plan.set->calls, crash_calls[c].name))
				continue;
			plan.step[plan.num_steps++] = (struct step){
				&crash_ops[o], &crash_calls[c]
			};
			plan.num_last += c || plan.set->length == 2;
		}
	}
	return true;
}

static unsigned int num_in_plan(void)
{
	unsigned int n = plan.num_steps;

	if (plan.set->length == MAX_LENGTH)
		return NUM_LONG;
	return plan.set->length == 2 ? n + n * n : n * n * plan.num_last;
}

static void get_random_steps(unsigned int number, struct step *steps)
{
	uint64_t random = (number + 1) * 0x9e3779b97f4a7c15ULL;

	for (unsigned int i = 0; i < MAX_LENGTH; i++)
		steps[i] = plan.step[(host_random(&random) >> 32) %
				     plan.num_steps];
}

/* Sequence @number; how many steps it has. */
static unsigned int get_steps(unsigned int number, struct step *steps)
{
	unsigned int n = plan.num_steps, last = plan.num_last;

	if (plan.set->length == MAX_LENGTH) {
		get_random_steps(number, steps);
		return MAX_LENGTH;
	}
	if (plan.set->length == 2 && number < n) {
		steps[0] = plan.step[number];
		return 1;
	}
	if (plan.set->length == 2)
		number -= n;
	steps[plan.set->length - 1] =
		plan.step[n - last + number % last];
	number /= last;
	steps[plan.set->length - 2] = plan.step[number % n];
	if (plan.set->length == 3)
		steps[0] = plan.step[number / n];
	return plan.set->length;
}

/* ---- Complaints ---- */

static struct history seq;
static unsigned int num_sequences, num_broken;
static unsigned long num_states, num_checked;
static const char *scratch;

static void complain(const char *what, const char *path)
{
	char name[300];

	num_broken++;
	printf("%s: %s %s\n", seq.name, what, path);
	snprintf(name, sizeof(name), "%s.%u", scratch, num_broken);
	states_save(name);
}

/* ---- One state ---- */

static struct hash_set seen, checked;

static void run_e2fsck(void)
{
	char log[300];

	snprintf(log, sizeof(log), "%s.log", scratch);
	num_checked++;
	if (!fsck_run(states_fd(), log))
		return;
	complain("e2fsck finds something, see", log);
	snprintf(log, sizeof(log), "cat %s.log", scratch);
	if (system(log))
		perror("cat");
}

/* What was on the last disks that were mounted: a disk that comes again has the
 * same tree, whenever the power went. The oldest is forgotten first. */
static uint64_t known_hash[MAX_KNOWN]; /* 0: none */
static struct known {
	bool good; /* it could be read */
	struct snapshot tree;
} known[MAX_KNOWN];
static unsigned int num_known;

static struct known *find_known(uint64_t hash)
{
	for (unsigned int i = 0; i < MAX_KNOWN; i++)
		if (known_hash[i] == hash)
			return &known[i];
	return NULL;
}

static void forget_known(void)
{
	for (unsigned int i = 0; i < MAX_KNOWN; i++)
		snapshot_free(&known[i].tree);
}

static struct known *mount_and_read(struct image *state, uint64_t hash)
{
	struct known *found = &known[num_known % MAX_KNOWN];

	snapshot_free(&found->tree);
	known_hash[num_known++ % MAX_KNOWN] = hash;
	found->good = false;
	fs_set_clock(epoch_ns + 1000ULL * 1000000000, tick_ns);
	if (fs_mount(state, false, "")) {
		complain("cannot be mounted", "");
		return found;
	}
	found->good = !snapshot_take(&found->tree);
	if (!found->good)
		complain("cannot be read", "");
	if (fs_unmount())
		complain("cannot be unmounted", "");
	if (hash_set_add(&checked, states_hash(true)))
		run_e2fsck();
	return found;
}

static void check_state(struct image *state, unsigned int event)
{
	uint64_t hash = states_hash(false);
	struct known *found = find_known(hash);
	unsigned int done = 0, begun;

	while (done + 1 < seq.num_steps && seq.events[done + 1] <= event)
		done++;
	begun = done + 1 < seq.num_steps ? done + 1 : done;
	num_states++;
	hash_set_add(&seen, hash);
	if (!found)
		found = mount_and_read(state, hash);
	if (found->good)
		oracle_check(&seq, &found->tree, done, begun, complain);
}

/* ---- One sequence ---- */

static void after_step(struct image *run, const struct op *op)
{
	unsigned int i = seq.num_steps++;
	unsigned int n;

	seq.events[i] = run->num_events;
	seq.sync[i] = op && op->sync;
	memset(&seq.synced[i], 0, sizeof(seq.synced[i]));
	if (snapshot_take(&seq.after[i]))
		complain("cannot be read while it is mounted", "");
	for (n = 0; op && op->synced && n < seq.after[i].count; n++)
		if (!strcmp(seq.after[i].node[n].path, op->synced))
			seq.synced[i] = seq.after[i].node[n];
}

static bool run_op(struct image *run, const struct op *op)
{
	if (!op->run)
		return true;
	if (op->run()) /* makes no sense after the one before */
		return plan.set->length == MAX_LENGTH;
	if (plan.set->length != MAX_LENGTH)
		snprintf(seq.name + strlen(seq.name),
			 sizeof(seq.name) - strlen(seq.name), " %s", op->name);
	after_step(run, op);
	return true;
}

static void forget_sequence(const struct image *start, struct image *run)
{
	while (seq.num_steps)
		snapshot_free(&seq.after[--seq.num_steps]);
	image_clear_trace(run);
	image_revert(run, start);
}

static const struct op sync_at_end = { "", fs_sync, NULL, true };

/* Run @steps on @run and record. *@last: how much before the last step. */
static bool run_steps(struct image *run, unsigned int number,
		      const struct step *steps, unsigned int count,
		      unsigned int *last)
{
	bool good = true;

	run->record = true;
	fs_set_clock(epoch_ns, tick_ns);
	seq.num_steps = 0;
	seq.name[0] = '\0';
	if (plan.set->length == MAX_LENGTH)
		snprintf(seq.name, sizeof(seq.name), "long %u", number);
	*last = 0;
	if (fs_mount(run, false, "")) {
		complain("cannot be mounted", "");
		exit(1);
	}
	after_step(run, NULL);
	for (unsigned int i = 0; good && i < count; i++) {
		if (i && i == count - 1 && count < MAX_LENGTH)
			*last = run->num_events;
		good = run_op(run, steps[i].op) && run_op(run, steps[i].call);
	}
	if (good) {
		fs_write_back();
		good = run_op(run, &sync_at_end);
	}
	/* Unmounting puts everything into its place. */
	fs_unmount();
	run->record = false;
	return good;
}

static uint64_t hash_trace(const struct image *run, unsigned int events)
{
	uint64_t hash = 1;

	for (unsigned int i = 0; i < events; i++) {
		const struct image_event *event = &run->events[i];

		hash = (hash ^ event->pos ^ event->kind) * 1099511628211ULL;
		for (size_t at = 0; at < event->size; at += 8)
			hash = (hash ^ *(uint64_t *)(event->data + at)) *
			       1099511628211ULL;
	}
	return hash;
}

/* Sequences that begin alike write the same: else what the shorter one showed
 * says nothing about the longer one. */
static void check_prefix(const struct image *start, struct image *run,
			 const struct step *steps, unsigned int count,
			 uint64_t hash, unsigned int events)
{
	static struct step known[MAX_LENGTH];
	static unsigned int known_count, known_events;
	static uint64_t known_hash;
	unsigned int last;

	if (known_count != count ||
	    memcmp(known, steps, count * sizeof(*steps))) {
		memcpy(known, steps, count * sizeof(*steps));
		known_count = count;
		run_steps(run, 0, steps, count, &last);
		known_events = seq.events[seq.num_steps - 2];
		known_hash = hash_trace(run, known_events);
		forget_sequence(start, run);
	}
	if (known_hash == hash && known_events == events)
		return;
	printf("a sequence does not begin like its beginning\n");
	num_broken++;
}

static void run_sequence(const struct image *start, struct image *run,
			 unsigned int number, bool no_flush)
{
	struct step steps[MAX_LENGTH];
	unsigned int count = get_steps(number, steps), last;
	uint64_t hash = 0;
	bool good;

	good = run_steps(run, number, steps, count, &last);
	if (good) {
		num_sequences++;
		hash = hash_trace(run, last);
		states_enumerate(start, run, last, no_flush, check_state);
	}
	forget_sequence(start, run);
	if (good && last)
		check_prefix(start, run, steps, count - 1, hash, last);
}

/* ---- The command ---- */

static void prepare(struct image *image)
{
	fs_set_clock(epoch_ns - 1000000000, 1);
	if (fs_mount(image, false, "") || fs_mkdir("/mnt/A") ||
	    fs_mkdir("/mnt/B") || fs_mkdir("/mnt/C") ||
	    crash_write("/mnt/A/foo", 0, 8192, 'a') ||
	    crash_write("/mnt/B/bar", 0, 5000, 'b') || fs_unmount()) {
		printf("cannot prepare the image\n");
		exit(1);
	}
}

static void report(unsigned int next)
{
	printf("%s %u/%u: %u sequences, %lu states, %lu of them different, "
	       "%lu checked by e2fsck, %u complaints, %ld s\n",
	       plan.set->name, next, num_in_plan(), num_sequences, num_states,
	       (unsigned long)seen.count, num_checked, num_broken,
	       (long)(clock() / CLOCKS_PER_SEC));
}

int command_crash(int argc, char **argv)
{
	unsigned int every, first, i, num_tried = 0;
	bool no_flush = argc > 5 && !strcmp(argv[5], "no-flush");
	struct image start, run;

	if (argc < 3 || !make_plan(argc > 3 ? argv[3] : "two"))
		return 2;
	scratch = argv[1];
	every = (unsigned int)atoi(argv[2]);
	first = argc > 4 ? (unsigned int)atoi(argv[4]) : 0;
	fs_be_quiet();
	image_load(&start, argv[0]);
	prepare(&start);
	states_init(&start);
	run = start;
	run.data = malloc(start.size);
	memcpy(run.data, start.data, start.size);
	image_track(&run);
	for (i = first; i < num_in_plan(); i += every) {
		run_sequence(&start, &run, i, no_flush);
		if (num_broken > MAX_COMPLAINTS)
			break;
		if (++num_tried % 500 == 0)
			report(i + every);
	}
	report(i < num_in_plan() ? i : num_in_plan());
	image_free(&run);
	image_free(&start);
	states_free();
	forget_known();
	hash_set_free(&seen);
	hash_set_free(&checked);
	return num_broken ? 1 : 0;
}
