/* SPDX-License-Identifier: MIT */
/*
 * crash.c - every state that a power cut may leave, of short sequences
 *
 *	ext4 crash IMAGE SCRATCH EVERY [FIRST]
 *
 * Idea (CrashMonkey and ACE): most bugs of crash consistency show with two
 * operations on few names. Each sequence of one or two operations, each followed
 * by no, or one of the persistence calls, is run on a copy of IMAGE while its
 * writes and flushes are recorded. From the record all disks are made that a
 * crash may leave: what was flushed, or written with FUA, is there; of the rest
 * any subset may be. (All subsets of up to five writes; of more: none, all, each
 * prefix, each alone, all but each, some at random.) Each is mounted, which
 * replays the journal, and compared with what the tree was after each step:
 *
 *   - the names are those after some step, not before the last sync(2);
 *   - a file that was fsynced has, since then, only names and bytes that it had
 *     after some later step; no byte is anything it never was (or a hole).
 *
 * Then e2fsck -fn must find nothing. EVERY: take each so many-th sequence, from
 * number FIRST on.
 * Read: Mohan et al., "Finding Crash-Consistency Bugs with Bounded Black-Box
 * Crash Testing" (OSDI 2018).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "test/host/ext4/commands.h"
#include "test/host/ext4/fs.h"
#include "test/host/ext4/image.h"
#include "test/host/host.h"

enum { MAX_STEPS = 8, MAX_NODES = 24, MAX_PENDING = 4096, ALL_SUBSETS = 5 };

/* ---- What is done ---- */

struct op {
	const char *name;
	int (*run)(void);
	const char *synced; /* fsync: of this file */
	bool sync;          /* sync(2) */
};

static uint8_t letters[40000];

static int write_at(const char *name, uint64_t pos, size_t size, uint8_t letter)
{
	long done;

	memset(letters, letter, size);
	done = fs_write(name, pos, letters, size);
	return done < 0 ? (int)done : 0;
}

#define OP(id, call)                                                           \
	static int id(void)                                                    \
	{                                                                      \
		return call;                                                   \
	}
OP(creat_new, fs_create("/mnt/A/new"))
OP(mkdir_dir, fs_mkdir("/mnt/A/dir"))
OP(overwrite, write_at("/mnt/A/foo", 0, 4096, 'O'))
OP(append, write_at("/mnt/A/foo", 8192, 5000, 'P'))
OP(write_new, write_at("/mnt/A/new", 0, 6000, 'N'))
OP(write_far, write_at("/mnt/A/foo", 30000, 3000, 'F'))
OP(cut, fs_truncate("/mnt/A/foo", 3000))
OP(grow, fs_truncate("/mnt/A/foo", 20000))
OP(unlink_foo, fs_unlink("/mnt/A/foo"))
OP(unlink_bar, fs_unlink("/mnt/B/bar"))
OP(link_foo, fs_link("/mnt/A/foo", "/mnt/B/lnk"))
OP(rename_new, fs_rename("/mnt/A/foo", "/mnt/A/moved", 0))
OP(rename_over, fs_rename("/mnt/A/foo", "/mnt/B/bar", 0))
OP(rename_swap, fs_rename("/mnt/A/foo", "/mnt/B/bar", 2))
OP(rename_dir, fs_rename("/mnt/B", "/mnt/A/B", 0))
OP(symlink_new, fs_symlink("A/foo", "/mnt/B/sym"))
OP(allocate, fs_fallocate("/mnt/A/foo", 0, 8192, 9000))
OP(punch, fs_fallocate("/mnt/A/foo", 3, 1024, 4096))
OP(attribute, fs_set_xattr("/mnt/A/foo", "user.a", letters, 300))
OP(remove_dir, fs_rmdir("/mnt/C"))
OP(sync_foo, fs_fsync("/mnt/A/foo", false))
OP(data_foo, fs_fsync("/mnt/A/foo", true))
OP(sync_new, fs_fsync("/mnt/A/new", false))
OP(sync_bar, fs_fsync("/mnt/B/bar", false))
OP(sync_all, fs_sync())

static const struct op ops[] = {
	{ "creat", creat_new, NULL, false },
	{ "mkdir", mkdir_dir, NULL, false },
	{ "overwrite", overwrite, NULL, false },
	{ "append", append, NULL, false },
	{ "write-new", write_new, NULL, false },
	{ "write-far", write_far, NULL, false },
	{ "cut", cut, NULL, false },
	{ "grow", grow, NULL, false },
	{ "unlink-foo", unlink_foo, NULL, false },
	{ "unlink-bar", unlink_bar, NULL, false },
	{ "link", link_foo, NULL, false },
	{ "rename", rename_new, NULL, false },
	{ "rename-over", rename_over, NULL, false },
	{ "rename-swap", rename_swap, NULL, false },
	{ "rename-dir", rename_dir, NULL, false },
	{ "symlink", symlink_new, NULL, false },
	{ "fallocate", allocate, NULL, false },
	{ "punch", punch, NULL, false },
	{ "setxattr", attribute, NULL, false },
	{ "rmdir", remove_dir, NULL, false },
};
static const struct op calls[] = {
	{ "", NULL, NULL, false },
	{ "fsync-foo", sync_foo, "/mnt/A/foo", false },
	{ "fdatasync-foo", data_foo, "/mnt/A/foo", false },
	{ "fsync-new", sync_new, "/mnt/A/new", false },
	{ "fsync-bar", sync_bar, "/mnt/B/bar", false },
	{ "sync", sync_all, NULL, true },
};
enum {
	NUM_OPS = sizeof(ops) / sizeof(ops[0]),
	NUM_CALLS = sizeof(calls) / sizeof(calls[0]),
	NUM_STEPS = NUM_OPS * NUM_CALLS,
};

/* ---- What a tree looks like ---- */

struct node {
	char path[64];
	struct fs_stat st;
	char text[64]; /* links */
	uint8_t *data; /* files */
};

struct snapshot {
	unsigned int count;
	struct node node[MAX_NODES];
};

static char found[MAX_NODES][64];
static unsigned int num_found;
static const char *listed;

static void note_name(void *arg, const char *name)
{
	if (num_found < MAX_NODES)
		snprintf(found[num_found++], 64, "%.30s/%.30s", listed, name);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* 0 or the first error. */
static int look(struct snapshot *snap)
{
	int err = 0;

	num_found = 0;
	listed = "/mnt";
	err = fs_list("/mnt", note_name, NULL);
	for (unsigned int i = 0; !err && i < num_found; i++) {
		struct fs_stat st;

		err = fs_stat(found[i], &st);
		listed = found[i];
		if (!err && S_ISDIR(st.mode))
			err = fs_list(found[i], note_name, NULL);
	}
	qsort(found, num_found, sizeof(found[0]), by_path);
	snap->count = 0;
	for (unsigned int i = 0; !err && i < num_found; i++) {
		struct node *node = &snap->node[snap->count++];
		long done = 0;

		memset(node, 0, sizeof(*node));
		strcpy(node->path, found[i]);
		err = fs_stat(node->path, &node->st);
		if (!err && S_ISLNK(node->st.mode))
			done = fs_readlink(node->path, node->text, 63);
		if (!err && S_ISREG(node->st.mode)) {
			node->data = calloc(1, node->st.size + 1);
			done = fs_read(node->path, 0, node->data,
				       node->st.size);
			if (done >= 0 && done != (long)node->st.size)
				done = -5;
		}
		if (done < 0)
			err = (int)done;
	}
	return err;
}

static void forget(struct snapshot *snap)
{
	for (unsigned int i = 0; i < snap->count; i++)
		free(snap->node[i].data);
	snap->count = 0;
}

static bool same_file(const struct node *a, const struct node *b)
{
	return a->st.ino == b->st.ino && a->st.btime == b->st.btime;
}

static bool same_names(const struct snapshot *a, const struct snapshot *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned int i = 0; i < a->count; i++) {
		const struct node *x = &a->node[i], *y = &b->node[i];

		if (strcmp(x->path, y->path) || !same_file(x, y) ||
		    x->st.mode != y->st.mode || x->st.nlink != y->st.nlink ||
		    strcmp(x->text, y->text))
			return false;
	}
	return true;
}

static const char *last_name(const struct node *node)
{
	return strrchr(node->path, '/') + 1;
}

static unsigned int count_names(const struct snapshot *snap,
				const struct node *file, const char *name)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < snap->count; i++)
		count += same_file(&snap->node[i], file) &&
			 (!name || !strcmp(last_name(&snap->node[i]), name));
	return count;
}

/* The names of @file are the same in both, wherever the directories are that
 * have them: fsync(2) of a file says nothing about those. */
static bool same_names_of(const struct node *file, const struct snapshot *a,
			  const struct snapshot *b)
{
	if (count_names(a, file, NULL) != count_names(b, file, NULL))
		return false;
	for (unsigned int i = 0; i < a->count; i++) {
		const char *name = last_name(&a->node[i]);

		if (same_file(&a->node[i], file) &&
		    count_names(a, file, name) != count_names(b, file, name))
			return false;
	}
	return true;
}

/* ---- One sequence ---- */

static struct {
	char name[160];
	unsigned int num_steps;           /* with 0: before all */
	struct snapshot after[MAX_STEPS]; /* [0]: at the start */
	unsigned int events[MAX_STEPS];   /* recorded when it returned */
	bool sync[MAX_STEPS];
	struct node synced[MAX_STEPS]; /* path "": none; data unused */
} seq;

static unsigned int num_states, num_checked, num_sequences, num_broken;
static const char *scratch;

static void complain(const char *what, const char *path)
{
	num_broken++;
	printf("%s: %s %s\n", seq.name, what, path);
}

static const struct node *find_file(const struct snapshot *snap,
				    const struct node *file)
{
	for (unsigned int i = 0; i < snap->count; i++)
		if (same_file(&snap->node[i], file))
			return &snap->node[i];
	return NULL;
}

/* @file of the recovered tree against what it was after steps [from, to]. */
static void check_bytes(const struct node *file, unsigned int from,
			unsigned int to)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned int j = from; j <= to; j++) {
		const struct node *was = find_file(&seq.after[j], file);

		if (!was)
			continue;
		least = was->st.size < least ? was->st.size : least;
		most = was->st.size > most ? was->st.size : most;
	}
	if (least == UINT64_MAX)
		return; /* the names say what is wrong */
	/* Made since then: it began empty. */
	if (!find_file(&seq.after[from], file))
		least = 0;
	if (file->st.size < least || file->st.size > most) {
		complain("has a size it never had:", file->path);
		return;
	}
	for (uint64_t at = 0; at < file->st.size; at++) {
		bool known = false;

		for (unsigned int j = from; !known && j <= to; j++) {
			const struct node *was = find_file(&seq.after[j], file);

			if (was)
				known = at < was->st.size
						? was->data[at] ==
							  file->data[at]
						: !file->data[at];
		}
		if (!known) {
			complain("has bytes it never had:", file->path);
			return;
		}
	}
}

/* The crash was when steps up to @done had returned; @begun had begun. */
static void check_tree(const struct snapshot *now, unsigned int done,
		       unsigned int begun)
{
	unsigned int durable = 0;
	bool known = false;

	for (unsigned int i = 1; i <= done; i++)
		if (seq.sync[i])
			durable = i;
	for (unsigned int i = durable; i <= begun; i++)
		known = known || same_names(now, &seq.after[i]);
	if (!known)
		complain("names that never were together", "");
	for (unsigned int i = durable + 1; i <= done; i++) {
		bool right = false;

		if (!seq.synced[i].path[0])
			continue;
		for (unsigned int j = i; j <= begun; j++)
			right = right || same_names_of(&seq.synced[i], now,
						       &seq.after[j]);
		if (!right)
			complain("lost a synced name:", seq.synced[i].path);
	}
	for (unsigned int n = 0; n < now->count; n++) {
		unsigned int from = durable;

		if (!S_ISREG(now->node[n].st.mode))
			continue;
		for (unsigned int i = durable + 1; i <= done; i++)
			if (seq.synced[i].path[0] &&
			    same_file(&seq.synced[i], &now->node[n]))
				from = i;
		check_bytes(&now->node[n], from, begun);
	}
}

/* ---- States ---- */

static uint64_t *seen;
static size_t num_seen, max_seen;

static uint64_t hash_image(const struct image *image)
{
	const uint64_t *words = (const void *)image->data;
	uint64_t hash = 1;

	for (size_t i = 0; i < image->size / 8; i++)
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
	return hash | 1;
}

/* True the first time. */
static bool is_new(uint64_t hash)
{
	size_t at;

	if (num_seen * 2 >= max_seen) {
		size_t old_max = max_seen;
		uint64_t *old = seen;

		max_seen = max_seen ? 4 * max_seen : 1 << 16;
		seen = calloc(max_seen, 8);
		num_seen = 0;
		for (size_t i = 0; i < old_max; i++)
			if (old[i])
				is_new(old[i]);
		free(old);
	}
	for (at = hash % max_seen; seen[at]; at = (at + 1) % max_seen)
		if (seen[at] == hash)
			return false;
	seen[at] = hash;
	num_seen++;
	return true;
}

static void run_e2fsck(const struct image *image)
{
	char command[512];

	image_save(image, scratch);
	snprintf(command, sizeof(command), "e2fsck -fn %s >%s.log 2>&1",
		 scratch, scratch);
	num_checked++;
	if (system(command))
		complain("e2fsck finds something, see", scratch);
}

static void check_state(struct image *state, unsigned int done,
			unsigned int begun)
{
	static struct snapshot now;
	bool fresh = is_new(hash_image(state));
	int err;

	num_states++;
	err = fs_mount(state, false, "");
	if (err) {
		complain("cannot be mounted", "");
		return;
	}
	err = look(&now);
	if (err)
		complain("cannot be read", "");
	else
		check_tree(&now, done, begun);
	forget(&now);
	if (fs_unmount())
		complain("cannot be unmounted", "");
	if (fresh)
		run_e2fsck(state);
}

/* What was written since the last flush: may be there or not. */
static const struct image_event *pending[MAX_PENDING];
static unsigned int num_pending;

static void apply(struct image *image, const struct image_event *event)
{
	memcpy(image->data + event->pos, event->data, event->size);
}

static void one_subset(const struct image *base, struct image *state,
		       const bool *chosen, unsigned int event)
{
	unsigned int done = 0, begun;

	while (done + 1 < seq.num_steps && seq.events[done + 1] <= event)
		done++;
	begun = done + 1 < seq.num_steps ? done + 1 : done;
	memcpy(state->data, base->data, base->size);
	for (unsigned int i = 0; i < num_pending; i++)
		if (chosen[i])
			apply(state, pending[i]);
	check_state(state, done, begun);
}

/* Crashes when @event events have happened. */
static void all_subsets(const struct image *base, struct image *state,
			unsigned int event)
{
	static bool chosen[MAX_PENDING];
	unsigned int n = num_pending, step = n > 24 ? n / 8 : 1;
	uint64_t random = event + 1;

	if (n <= ALL_SUBSETS) {
		for (unsigned int set = 0; set < 1u << n; set++) {
			for (unsigned int i = 0; i < n; i++)
				chosen[i] = set >> i & 1;
			one_subset(base, state, chosen, event);
		}
		return;
	}
	for (unsigned int cut_at = 0; cut_at <= n; cut_at += step) {
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = i < cut_at;
		one_subset(base, state, chosen, event);
	}
	for (unsigned int one = 0; one < n; one += step) {
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = i == one;
		one_subset(base, state, chosen, event);
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = i != one;
		one_subset(base, state, chosen, event);
	}
	for (unsigned int k = 0; k < 4; k++) {
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = host_random(&random) >> 40 & 1;
		one_subset(base, state, chosen, event);
	}
}

static void all_crashes(const struct image *start, const struct image *run)
{
	struct image base = *start, state = *start;

	base.data = malloc(start->size);
	state.data = malloc(start->size);
	memcpy(base.data, start->data, start->size);
	num_pending = 0;
	for (unsigned int e = 0; e < run->num_events; e++) {
		const struct image_event *event = &run->events[e];

		if (event->kind == IMAGE_FLUSH) {
			all_subsets(&base, &state, e);
			for (unsigned int i = 0; i < num_pending; i++)
				apply(&base, pending[i]);
			num_pending = 0;
			continue;
		}
		if (num_pending < MAX_PENDING)
			pending[num_pending++] = event;
		if (event->fua) {
			all_subsets(&base, &state, e);
			apply(&base, event);
			num_pending--;
		}
	}
	all_subsets(&base, &state, run->num_events);
	free(base.data);
	free(state.data);
}

/* ---- Sequences ---- */

static void after_step(struct image *run, const struct op *op)
{
	unsigned int i = seq.num_steps++;
	unsigned int n;

	seq.events[i] = run->num_events;
	seq.sync[i] = op && op->sync;
	memset(&seq.synced[i], 0, sizeof(seq.synced[i]));
	if (look(&seq.after[i]))
		complain("cannot be read while it is mounted", "");
	for (n = 0; op && op->synced && n < seq.after[i].count; n++)
		if (!strcmp(seq.after[i].node[n].path, op->synced))
			seq.synced[i] = seq.after[i].node[n];
}

static bool run_op(struct image *run, const struct op *op)
{
	if (!op->run)
		return true;
	if (op->run())
		return false; /* makes no sense after the one before */
	snprintf(seq.name + strlen(seq.name),
		 sizeof(seq.name) - strlen(seq.name), " %s", op->name);
	after_step(run, op);
	return true;
}

static void run_sequence(const struct image *start, unsigned int number)
{
	unsigned int steps[2] = { number % NUM_STEPS, number / NUM_STEPS };
	struct image run = *start;
	bool good = true;

	run.data = malloc(start->size);
	memcpy(run.data, start->data, start->size);
	run.record = true;
	run.events = NULL;
	run.num_events = run.max_events = 0;
	seq.num_steps = 0;
	seq.name[0] = '\0';
	if (fs_mount(&run, false, "")) {
		complain("cannot be mounted", "");
		exit(1);
	}
	after_step(&run, NULL);
	/* The second "step" 0 is none: sequences of one. */
	for (unsigned int i = 0; good && i < 2; i++) {
		if (i == 1 && !steps[1])
			break;
		good = run_op(&run, &ops[(steps[i] - i) % NUM_OPS]) &&
		       run_op(&run, &calls[(steps[i] - i) / NUM_OPS]);
	}
	if (good)
		fs_write_back();
	run.record = false;
	fs_unmount();
	if (good) {
		num_sequences++;
		all_crashes(start, &run);
	}
	while (seq.num_steps)
		forget(&seq.after[--seq.num_steps]);
	image_clear_trace(&run);
	free(run.events);
	free(run.data);
}

static void prepare(struct image *image)
{
	if (fs_mount(image, false, "") || fs_mkdir("/mnt/A") ||
	    fs_mkdir("/mnt/B") || fs_mkdir("/mnt/C") ||
	    write_at("/mnt/A/foo", 0, 8192, 'a') ||
	    write_at("/mnt/B/bar", 0, 5000, 'b') || fs_unmount()) {
		printf("cannot prepare the image\n");
		exit(1);
	}
}

int command_crash(int argc, char **argv)
{
	unsigned int every, first = 0;
	struct image image;

	if (argc < 3)
		return 2;
	scratch = argv[1];
	every = (unsigned int)atoi(argv[2]);
	if (argc > 3)
		first = (unsigned int)atoi(argv[3]);
	image_load(&image, argv[0]);
	prepare(&image);
	for (unsigned int i = first; i < NUM_STEPS * (NUM_STEPS + 1);
	     i += every) {
		run_sequence(&image, i);
		if (num_broken > 20)
			break;
	}
	printf("%u sequences, %u states, %u of them checked by e2fsck, "
	       "%u complaints\n",
	       num_sequences, num_states, num_checked, num_broken);
	free(seen);
	free(image.data);
	return num_broken ? 1 : 0;
}
