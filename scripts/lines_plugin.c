/* SPDX-License-Identifier: MIT */
/*
 * lines_plugin.c - a QEMU plugin: which cache lines of the kernel go from hart to hart
 *
 * Idea: a line that one hart wrote last has to come to the next one that reads or
 * writes it, whether there is a lock around it or not. So for each line it is kept
 * who wrote it last and who has read it since, as a cache would (MESI), and for each
 * instruction is counted how often it would have had to wait: for a read if the line
 * was another hart's, for a write if any other hart had it ("moved").
 *
 * But a plugin is slow, and harts that wait for it meet less often than they really
 * would. So accesses to lines that more than one hart has written lately are counted,
 * too ("shared"): the most that can be moved.
 *
 * Whenever the program executes the instruction at `toggle` for the second time, the
 * counts since the first are written to the output file, and begin at zero again:
 *
 *     address of the instruction, moved, shared, an address it accessed
 *     end
 *
 * Options: toggle=, out=. Run by scripts/contention. Read: OSTEP ch. 10, "Cache coherence".
 */
#include <inttypes.h>
#include "qemu_plugin.h"

/* ---- types; all shared by the harts' threads ------------------------------- */

#define LINE_SHIFT 6
#define LINE_BITS  20 /* of lines that are remembered */
#define NOBODY     UINT8_MAX

struct line {
	uint64_t number; /* under lock, as all of it */
	uint64_t harts;  /* bits: who has it */
	uint8_t writer;  /* who wrote it last, */
	bool read;       /* and others have read since */
	uint8_t age;     /* accesses since another hart wrote it than before */
	bool locked;
};

/* Accesses after which a line is one hart's own again. */
#define LATELY 64

/* An instruction, once for each address. */
struct insn {
	uint64_t pc;
	struct insn *next;
	uint64_t moved, shared, example; /* atomic */
};

#define BUCKETS 65536u

static struct line *lines;
static struct insn *insns[BUCKETS];
static bool insns_locked, counting;
static uint64_t toggle;
static FILE *out;

static void lock(bool *locked)
{
	while (__atomic_exchange_n(locked, true, __ATOMIC_ACQUIRE))
		;
}

static void unlock(bool *locked)
{
	__atomic_store_n(locked, false, __ATOMIC_RELEASE);
}

static struct insn *insn_at(uint64_t pc)
{
	struct insn **bucket = &insns[(pc >> 1) % BUCKETS], *insn;

	lock(&insns_locked);
	for (insn = *bucket; insn && insn->pc != pc; insn = insn->next)
		;
	if (!insn) {
		insn = calloc(1, sizeof(*insn));
		if (!insn)
			abort();
		insn->pc = pc;
		insn->next = *bucket;
		*bucket = insn;
	}
	unlock(&insns_locked);
	return insn;
}

/* ---- lines ------------------------------------------------------------------- */

static struct line *line_of(uint64_t number)
{
	return &lines[(number * 0x9e3779b97f4a7c15u) >> (64 - LINE_BITS)];
}

/* True: it had to come from another hart. */
static bool touch(struct line *line, unsigned int cpu, bool store)
{
	uint64_t bit = UINT64_C(1) << (cpu % 64);
	bool moved;

	if (line->age < LATELY)
		line->age++;
	if (store) {
		moved = line->harts & ~bit;
		if (line->writer != NOBODY && line->writer != cpu)
			line->age = 0;
		line->harts = bit;
		line->writer = (uint8_t)cpu;
		line->read = false;
	} else {
		moved = line->writer != NOBODY && line->writer != cpu &&
			!line->read;
		line->harts |= bit;
		line->read |= moved;
	}
	return moved;
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info,
		      uint64_t vaddr, void *p)
{
	uint64_t number = vaddr >> LINE_SHIFT;
	bool store = qemu_plugin_mem_is_store(info), moved, shared;
	struct insn *insn = p;
	struct line *line;

	if (!(vaddr >> 63)) /* the program's */
		return;
	line = line_of(number);
	lock(&line->locked);
	if (line->number != number)
		*line = (struct line){ .number = number,
				       .writer = NOBODY,
				       .age = LATELY,
				       .locked = true };
	moved = touch(line, cpu, store);
	shared = line->age < LATELY;
	unlock(&line->locked);
	if (!counting || !(moved || shared))
		return;
	__atomic_fetch_add(&insn->moved, moved, __ATOMIC_RELAXED);
	__atomic_fetch_add(&insn->shared, shared, __ATOMIC_RELAXED);
	insn->example = vaddr;
}

/* ---- called by QEMU -------------------------------------------------------- */

static void write_counts(void)
{
	lock(&insns_locked);
	for (unsigned int i = 0; i < BUCKETS; i++) {
		for (struct insn *insn = insns[i]; insn; insn = insn->next) {
			if (insn->moved || insn->shared)
				fprintf(out,
					"%" PRIx64 " %" PRIu64 " %" PRIu64
					" %" PRIx64 "\n",
					insn->pc, insn->moved, insn->shared,
					insn->example);
			insn->moved = insn->shared = 0;
		}
	}
	unlock(&insns_locked);
	fprintf(out, "end\n");
	fflush(out);
}

static void on_toggle(unsigned int cpu, void *p)
{
	(void)cpu;
	(void)p;
	counting = !counting;
	if (!counting)
		write_counts();
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t pc = qemu_plugin_insn_vaddr(insn);

		if (pc == toggle)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_toggle, CB_NO_REGS, NULL);
		if (pc >> 63)
			qemu_plugin_register_vcpu_mem_cb(insn, on_access,
							 CB_NO_REGS, MEM_RW,
							 insn_at(pc));
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
			       const struct qemu_info *info, int argc,
			       char **argv)
{
	(void)info;
	lines = calloc((size_t)1 << LINE_BITS, sizeof(*lines));
	if (!lines || !plugin_options(argc, argv, &out, &toggle))
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
