/* SPDX-License-Identifier: MIT */
/*
 * device_tree.c - what machine this is, read with libfdt
 *
 * Idea: libfdt walks the flat blob; a node is the offset of its begin tag.
 * Finding a node's parent or a phandle in a flat tree means walking all of it,
 * so dt_init() walks once and notes both for every node. Offsets grow along
 * that walk, so the notes are sorted and found by bisection.
 *
 * The blob comes from outside: dt_check() has libfdt check its whole
 * structure, and each value is checked for its size where it is read. A node
 * that makes no sense gives -EINVAL, what is not there -ENOENT.
 *
 * Locks: none; nothing changes after dt_init().
 * Source: Devicetree Specification v0.4, "Standard Properties", "Interrupts
 * and Interrupt Mapping".
 */
#include "kernel/dev/device_tree.h"

#include <libfdt.h>
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"

enum {
	MAX_NODES = 1024,
	MAX_DEPTH = 32,
	CELL = 4, /* bytes */
};

/* The numbers of cells where a parent does not say. */
enum { DEFAULT_ADDRESS_CELLS = 2, DEFAULT_SIZE_CELLS = 1 };

struct node_note {
	int offset;
	int parent;       /* offset; -1 for the root */
	uint32_t phandle; /* 0: none */
};

/* Fixed after dt_init(). */
static const void *tree;
static struct node_note notes[MAX_NODES];
static unsigned int num_notes;

static int errno_of(int fdt_error)
{
	bool absent = fdt_error == -FDT_ERR_NOTFOUND ||
		      fdt_error == -FDT_ERR_BADPATH; /* no such alias */

	return absent ? -ENOENT : -EINVAL;
}

static int node_or_errno(int node)
{
	return node >= 0 ? node : errno_of(node);
}

/* ---- the tree and its nodes ---------------------------------------------- */

ssize_t dt_check(const void *blob, size_t max)
{
	if (!IS_ALIGNED((uintptr_t)blob, 8) || max < sizeof(struct fdt_header))
		return -EINVAL;
	if (fdt_check_header(blob) || fdt_totalsize(blob) > max)
		return -EINVAL;
	/* libfdt reads the words of both where they are. */
	if (!IS_ALIGNED(fdt_off_mem_rsvmap(blob), 8) ||
	    !IS_ALIGNED(fdt_off_dt_struct(blob), CELL))
		return -EINVAL;
	if (fdt_check_full(blob, max))
		return -EINVAL;
	return (ssize_t)fdt_totalsize(blob);
}

int dt_init(const void *blob)
{
	int parents[MAX_DEPTH];
	int depth = 0;

	num_notes = 0;
	tree = blob;
	if (fdt_check_header(blob))
		return -EINVAL;
	for (int node = fdt_next_node(tree, -1, &depth); node >= 0 && depth > 0;
	     node = fdt_next_node(tree, node, &depth)) {
		if (depth > MAX_DEPTH || num_notes == MAX_NODES)
			return -E2BIG;
		notes[num_notes++] = (struct node_note){
			.offset = node,
			.parent = depth > 1 ? parents[depth - 2] : -1,
			.phandle = fdt_get_phandle(tree, node),
		};
		parents[depth - 1] = node;
	}
	return num_notes ? 0 : -EINVAL;
}

static const struct node_note *note_of(int node)
{
	unsigned int low = 0, high = num_notes;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (notes[middle].offset == node)
			return &notes[middle];
		if (notes[middle].offset < node)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int dt_root(void)
{
	return node_or_errno(fdt_path_offset(tree, "/"));
}

int dt_find_path(const char *path)
{
	return node_or_errno(fdt_path_offset(tree, path));
}

int dt_find_phandle(uint32_t phandle)
{
	if (phandle == 0)
		return -ENOENT;
	for (unsigned int i = 0; i < num_notes; i++) {
		if (notes[i].phandle == phandle)
			return notes[i].offset;
	}
	return -ENOENT;
}

int dt_parent(int node)
{
	const struct node_note *note = note_of(node);

	if (!note)
		return -EINVAL;
	return note->parent >= 0 ? note->parent : -ENOENT;
}

int dt_next(int node)
{
	const struct node_note *note;

	if (node < 0)
		return num_notes ? notes[0].offset : -ENOENT;
	note = note_of(node);
	if (!note)
		return -EINVAL;
	return ++note < notes + num_notes ? note->offset : -ENOENT;
}

int dt_first_child(int node)
{
	return node_or_errno(fdt_first_subnode(tree, node));
}

int dt_next_child(int child)
{
	return node_or_errno(fdt_next_subnode(tree, child));
}

const char *dt_name(int node)
{
	const char *name = fdt_get_name(tree, node, NULL);

	return name ? name : "";
}

/* ---- properties ----------------------------------------------------------- */

const void *dt_property(int node, const char *name, int *size)
{
	return fdt_getprop(tree, node, name, size);
}

/* A string, or strings each with its NUL: @size > 0 and the last byte is 0. */
static const char *string_list(int node, const char *name, int *size)
{
	const char *text = fdt_getprop(tree, node, name, size);

	if (!text || *size <= 0 || text[*size - 1] != '\0')
		return NULL;
	return text;
}

const char *dt_string(int node, const char *name)
{
	int size;

	return string_list(node, name, &size);
}

const char *dt_string_at(int node, const char *name, int i)
{
	int size;
	const char *text = string_list(node, name, &size);

	while (text && i-- > 0) {
		int length = (int)strlen(text) + 1;

		text += length;
		size -= length;
		if (size <= 0)
			return NULL;
	}
	return text;
}

static bool list_has(int node, const char *name, const char *wanted)
{
	const char *text;

	for (int i = 0; (text = dt_string_at(node, name, i)); i++) {
		if (!strcmp(text, wanted))
			return true;
	}
	return false;
}

bool dt_is_compatible(int node, const char *compatible)
{
	return list_has(node, "compatible", compatible);
}

bool dt_is_enabled(int node)
{
	int size;
	const char *status = string_list(node, "status", &size);

	if (!status)
		return !fdt_getprop(tree, node, "status", NULL);
	return !strcmp(status, "okay") || !strcmp(status, "ok");
}

/* Cells @at of an array of @size bytes; false if it is shorter. */
static bool cell_at(const fdt32_t *cells, int size, unsigned int at,
		    uint32_t *value)
{
	if (!cells || size < 0 || at >= (unsigned int)size / CELL)
		return false;
	*value = fdt32_to_cpu(cells[at]);
	return true;
}

/* @count (0, 1 or 2) cells as one number. */
static bool cells_at(const fdt32_t *cells, int size, unsigned int at,
		     unsigned int count, uint64_t *value)
{
	uint32_t cell;

	*value = 0;
	if (count > 2)
		return false;
	while (count--) {
		if (!cell_at(cells, size, at++, &cell))
			return false;
		*value = *value << 32 | cell;
	}
	return true;
}

int dt_u32_at(int node, const char *name, int i, uint32_t *value)
{
	int size;
	const fdt32_t *cells = fdt_getprop(tree, node, name, &size);

	if (!cells || i < 0)
		return -ENOENT;
	return cell_at(cells, size, (unsigned int)i, value) ? 0 : -ENOENT;
}

int dt_u32(int node, const char *name, uint32_t *value)
{
	return dt_u32_at(node, name, 0, value);
}

int dt_u64(int node, const char *name, uint64_t *value)
{
	int size;
	const fdt32_t *cells = fdt_getprop(tree, node, name, &size);

	if (!cells)
		return -ENOENT;
	if (size != CELL && size != 2 * CELL)
		return -EINVAL;
	cells_at(cells, size, 0, (unsigned int)size / CELL, value);
	return 0;
}

/* ---- addresses ------------------------------------------------------------ */

/* How the addresses of @bus's children are written. */
struct cell_counts {
	unsigned int address, size;
};

static int get_cell_counts(int bus, struct cell_counts *counts)
{
	uint32_t address = DEFAULT_ADDRESS_CELLS;
	uint32_t size = DEFAULT_SIZE_CELLS;

	dt_u32(bus, "#address-cells", &address);
	dt_u32(bus, "#size-cells", &size);
	/* PCI has three; its addresses are not for us. */
	if (address < 1 || address > 2 || size > 2)
		return -EINVAL;
	*counts = (struct cell_counts){ address, size };
	return 0;
}

/*
 * An address of @bus's children becomes one of @bus's own level: "ranges"
 * lists (child address, parent address, size). Empty: the same; absent: the
 * children cannot be reached from outside.
 */
static int translate_once(int bus, int parent, uint64_t size, paddr_t *address)
{
	struct cell_counts child, own;
	int bytes;
	const fdt32_t *ranges = fdt_getprop(tree, bus, "ranges", &bytes);

	if (!ranges)
		return -EINVAL;
	if (bytes == 0)
		return 0;
	if (get_cell_counts(bus, &child) || get_cell_counts(parent, &own))
		return -EINVAL;

	for (unsigned int at = 0;;
	     at += child.address + own.address + child.size) {
		uint64_t from, to, length;

		if (!cells_at(ranges, bytes, at, child.address, &from) ||
		    !cells_at(ranges, bytes, at + child.address, own.address,
			      &to) ||
		    !cells_at(ranges, bytes, at + child.address + own.address,
			      child.size, &length))
			return -EINVAL;
		if (*address >= from && *address - from < length &&
		    size <= length - (*address - from)) {
			*address = to + (*address - from);
			return 0;
		}
	}
}

int dt_reg(int node, unsigned int i, paddr_t *address, uint64_t *size)
{
	struct cell_counts counts;
	int bus = dt_parent(node);
	int bytes, parent, err;
	const fdt32_t *reg = fdt_getprop(tree, node, "reg", &bytes);
	unsigned int entry;

	if (!reg)
		return -ENOENT;
	if (bus < 0 || get_cell_counts(bus, &counts))
		return -EINVAL;
	entry = counts.address + counts.size;
	if (i >= (unsigned int)bytes / CELL / entry)
		return -ENOENT;
	cells_at(reg, bytes, i * entry, counts.address, address);
	cells_at(reg, bytes, i * entry + counts.address, counts.size, size);

	for (; (parent = dt_parent(bus)) >= 0; bus = parent) {
		err = translate_once(bus, parent, *size, address);
		if (err)
			return err;
	}
	return *address + *size < *address ? -EINVAL : 0;
}

int dt_memory_reservation(unsigned int i, paddr_t *start, uint64_t *size)
{
	if (i >= (unsigned int)fdt_num_mem_rsv(tree) ||
	    fdt_get_mem_rsv(tree, (int)i, start, size))
		return -ENOENT;
	return 0;
}

/* ---- interrupts ----------------------------------------------------------- */

static int interrupt_cells(int controller, uint32_t *cells)
{
	if (dt_u32(controller, "#interrupt-cells", cells) || *cells < 1 ||
	    *cells > 8)
		return -EINVAL;
	return 0;
}

/* "interrupts-extended": (phandle of a controller, its cells) and so on. */
static int extended_interrupt(const fdt32_t *list, int bytes, unsigned int i,
			      int *controller, uint32_t *number)
{
	uint32_t phandle, cells;
	unsigned int at = 0;

	for (;; i--) {
		if (!cell_at(list, bytes, at++, &phandle))
			return -ENOENT;
		*controller = dt_find_phandle(phandle);
		if (*controller < 0 || interrupt_cells(*controller, &cells))
			return -EINVAL;
		if (i == 0)
			break;
		at += cells;
	}
	return cell_at(list, bytes, at, number) ? 0 : -EINVAL;
}

/* The controller that @node's "interrupts" speak of. */
static int interrupt_parent(int node)
{
	uint32_t phandle, cells;

	for (int steps = 0; steps < MAX_DEPTH; steps++) {
		if (dt_u32(node, "interrupt-parent", &phandle) == 0)
			node = dt_find_phandle(phandle);
		else
			node = dt_parent(node);
		if (node < 0)
			return -EINVAL;
		if (interrupt_cells(node, &cells) == 0)
			return node;
	}
	return -EINVAL; /* a circle */
}

int dt_interrupt(int node, unsigned int i, int *controller, uint32_t *number)
{
	uint32_t cells;
	int bytes;
	const fdt32_t *list;

	list = fdt_getprop(tree, node, "interrupts-extended", &bytes);
	if (list)
		return extended_interrupt(list, bytes, i, controller, number);
	list = fdt_getprop(tree, node, "interrupts", &bytes);
	if (!list)
		return -ENOENT;
	*controller = interrupt_parent(node);
	if (*controller < 0 || interrupt_cells(*controller, &cells))
		return -EINVAL;
	if (i >= (unsigned int)bytes / CELL / cells)
		return -ENOENT;
	return cell_at(list, bytes, i * cells, number) ? 0 : -EINVAL;
}

/* ---- /chosen -------------------------------------------------------------- */

const char *dt_bootargs(void)
{
	return dt_string(dt_find_path("/chosen"), "bootargs");
}

int dt_initrd(paddr_t *start, paddr_t *end)
{
	int chosen = dt_find_path("/chosen");

	if (dt_u64(chosen, "linux,initrd-start", start) ||
	    dt_u64(chosen, "linux,initrd-end", end))
		return -ENOENT;
	return *start < *end ? 0 : -EINVAL;
}

int dt_stdout(void)
{
	const char *path = dt_string(dt_find_path("/chosen"), "stdout-path");
	const char *options;

	if (!path)
		path = "serial0";
	/* An alias or a path, then perhaps ":115200n8". */
	options = strchr(path, ':');
	return node_or_errno(fdt_path_offset_namelen(
		tree, path,
		options ? (int)(options - path) : (int)strlen(path)));
}

const void *dt_rng_seed(int *size)
{
	return dt_property(dt_find_path("/chosen"), "rng-seed", size);
}

const char *dt_model(void)
{
	return dt_string(dt_root(), "model");
}

/* ---- harts ---------------------------------------------------------------- */

/* Is the letter @wanted in "rv64imafdc_..."? "g" stands for "imafd". */
static bool isa_has_letter(const char *isa, char wanted)
{
	if (strlen(isa) < 4)
		return false;
	for (isa += 4; *isa && *isa != '_' && *isa != 'z'; isa++) {
		if (*isa == wanted || (*isa == 'g' && strchr("imafd", wanted)))
			return true;
	}
	return false;
}

/* Is "_wanted" in it, perhaps with a version like "2p0"? */
static bool isa_has_word(const char *isa, const char *wanted)
{
	size_t length = strlen(wanted);

	while ((isa = strchr(isa, '_'))) {
		isa++;
		if (starts_with(isa, wanted) &&
		    (isa[length] == '\0' || isa[length] == '_' ||
		     (isa[length] >= '0' && isa[length] <= '9')))
			return true;
	}
	return false;
}

bool dt_hart_has(int cpu_node, const char *name)
{
	const char *isa;

	if (dt_property(cpu_node, "riscv,isa-extensions", NULL))
		return list_has(cpu_node, "riscv,isa-extensions", name);
	isa = dt_string(cpu_node, "riscv,isa");
	if (!isa)
		return false;
	return strlen(name) == 1 ? isa_has_letter(isa, name[0])
				 : isa_has_word(isa, name);
}

bool dt_hart_usable(int cpu_node, uint64_t *hartid)
{
	struct cell_counts counts;
	const char *mmu = dt_string(cpu_node, "mmu-type");
	int bytes;
	const fdt32_t *reg = fdt_getprop(tree, cpu_node, "reg", &bytes);

	if (get_cell_counts(dt_parent(cpu_node), &counts) ||
	    !cells_at(reg, bytes, 0, counts.address, hartid))
		return false;
	return dt_is_enabled(cpu_node) && mmu &&
	       strcmp(mmu, "riscv,none") != 0 && dt_hart_has(cpu_node, "f") &&
	       dt_hart_has(cpu_node, "d");
}
