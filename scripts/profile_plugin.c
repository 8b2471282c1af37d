/* SPDX-License-Identifier: MIT */
/*
 * profile_plugin.c - a QEMU plugin: who executed how many instructions
 *
 * Idea: QEMU calls a plugin before each instruction of the guest, so counting
 * is exact and nothing is sampled. Call stacks are not read from memory (that
 * would miss leaf and tail-called functions) but followed: a jal or jalr that
 * links pushes the address it will return to, a return pops down to the entry
 * that has the address it went to. A tail call needs nothing: the frame goes
 * on, in another function.
 *
 * Every thread has a stack of calls. arch_switch() stores the old thread's
 * registers and loads the new one's, so the addresses of these accesses name
 * the threads. A trap from user mode begins at an empty stack; a trap from the
 * kernel pushes a frame that sret pops.
 *
 * Counting starts and stops, in turn, whenever the program executes the
 * instruction at `toggle`; at each stop the counts go to the output file and
 * begin at zero again:
 *
 *     call site;call site;...;instruction count     (addresses, hexadecimal)
 *     user count  sbi count
 *     end
 *
 * One hart only. Options: image=, base=, trap=, switch=FIRST-LAST, toggle=,
 * out=. Run by scripts/profile, which also builds it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qemu_plugin.h"

/* ---- types ---------------------------------------------------------------- */

enum kind { PLAIN, CALL, RETURN, SRET };

/* An instruction, once for each address. */
struct insn {
	uint64_t pc;
	uint8_t kind;
	uint8_t size;
	struct insn *next;
};

/* A chain of calls: this one, made at call_site, in the chain parent. */
struct node {
	uint32_t parent;
	uint64_t call_site;
};

struct frame {
	uint64_t returns_to; /* TRAPPED: by sret */
	uint64_t call_site;
	uint32_t node;
};

enum { MAX_DEPTH = 256, MAX_THREADS = 4096, BUCKETS = 1 << 16 };
#define TRAPPED       UINT64_MAX
#define OPENSBI_START UINT64_C(0x80000000)
#define OPENSBI_END   UINT64_C(0x80080000)

struct stack {
	uint64_t context; /* address of the thread's struct context */
	unsigned int depth;
	struct frame frames[MAX_DEPTH];
};

/* A hash table of pairs of numbers; value 0: free. Doubled when half full. */
struct entry {
	uint64_t a, b, value;
};
struct table {
	struct entry *entries;
	size_t size, used;
};

/* ---- state ---------------------------------------------------------------- */

static uint8_t *image;
static size_t image_size;
static uint64_t base, trap_entry, switch_first, switch_last, toggle;
static FILE *out;

static struct insn *insns[BUCKETS];
static struct node *nodes;
static size_t num_nodes, max_nodes;
static struct table children; /* (node, call site) -> node */
static struct table counts;   /* (node, pc) -> instructions */
static uint64_t user_count, sbi_count;

static struct stack *threads[MAX_THREADS];
static size_t num_threads;
static struct stack boot_stack;
static struct stack *now = &boot_stack;
static uint64_t switch_from, switch_to;

static struct insn *last; /* of the kernel or the program */
static bool last_in_kernel, counting;

/* ---- tables --------------------------------------------------------------- */

static struct entry *find(struct table *t, uint64_t a, uint64_t b)
{
	size_t i = (a * 0x9e3779b97f4a7c15u ^ b * 0xc2b2ae3d27d4eb4fu) >> 20;

	for (;; i++) {
		struct entry *e = &t->entries[i & (t->size - 1)];
		if (!e->value || (e->a == a && e->b == b))
			return e;
	}
}

static struct entry *find_or_add(struct table *t, uint64_t a, uint64_t b)
{
	struct entry *e;

	if (t->used * 2 >= t->size) {
		struct table bigger = { .size = t->size ? t->size * 2 : 4096 };
		bigger.entries = calloc(bigger.size, sizeof(struct entry));
		for (size_t i = 0; i < t->size; i++)
			if (t->entries[i].value)
				*find(&bigger, t->entries[i].a,
				      t->entries[i].b) = t->entries[i];
		bigger.used = t->used;
		free(t->entries);
		*t = bigger;
	}
	e = find(t, a, b);
	if (!e->value) {
		e->a = a;
		e->b = b;
		t->used++;
	}
	return e;
}

static uint32_t child(uint32_t parent, uint64_t call_site)
{
	struct entry *e = find_or_add(&children, parent, call_site);

	if (!e->value) {
		if (num_nodes == max_nodes) {
			max_nodes = max_nodes ? max_nodes * 2 : 1024;
			nodes = realloc(nodes, max_nodes * sizeof(*nodes));
		}
		nodes[num_nodes] = (struct node){ parent, call_site };
		e->value = num_nodes++;
	}
	return (uint32_t)e->value;
}

/* ---- call stacks ---------------------------------------------------------- */

static uint32_t top_node(void)
{
	return now->depth ? now->frames[now->depth - 1].node : 0;
}

static void push(uint64_t call_site, uint64_t returns_to)
{
	uint32_t node = child(top_node(), call_site);

	if (now->depth == MAX_DEPTH) {
		fprintf(stderr, "profile: calls nest too deeply\n");
		exit(1);
	}
	now->frames[now->depth++] =
		(struct frame){ returns_to, call_site, node };
}

static void pop_to(uint64_t returned_to)
{
	for (unsigned int i = now->depth; i-- > 0;) {
		if (now->frames[i].returns_to == returned_to) {
			now->depth = i;
			return;
		}
	}
}

static struct stack *stack_of(uint64_t context)
{
	for (size_t i = 0; i < num_threads; i++)
		if (threads[i]->context == context)
			return threads[i];
	if (num_threads == MAX_THREADS) {
		fprintf(stderr, "profile: too many threads\n");
		exit(1);
	}
	threads[num_threads] = calloc(1, sizeof(struct stack));
	threads[num_threads]->context = context;
	return threads[num_threads++];
}

/* The memory of a thread that is gone may be another's: then it begins anew. */
static void switch_stacks(uint64_t pc)
{
	struct stack *from = stack_of(switch_from);

	if (now != from) {
		from->depth = now->depth;
		memcpy(from->frames, now->frames, sizeof(now->frames));
	}
	now = stack_of(switch_to);
	if (!now->depth || now->frames[now->depth - 1].returns_to != pc)
		now->depth = 0;
}

static void follow(const struct insn *insn)
{
	if (insn->pc == trap_entry) {
		if (last_in_kernel)
			push(last->pc, TRAPPED);
		else
			now->depth = 0;
	} else if (last && last_in_kernel) {
		if (last->kind == CALL)
			push(last->pc, last->pc + last->size);
		else if (last->kind == SRET)
			pop_to(TRAPPED);
		else if (last->kind == RETURN) {
			if (last->pc >= switch_first && last->pc <= switch_last)
				switch_stacks(insn->pc);
			pop_to(insn->pc);
		}
	}
}

/* ---- output --------------------------------------------------------------- */

static void print_calls(uint32_t node)
{
	if (!node)
		return;
	print_calls(nodes[node].parent);
	fprintf(out, "%lx;", (unsigned long)nodes[node].call_site);
}

static void write_counts(void)
{
	for (size_t i = 0; i < counts.size; i++) {
		struct entry *e = &counts.entries[i];
		if (!e->value)
			continue;
		print_calls((uint32_t)e->a);
		fprintf(out, "%lx %lu\n", (unsigned long)e->b,
			(unsigned long)e->value);
	}
	fprintf(out, "user %lu\nsbi %lu\nend\n", (unsigned long)user_count,
		(unsigned long)sbi_count);
	fflush(out);
	free(counts.entries);
	counts = (struct table){ 0 };
	user_count = sbi_count = 0;
}

/* ---- called by QEMU ------------------------------------------------------- */

static void on_kernel(unsigned int cpu, void *p)
{
	struct insn *insn = p;

	(void)cpu;
	follow(insn);
	last = insn;
	last_in_kernel = true;
	if (counting)
		find_or_add(&counts, top_node(), insn->pc)->value++;
}

static void on_user(unsigned int cpu, void *p)
{
	struct insn *insn = p;

	(void)cpu;
	last = insn;
	last_in_kernel = false;
	user_count += counting;
	if (insn->pc != toggle)
		return;
	counting = !counting;
	if (!counting)
		write_counts();
}

static void on_sbi(unsigned int cpu, void *p)
{
	(void)cpu;
	(void)p;
	sbi_count += counting;
}

static void on_switch(unsigned int cpu, qemu_plugin_meminfo_t info,
		      uint64_t vaddr, void *p)
{
	struct insn *insn = p;

	(void)cpu;
	/* A context's first word is stored, or loaded, first. */
	if (insn->pc == switch_first) {
		switch_from = vaddr;
		switch_to = 0;
	} else if (!switch_to && !qemu_plugin_mem_is_store(info)) {
		switch_to = vaddr;
	}
}

static enum kind kind_of(const uint8_t *code, unsigned int size)
{
	uint32_t word = 0;
	unsigned int rd, rs1;

	memcpy(&word, code, size);
	rd = word >> 7 & 31;
	rs1 = word >> 15 & 31;
	if (size == 2) {
		bool jump_reg = (word & 0xe07f) == 0x8002; /* c.jr, c.jalr */
		if (!jump_reg || !rd)
			return PLAIN;
		if (word & 0x1000)
			return CALL;
		return rd == 1 || rd == 5 ? RETURN : PLAIN;
	}
	if (word == 0x10200073)
		return SRET;
	if ((word & 0x7f) == 0x6f) /* jal */
		return rd == 1 || rd == 5 ? CALL : PLAIN;
	if ((word & 0x7f) == 0x67) { /* jalr */
		if (rd == 1 || rd == 5)
			return CALL;
		return !rd && (rs1 == 1 || rs1 == 5) ? RETURN : PLAIN;
	}
	return PLAIN;
}

static struct insn *insn_at(uint64_t pc)
{
	struct insn **bucket = &insns[pc >> 1 & (BUCKETS - 1)], *insn;

	for (insn = *bucket; insn; insn = insn->next)
		if (insn->pc == pc)
			return insn;
	insn = calloc(1, sizeof(*insn));
	insn->pc = pc;
	if (pc >= base && pc + 4 <= base + image_size) {
		const uint8_t *code = image + (pc - base);
		insn->size = (*code & 3) == 3 ? 4 : 2;
		insn->kind = (uint8_t)kind_of(code, insn->size);
	}
	insn->next = *bucket;
	*bucket = insn;
	return insn;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *q = qemu_plugin_tb_get_insn(tb, i);
		struct insn *insn = insn_at(qemu_plugin_insn_vaddr(q));
		void (*call)(unsigned int, void *) = on_user;

		if (insn->size)
			call = on_kernel;
		else if (insn->pc >= OPENSBI_START && insn->pc < OPENSBI_END)
			call = on_sbi;
		qemu_plugin_register_vcpu_insn_exec_cb(q, call, CB_NO_REGS,
						       insn);
		if (insn->pc >= switch_first && insn->pc <= switch_last)
			qemu_plugin_register_vcpu_mem_cb(
				q, on_switch, CB_NO_REGS, MEM_RW, insn);
	}
}

static bool read_image(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		return false;
	fseek(f, 0, SEEK_END);
	image_size = (size_t)ftell(f);
	rewind(f);
	image = malloc(image_size);
	image_size = fread(image, 1, image_size, f);
	fclose(f);
	return true;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
			       const struct qemu_info *info, int argc,
			       char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (!value)
			return -1;
		*value++ = '\0';
		if (!strcmp(argv[i], "image") && !read_image(value))
			return -1;
		else if (!strcmp(argv[i], "out"))
			out = fopen(value, "w");
		else if (!strcmp(argv[i], "base"))
			base = strtoull(value, NULL, 16);
		else if (!strcmp(argv[i], "trap"))
			trap_entry = strtoull(value, NULL, 16);
		else if (!strcmp(argv[i], "toggle"))
			toggle = strtoull(value, NULL, 16);
		else if (!strcmp(argv[i], "switch")) {
			switch_first = strtoull(value, &value, 16);
			switch_last = strtoull(value + 1, NULL, 16);
		}
	}
	if (!image || !out)
		return -1;
	num_nodes = 1; /* node 0: no call yet */
	max_nodes = 1024;
	nodes = calloc(max_nodes, sizeof(*nodes));
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
