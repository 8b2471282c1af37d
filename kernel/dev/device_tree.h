/* SPDX-License-Identifier: MIT */
/*
 * device_tree.h - what machine this is, as the firmware tells it
 *
 * The only file that knows libfdt is device_tree.c; others ask through these
 * functions. A node is libfdt's offset. The tree is copied at boot, so the
 * firmware's memory can be given back. Every value is checked: a broken tree
 * gives errors, not crashes.
 * Source: Devicetree Specification v0.4.
 */
#pragma once

#include "kernel/lib/compiler.h"

/* Check the blob at @blob (mapped, at most @max bytes). Its size or -EINVAL. */
ssize_t dt_check(const void *blob, size_t max);
/* Use the (copied) blob from now on. */
int dt_init(const void *blob);

int dt_root(void);
int dt_find_path(const char *path); /* node or -ENOENT */
int dt_find_phandle(uint32_t phandle);
int dt_parent(int node);
/* Walk all nodes in order: dt_next(-1) is the root; -ENOENT at the end. */
int dt_next(int node);
int dt_first_child(int node);
int dt_next_child(int child);
#define dt_for_each_node(node)                                                 \
	for (node = dt_next(-1); node >= 0; node = dt_next(node))
const char *dt_name(int node);

bool dt_is_compatible(int node, const char *compatible);
/* status absent, "okay" or "ok". */
bool dt_is_enabled(int node);
/* Properties: NULL / -ENOENT when missing. */
const void *dt_property(int node, const char *name, int *size);
const char *dt_string(int node, const char *name);
/* String @i of a string list. */
const char *dt_string_at(int node, const char *name, int i);
int dt_u32(int node, const char *name, uint32_t *value);
int dt_u32_at(int node, const char *name, int i, uint32_t *value);
int dt_u64(int node, const char *name, uint64_t *value); /* 1 or 2 cells */
/* reg entry @i, translated through the parents' ranges to CPU addresses. */
int dt_reg(int node, unsigned int i, paddr_t *address, uint64_t *size);
/* Interrupt @i: the controller's node and its first cell. */
int dt_interrupt(int node, unsigned int i, int *controller, uint32_t *number);

/* /chosen. NULL or -ENOENT when absent. */
const char *dt_bootargs(void);
int dt_initrd(paddr_t *start, paddr_t *end);
/* The console's node, aliases and ":115200n8" resolved. */
int dt_stdout(void);
const void *dt_rng_seed(int *size);
/* Memory not to be touched, entry @i of the blob's own list; -ENOENT at the
 * end. (The other list is the children of /reserved-memory.) */
int dt_memory_reservation(unsigned int i, paddr_t *start, uint64_t *size);
/* "model" of the root. */
const char *dt_model(void);

/* A hart we may use: enabled, has an MMU, F and D (see docs/boards). */
bool dt_hart_usable(int cpu_node, uint64_t *hartid);
/* Does the hart have extension @name ("sstc", "svadu", "zicboz")? */
bool dt_hart_has(int cpu_node, const char *name);
