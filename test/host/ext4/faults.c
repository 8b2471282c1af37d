/* SPDX-License-Identifier: MIT */
/*
 * faults.c - a disk that fails, and one that is full
 *
 *	ext4 faults IMAGE SCRATCH SEEDS
 *
 * Steps at random (crash_ops.c), again and again: the disk fails at the k-th
 * request, once or from then on, for each k there is; reads or writes. Errors
 * are those that Linux gives. When the disk works again, it can be mounted, the
 * tree is one that may be (crash_oracle.c; what was promised before the first
 * fault holds), and e2fsck finds nothing. Then the same on a disk without free
 * blocks, and on one without free inodes: there every promise holds. And files
 * of many pieces, whose maps have to be read in, are cut, deleted and made longer:
 * what was cut off does not come back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/ext4/commands.h"
#include "test/host/ext4/crash.h"
#include "test/host/ext4/image.h"
#include "test/host/host.h"

enum {
	NUM_RANDOM = 24,
	MAX_COMPLAINTS = 20,
	NUM_ERRORS = 134,
	MAX_NAMES = 1000
};
static const uint64_t epoch_ns = 1700000000ULL * 1000000000;

enum fill { NOT_FULL, NO_BLOCKS, NO_INODES };

/* What is tried. */
struct trial {
	unsigned int seed, first_fault, fault_step;
	bool reads, writes;
	enum fill fill;
};

static struct history seq;
static struct trial trial;
static struct image start, disk;
static int disk_fd;
static const char *scratch;
static unsigned int num_broken, num_trials, num_failed;
static unsigned int errors[NUM_ERRORS];

static void complain(const char *what, const char *path)
{
	num_broken++;
	printf("seed %u, %s%s fault %u+%u, full %u: %s %s\n", trial.seed,
	       trial.reads ? "read" : "", trial.writes ? "write" : "",
	       trial.first_fault, trial.fault_step, trial.fill, what, path);
}

/* ---- The disk ---- */

static void faults_on(bool on)
{
	disk.fail_reads = on && trial.reads;
	disk.fail_writes = on && trial.writes;
}

/* ENOENT and the like: what an earlier step should have made is missing. */
static bool is_right_error(int err)
{
	static const int right[] = { 2, 5, 17, 20, 21, 30, 39 };

	if (err == 28)
		return trial.fill != NOT_FULL;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (err == right[i])
			return true;
	return false;
}

static void note_error(const char *name, int err)
{
	char text[32];

	if (!err)
		return;
	if (-err < NUM_ERRORS)
		errors[-err]++;
	if (is_right_error(-err))
		return;
	snprintf(text, sizeof(text), "%d", -err);
	complain(text, name);
}

/* ---- Steps ---- */

static void note_tree(const struct op *op, bool good)
{
	unsigned int i = seq.num_steps++;

	faults_on(false);
	memset(&seq.synced[i], 0, sizeof(seq.synced[i]));
	seq.sync[i] = good && op && op->sync;
	if (snapshot_take(&seq.after[i]) && !disk.num_faults)
		complain("cannot be read while it is mounted", "");
	for (unsigned int n = 0;
	     op && good && op->synced && n < seq.after[i].count; n++)
		if (!strcmp(seq.after[i].node[n].path, op->synced))
			seq.synced[i] = seq.after[i].node[n];
	faults_on(true);
}

/* How many steps were done when the first fault came; 0: it was at once. */
static unsigned int promised;

static void do_step(const struct op *op)
{
	int err;

	if (!op->run)
		return;
	err = op->run();
	note_error(op->name, err);
	note_tree(op, !err);
	if (!disk.num_faults)
		promised = seq.num_steps - 1;
}

static uint64_t full_size; /* of C/full */

static void fill_up(void)
{
	int err = 0, old_err = 0;
	char name[40];

	full_size = 0;

	/* Room that was held back for what is written comes back with sync. */
	for (unsigned int i = 0; (!err || !old_err) && i < MAX_NAMES * 10;
	     i++) {
		old_err = err;
		snprintf(name, sizeof(name), "/mnt/C/%u", i);
		if (trial.fill == NO_INODES)
			err = fs_create(name);
		else
			err = crash_write("/mnt/C/full", full_size, 4096, 'f');
		if (err)
			fs_sync();
		else
			full_size += 4096;
	}
	if (err != -28)
		complain("cannot be filled", "");
	fs_sync();
}

/* What the last step freed is taken again. */
static void keep_full(void)
{
	while (trial.fill == NO_BLOCKS &&
	       !crash_write("/mnt/C/full", full_size, 1024, 'f'))
		full_size += 1024;
}

static void run_steps(void)
{
	uint64_t random = (trial.seed + 1) * 0x9e3779b97f4a7c15ULL;

	for (unsigned int i = 0; i < NUM_RANDOM; i++) {
		uint64_t r = host_random(&random) >> 20;

		keep_full();
		do_step(&crash_ops[r % CRASH_NUM_COMMON]);
		do_step(&crash_calls[(r >> 16) % CRASH_NUM_CALLS]);
		if (r >> 32 & 1)
			fs_write_back();
	}
}

/* C has too many names for a snapshot. */
static void empty_c(void)
{
	char name[40];

	for (unsigned int i = 0; i < MAX_NAMES; i++) {
		snprintf(name, sizeof(name), "/mnt/C/%u", i);
		fs_unlink(name);
	}
	fs_unlink("/mnt/C/full");
}

/* ---- One trial ---- */

static void check_after(void)
{
	static struct snapshot now;
	char log[300];
	int err;

	if (fs_mount(&disk, false, "")) {
		complain("cannot be mounted any more", "");
		return;
	}
	err = snapshot_take(&now);
	if (err)
		complain("cannot be read any more", "");
	else if (seq.num_steps)
		oracle_check(&seq, &now, promised, seq.num_steps - 1, complain);
	snapshot_free(&now);
	if (fs_unmount())
		complain("cannot be unmounted", "");
	snprintf(log, sizeof(log), "%s.log", scratch);
	if (!fsck_run(disk_fd, log))
		return;
	complain("e2fsck finds something", "");
	snprintf(log, sizeof(log), "cat %s.log", scratch);
	if (system(log))
		perror("cat");
}

/* The disk fails from here on, as @what says. */
static void begin_trial(struct trial what)
{
	trial = what;
	num_trials++;
	disk.first_fault = what.first_fault;
	disk.fault_step = what.fault_step;
	disk.num_requests = disk.num_faults = 0;
	faults_on(true);
}

/* And from here on it does not. How many requests there were. */
static unsigned int end_trial(void)
{
	unsigned int requests = disk.num_requests;

	num_failed += disk.num_faults > 0;
	disk.first_fault = 0;
	faults_on(false);
	check_after();
	return requests;
}

/* How many requests there were. */
static unsigned int try(struct trial what)
{
	unsigned int requests;
	int err;

	promised = seq.num_steps = 0;
	fs_set_clock(epoch_ns, 4000000);
	begin_trial(what);
	err = fs_mount(&disk, false, "");
	note_error("mount", err);
	if (!err) {
		note_tree(NULL, true);
		run_steps();
		fs_unmount();
	}
	requests = end_trial();
	while (seq.num_steps)
		snapshot_free(&seq.after[--seq.num_steps]);
	image_revert(&disk, &start);
	return requests;
}

static void try_faults(unsigned int seed, bool reads, unsigned int step)
{
	struct trial one = { seed, UINT32_MAX, step, reads, !reads, NOT_FULL };
	unsigned int requests = try(one);

	for (unsigned int k = 1; k <= requests; k++) {
		one.first_fault = k;
		try(one);
		if (num_broken > MAX_COMPLAINTS)
			return;
	}
}

/* Make @start full, and try the steps on it. */
static void try_full(unsigned int seed, enum fill fill)
{
	struct image empty = start;

	trial = (struct trial){ .seed = seed, .fill = fill };
	disk.num_faults = 0;
	if (fs_mount(&disk, false, ""))
		abort();
	fill_up();
	if (fill == NO_INODES) { /* a snapshot has few names */
		fs_unlink("/mnt/C/0");
		fs_sync();
	}
	promised = seq.num_steps = 0;
	num_trials++;
	if (fill == NO_BLOCKS)
		note_tree(NULL, true);
	if (fill == NO_BLOCKS)
		run_steps();
	else
		for (unsigned int i = 0; i < 2 * CRASH_NUM_COMMON; i++)
			note_error(crash_ops[i % CRASH_NUM_COMMON].name,
				   crash_ops[i % CRASH_NUM_COMMON].run());
	if (fill == NO_INODES)
		empty_c();
	fs_unmount();
	check_after();
	while (seq.num_steps)
		snapshot_free(&seq.after[--seq.num_steps]);
	image_revert(&disk, &empty);
}

/* ---- Files of many pieces are cut ---- */

enum { CUT_SIZE = 5000, GROWN_SIZE = 1 << 20, PIECES = 250 };
static struct image pieces;
static bool was_cut;

static void check_cut(const char *when)
{
	static uint8_t data[4096];
	struct fs_stat st;

	if (!was_cut || fs_stat("/mnt/A/cut", &st) || st.size != GROWN_SIZE)
		return;
	for (uint64_t at = CUT_SIZE; at < GROWN_SIZE; at += sizeof(data)) {
		long size = fs_read("/mnt/A/cut", at, data, sizeof(data));

		for (long i = 0; i < size; i++) {
			if (!data[i])
				continue;
			complain("what was cut off came back", when);
			return;
		}
	}
}

static void cut_and_grow(void)
{
	struct file *open;
	struct fs_stat st;

	note_error("cut", fs_truncate("/mnt/A/cut", CUT_SIZE));
	was_cut = !fs_stat("/mnt/A/cut", &st) && st.size == CUT_SIZE;
	if (trial.seed & 1)
		faults_on(false);
	/* Who is behind on the chain of orphans leaves it first. */
	if (fs_open("/mnt/A/foo", &open))
		open = NULL;
	note_error("unlink", fs_unlink("/mnt/A/foo"));
	note_error("unlink", fs_unlink("/mnt/A/gone"));
	if (open)
		fs_close(open);
	if (trial.seed & 2)
		note_error("write",
			   crash_write("/mnt/A/cut", GROWN_SIZE - 100, 100, 0));
	else
		note_error("grow", fs_truncate("/mnt/A/cut", GROWN_SIZE));
	check_cut("at once");
	if (trial.seed & 4)
		note_error("unlink", fs_unlink("/mnt/A/cut"));
}

static unsigned int cut_once(struct trial what)
{
	unsigned int requests;

	was_cut = false;
	begin_trial(what);
	if (!fs_mount(&disk, false, "")) {
		cut_and_grow();
		fs_unmount();
	}
	requests = end_trial();
	if (!fs_mount(&disk, true, "")) {
		check_cut("later");
		fs_unmount();
	}
	image_revert(&disk, &pieces);
	return requests;
}

static void make_pieces(const char *name)
{
	for (unsigned int i = PIECES; i-- > 0;)
		if (crash_write(name, i * 8192ull, 1000, 'p'))
			abort();
}

static void try_cuts(void)
{
	struct trial one = { .fill = NOT_FULL };
	unsigned int requests;

	pieces = start;
	pieces.data = malloc(start.size);
	memcpy(pieces.data, start.data, start.size);
	if (fs_mount(&pieces, false, ""))
		abort();
	make_pieces("/mnt/A/cut");
	make_pieces("/mnt/A/gone");
	fs_unmount();
	memcpy(disk.data, pieces.data, start.size);
	for (unsigned int way = 0; way < 32; way++) {
		one.seed = way & 7;
		one.reads = way & 8;
		one.writes = !one.reads;
		one.fault_step = way / 16;
		one.first_fault = UINT32_MAX;
		requests = cut_once(one);
		for (unsigned int k = 1;
		     k <= requests && num_broken <= MAX_COMPLAINTS; k++) {
			one.first_fault = k;
			cut_once(one);
		}
	}
	memcpy(disk.data, start.data, start.size);
	free(pieces.data);
}

static void prepare(void)
{
	fs_set_clock(epoch_ns - 1000000000, 1);
	if (fs_mount(&start, false, "") || fs_mkdir("/mnt/A") ||
	    fs_mkdir("/mnt/B") || fs_mkdir("/mnt/C") ||
	    crash_write("/mnt/A/foo", 0, 8192, 'a') ||
	    crash_write("/mnt/B/bar", 0, 5000, 'b') || fs_unmount()) {
		printf("cannot prepare the image\n");
		exit(1);
	}
	disk = start;
	disk.data = fsck_memory(start.size, &disk_fd);
	memcpy(disk.data, start.data, start.size);
	image_track(&disk);
}

static void report(void)
{
	printf("%u trials, %u with faults, %u complaints; errors:", num_trials,
	       num_failed, num_broken);
	for (unsigned int i = 0; i < NUM_ERRORS; i++)
		if (errors[i])
			printf(" %u*%u", errors[i], i);
	printf("\n");
}

int command_faults(int argc, char **argv)
{
	unsigned int seeds;

	if (argc < 3)
		return 2;
	scratch = argv[1];
	seeds = (unsigned int)atoi(argv[2]);
	fs_be_quiet();
	image_load(&start, argv[0]);
	prepare();
	try_cuts();
	for (unsigned int seed = 0; seed < seeds; seed++) {
		try_faults(seed, false, 0);
		try_faults(seed, false, 1);
		try_faults(seed, false, 7);
		try_faults(seed, true, 0);
		try_faults(seed, true, 1);
		try_full(seed, NO_BLOCKS);
		try_full(seed, NO_INODES);
	}
	report();
	fsck_memory_free(disk.data, disk.size);
	disk.data = NULL;
	image_free(&disk);
	image_free(&start);
	return num_broken ? 1 : 0;
}
