/* SPDX-License-Identifier: MIT */
/*
 * qemu_plugin.h - what our plugins use of QEMU's interface for plugins
 *
 * No package of Debian's has QEMU's own header (include/qemu/qemu-plugin.h), so
 * these few declarations are written down here. QEMU_PLUGIN_VERSION is the
 * interface that the plugin is built for: scripts/profile, plugin().
 * Read: QEMU's manual, "TCG Plugins".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { CB_NO_REGS = 0 };
enum { MEM_RW = 3 };
enum { INLINE_ADD_U64 = 0 };

/* A plugin shows QEMU these two, and hides the rest. */
#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
			       const struct qemu_info *info, int argc,
			       char **argv);

extern void qemu_plugin_register_vcpu_tb_trans_cb(
	qemu_plugin_id_t id,
	void (*call)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
extern void
qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
				       void (*call)(unsigned int cpu, void *p),
				       int flags, void *p);
extern void qemu_plugin_register_vcpu_mem_cb(
	struct qemu_plugin_insn *insn,
	void (*call)(unsigned int cpu, qemu_plugin_meminfo_t info,
		     uint64_t vaddr, void *p),
	int flags, int rw, void *p);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);

/* What those that only count are told: "out=", a file to open, and "toggle=", an
 * address. False: one is missing. */
static inline bool plugin_options(int argc, char **argv, FILE **out,
				  uint64_t *toggle)
{
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			*out = fopen(argv[i] + 4, "w");
		else if (!strncmp(argv[i], "toggle=", 7))
			*toggle = strtoull(argv[i] + 7, NULL, 16);
	}
	return *out && *toggle;
}
