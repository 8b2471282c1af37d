/* SPDX-License-Identifier: MIT */
/*
 * count_plugin.c - a QEMU plugin: how many instructions were executed
 *
 * Idea: the translated code itself adds up what the harts execute: the kernel's,
 * the program's and the firmware's instructions, but not the time in which they
 * wait for a disk (which -icount's clock has in it). Whenever the program
 * executes the instruction at `toggle` for the second time, the number since
 * the first is written to the output file, a line each.
 *
 * Before QEMU 9, one hart only. Options: toggle=, out=. Run by scripts/bench-disk
 * and scripts/contention.
 */
#include <inttypes.h>
#include "qemu_plugin.h"

/* ---- the counter: since QEMU 9 one for each hart -------------------------- */

#if QEMU_PLUGIN_VERSION == 1
static uint64_t counter;

extern void
qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
					   int op, void *p, uint64_t value);

static void make_counter(void)
{
}

static void count(struct qemu_plugin_insn *insn)
{
	qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64,
						   &counter, 1);
}

static uint64_t executed(void)
{
	return counter;
}
#else
typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;

static qemu_plugin_u64 counter;

extern struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
extern void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
	struct qemu_plugin_insn *insn, int op, qemu_plugin_u64 entry,
	uint64_t value);
extern uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 entry);

static void make_counter(void)
{
	counter.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
}

static void count(struct qemu_plugin_insn *insn)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		insn, INLINE_ADD_U64, counter, 1);
}

static uint64_t executed(void)
{
	return qemu_plugin_u64_sum(counter);
}
#endif

/* ---- called by QEMU -------------------------------------------------------- */

static uint64_t began, toggle;
static bool counting;
static FILE *out;

static void on_toggle(unsigned int cpu, void *p)
{
	(void)cpu;
	(void)p;
	if (counting) {
		fprintf(out, "%" PRIu64 "\n", executed() - began);
		fflush(out);
	}
	began = executed();
	counting = !counting;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		count(insn);
		if (qemu_plugin_insn_vaddr(insn) == toggle)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_toggle, CB_NO_REGS, NULL);
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
			       const struct qemu_info *info, int argc,
			       char **argv)
{
	(void)info;
	if (!plugin_options(argc, argv, &out, &toggle))
		return -1;
	make_counter();
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
