/* SPDX-License-Identifier: MIT */
/*
 * exec.c - run another program in this process: execve(2)
 *
 * In reading order (exec_path() at the end calls them so):
 *   find_program()   follow #! lines until there is an ELF file
 *   read_images()    its headers, and those of its interpreter (ld.so)
 *   build_space()    a new address space: program, interpreter, vDSO, stack
 *   commit()         give up the old program; nothing can fail any more
 *
 * Deliberate difference from Linux: what cannot be mapped is an error of the
 * call, not the death of a process that has already lost its old program.
 * Read: OSTEP ch. 5 (process API), ch. 6 (direct execution protocol: "load
 * program", "set up stack with argc/argv", "clear registers").
 */
#include "kernel/proc/exec.h"
#include <arch/hart.h>
#include <arch/signal_frame.h>
#include <arch/trap_frame.h>
#include <arch/vdso.h>
#include "kernel/abi/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/dev/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/elf.h"
#include "kernel/proc/elf_map.h"
#include "kernel/proc/exec_cred.h"
#include "kernel/proc/exec_stack.h"
#include "kernel/proc/exec_strings.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/script.h"
#include "kernel/trace/trace.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#include <linux/personality.h>
#include <linux/resource.h>

/*
 * Where things are put, in the manner of Linux: programs that may be moved at
 * two thirds of the user half, shared libraries and mappings downwards from
 * below the stack. Each gets a random distance of up to:
 */
#define PROGRAM_BASE   (USER_SPACE_END / 3 * 2)
#define PROGRAM_RANDOM (16UL << 30)
#define MAPPING_RANDOM (16UL << 30)
#define STACK_RANDOM   (1UL << 30)
#define BREAK_RANDOM   (32UL << 20)
/* Kept free for the stack to grow, whatever RLIMIT_STACK is. */
#define STACK_GAP_MIN (128UL << 20)
#define STACK_GAP_MAX (16UL << 30)
/* Mapped below what is written at the start. */
#define STACK_INITIAL (128UL << 10)

#define HEAD_SIZE      256 /* BINPRM_BUF_SIZE: a #! line may be so long */
#define MAX_TRACE_NAME 128 /* of a program's name, in the trace */
#define CLOCK_TICKS    100 /* AT_CLKTCK: times(2) counts in these */
#define MAX_AUXV_WORDS 48u

/* One of the two ELF files of a start. */
struct program {
	struct file *file; /* NULL: there is none (no interpreter) */
	struct elf_header header;
	struct elf_image image;
	uint64_t bias; /* address in memory - address in the file */
};

struct exec {
	struct exec_args args;
	struct program program, interpreter;
	struct vm_space *space; /* new */
	struct cred *cred;      /* new */
	bool secure;
	struct signal_actions *actions; /* NULL: those we have are ours alone */
	struct fd_table *files;         /* the same */
	struct exec_stack stack;
	uint64_t auxv[MAX_AUXV_WORDS];
	unsigned int auxv_words;
	char head[HEAD_SIZE]; /* the file's first bytes, zeros beyond its end */
};

/* ---- Find the program ---------------------------------------------------- */

static int open_by_name(const char *name, struct file **out)
{
	struct path path;
	int err = path_lookup(NULL, name, LOOKUP_FOLLOW, &path, NULL);

	if (err)
		return err;
	err = file_open_exec(&path, out);
	path_put(&path);
	return err;
}

static int read_head(struct exec *exec)
{
	ssize_t got;

	memset(exec->head, 0, HEAD_SIZE);
	got = file_read_kernel(exec->program.file, exec->head, HEAD_SIZE, 0);
	return got < 0 ? (int)got : 0;
}

static char *copy_part(const char *text, size_t len)
{
	char *copy = kmalloc(len + 1);

	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

/* @text, of our own memory or NULL, becomes the first argument. */
static int push_argument(struct exec_args *args, char *text)
{
	if (!text)
		return -ENOMEM;
	args->prefix[args->num_prefix++] = text;
	return 0;
}

/*
 * "#! interpreter argument" in a file called @name: the arguments become
 * interpreter, argument, @name and what followed the old first one.
 */
static int apply_script(struct exec_args *args, const struct script_line *line)
{
	const char *name = args->name;
	int err;

	/* The script is itself an interpreter: it has its name there already,
	 * as the first argument. */
	if (!args->num_prefix) {
		err = push_argument(args, kstrdup(name));
		if (err)
			return err;
	}
	if (line->argument) {
		err = push_argument(
			args, copy_part(line->argument, line->argument_len));
		if (err)
			return err;
	}
	return push_argument(
		args, copy_part(line->interpreter, line->interpreter_len));
}

/* Until exec->program.file is something else than a script. */
static int follow_scripts(struct exec *exec)
{
	struct exec_args *args = &exec->args;
	unsigned int depth = 0;

	while (script_has_magic(exec->head, HEAD_SIZE)) {
		struct script_line line;
		struct file *file;
		int err;

		if (depth++ == EXEC_MAX_SCRIPTS)
			return -ELOOP;
		err = script_parse(exec->head, HEAD_SIZE, &line);
		if (!err)
			err = apply_script(args, &line);
		if (!err)
			err = open_by_name(args->prefix[args->num_prefix - 1],
					   &file);
		if (err)
			return err;
		file_put(exec->program.file);
		exec->program.file = file;
		err = read_head(exec);
		if (err)
			return err;
	}
	return 0;
}

static int find_program(struct exec *exec, const struct path *path)
{
	int err = file_open_exec(path, &exec->program.file);

	if (!err)
		err = read_head(exec);
	if (!err)
		err = follow_scripts(exec);
	return err;
}

/* ---- Read the headers ---------------------------------------------------- */

/* All @size bytes at @offset, or an error. */
static int read_exactly(struct file *file, void *to, size_t size,
			uint64_t offset)
{
	ssize_t got = file_read_kernel(file, to, size, (loff_t)offset);

	if (got < 0)
		return (int)got;
	return (size_t)got == size ? 0 : -ENOEXEC;
}

static int read_image(struct program *program, const char *head)
{
	const struct elf_header *header = &program->header;
	size_t size;
	void *table;
	int err;

	err = elf_parse_header(head, HEAD_SIZE, &program->header);
	if (err)
		return err;
	size = (size_t)header->table_entries * ELF_HEADER_ENTRY_SIZE;
	table = kmalloc(size);
	if (!table)
		return -ENOMEM;
	err = read_exactly(program->file, table, size, header->table_offset);
	if (!err)
		err = elf_parse(header, table, USER_SPACE_START, USER_SPACE_END,
				&program->image);
	kfree(table);
	return err;
}

static int open_interpreter(struct exec *exec)
{
	const struct elf_image *image = &exec->program.image;
	size_t size = image->interpreter_size;
	char *name = kmalloc(size);
	int err;

	if (!name)
		return -ENOMEM;
	err = read_exactly(exec->program.file, name, size,
			   image->interpreter_offset);
	if (!err && name[size - 1] != '\0')
		err = -ENOEXEC;
	if (!err)
		err = open_by_name(name, &exec->interpreter.file);
	kfree(name);
	return err;
}

static int read_interpreter(struct exec *exec)
{
	char *head;
	int err = open_interpreter(exec);

	if (err)
		return err;
	head = kzalloc(HEAD_SIZE);
	if (!head)
		return -ENOMEM;
	err = read_exactly(exec->interpreter.file, head, ELF_HEADER_SIZE, 0);
	if (!err)
		err = read_image(&exec->interpreter, head);
	kfree(head);
	/* The program may be fine: say that it is its library that is not. */
	return err == -ENOEXEC ? -ELIBBAD : err;
}

static int read_images(struct exec *exec)
{
	int err = read_image(&exec->program, exec->head);

	if (!err && exec->program.image.interpreter_size)
		err = read_interpreter(exec);
	return err;
}

/* ---- Build the new address space ----------------------------------------- */

/* Nobody may foresee the places of a program that has more rights than he. */
static bool may_randomize(const struct exec *exec)
{
	return exec->secure || !(current()->personality & ADDR_NO_RANDOMIZE);
}

/* Whole pages, less than @range bytes. */
static uint64_t random_distance(const struct exec *exec, uint64_t range)
{
	if (!may_randomize(exec))
		return 0;
	return random_below(range >> PAGE_SHIFT) << PAGE_SHIFT;
}

static uint64_t image_span(const struct program *program)
{
	return program->image.end - program->image.start;
}

static uint64_t program_end(const struct program *program)
{
	return program->image.end + program->bias;
}

static void plan_space(struct exec *exec)
{
	struct vm_space *space = exec->space;
	uint64_t limit = process_limit(current_process(), RLIMIT_STACK);
	uint64_t gap = MAX(MIN(limit, STACK_GAP_MAX), STACK_GAP_MIN);

	space->stack_limit = limit;
	space->start_stack = USER_SPACE_END - PAGE_SIZE -
			     random_distance(exec, STACK_RANDOM);
	space->mmap_top = USER_SPACE_END - STACK_RANDOM - gap -
			  random_distance(exec, MAPPING_RANDOM);
	space->mmap_top = ALIGN_DOWN(space->mmap_top, PAGE_SIZE);
}

static void report_load(const struct exec *exec)
{
	TRACE_PLACE_HERE(TRACE_PROGRAM_LOAD);
	const struct program *program = &exec->program;
	const char *name = exec->args.name;
	const struct trace_bytes text = {
		.type = TRACE_CHUNK_TEXT,
		.data = name,
		.size = strnlen(name, MAX_TRACE_NAME),
	};
	const uint64_t args[] = { program->image.start + program->bias,
				  program_end(program),
				  program->header.entry + program->bias };

	trace_record_bytes(&place_, NULL, args, ARRAY_SIZE(args), &text, 1);
}

static int map_program(struct exec *exec)
{
	struct program *program = &exec->program;
	uint64_t base;
	int err;

	if (program->header.position_independent) {
		base = PROGRAM_BASE + random_distance(exec, PROGRAM_RANDOM);
		base = ALIGN_DOWN(base, program->image.alignment);
		program->bias = base - program->image.start;
	}
	if (program_end(program) > exec->space->mmap_top)
		return -ENOMEM;
	elf_describe(exec->space, &program->image, program->bias);
	exec->space->start_brk =
		program_end(program) + random_distance(exec, BREAK_RANDOM);
	exec->space->brk = exec->space->start_brk;
	err = elf_map(exec->space, program->file, &program->image,
		      program->bias);
	if (!err && trace_wants(TRACE_PROGRAM_LOAD))
		report_load(exec);
	return err;
}

static int map_interpreter(struct exec *exec)
{
	struct program *interpreter = &exec->interpreter;
	uint64_t base;

	if (!interpreter->file)
		return 0;
	if (interpreter->header.position_independent) {
		if (image_span(interpreter) > exec->space->mmap_top / 2)
			return -ENOMEM;
		base = exec->space->mmap_top - image_span(interpreter);
		base = ALIGN_DOWN(base, interpreter->image.alignment);
		interpreter->bias = base - interpreter->image.start;
	}
	return elf_map(exec->space, interpreter->file, &interpreter->image,
		       interpreter->bias);
}

static int map_vdso(struct vm_space *space)
{
	struct vm_map_args args = {
		.flags = PAGE_READ | VM_SPECIAL | VM_DONT_DUMP,
		.name = "[vvar]",
	};
	size_t data_pages, code_pages;
	vaddr_t at;
	int err;

	arch_vdso_pages(&args.special_pages, &data_pages, &code_pages);
	args.size = (data_pages + code_pages) * PAGE_SIZE;
	err = vm_map(space, &args, &at);
	if (err)
		return err;

	/* The code's part of it, again and executable. */
	args.hint = at + data_pages * PAGE_SIZE;
	args.size = code_pages * PAGE_SIZE;
	args.flags |= PAGE_EXEC;
	args.fixed = true;
	args.special_pages += data_pages;
	args.name = "[vdso]";
	return vm_map(space, &args, &space->vdso_code);
}

static int map_stack(struct exec *exec)
{
	struct vm_space *space = exec->space;
	vaddr_t bottom = ALIGN_DOWN(exec->stack.sp - STACK_INITIAL, PAGE_SIZE);
	struct vm_map_args args = {
		.hint = bottom,
		.size = exec->stack.top - bottom,
		.flags = PAGE_READ | PAGE_WRITE | VM_MAY_WRITE | VM_GROWS_DOWN,
		.fixed = true,
		.no_replace = true,
		.name = "[stack]",
	};
	vaddr_t at;

	if (exec->program.image.executable_stack)
		args.flags |= PAGE_EXEC;
	return vm_map(space, &args, &at);
}

static void add_aux(struct exec *exec, uint64_t type, uint64_t value)
{
	assert(exec->auxv_words + 2 <= MAX_AUXV_WORDS);
	exec->auxv[exec->auxv_words++] = type;
	exec->auxv[exec->auxv_words++] = value;
}

/* getauxval(3). Needs the stack's plan, which needs only the number. */
static void make_auxv(struct exec *exec)
{
	const struct program *program = &exec->program;
	const struct elf_image *image = &program->image;
	const struct cred *cred = exec->cred;

	exec->auxv_words = 0;
	add_aux(exec, AT_SYSINFO_EHDR, exec->space->vdso_code);
	add_aux(exec, AT_MINSIGSTKSZ, arch_signal_frame_size());
	add_aux(exec, AT_HWCAP, arch_hwcap());
	add_aux(exec, AT_PAGESZ, PAGE_SIZE);
	add_aux(exec, AT_CLKTCK, CLOCK_TICKS);
	add_aux(exec, AT_PHDR,
		image->table_address ? image->table_address + program->bias
				     : 0);
	add_aux(exec, AT_PHENT, ELF_HEADER_ENTRY_SIZE);
	add_aux(exec, AT_PHNUM, program->header.table_entries);
	/* Where ld.so is; how far it was moved, since it is linked at 0. */
	add_aux(exec, AT_BASE, exec->interpreter.bias);
	add_aux(exec, AT_FLAGS, 0);
	add_aux(exec, AT_ENTRY, program->header.entry + program->bias);
	add_aux(exec, AT_UID, cred->uid);
	add_aux(exec, AT_EUID, cred->euid);
	add_aux(exec, AT_GID, cred->gid);
	add_aux(exec, AT_EGID, cred->egid);
	add_aux(exec, AT_SECURE, exec->secure);
	add_aux(exec, AT_RANDOM, exec->stack.random);
	add_aux(exec, AT_EXECFN, exec->stack.env_end);
	add_aux(exec, AT_NULL, 0);
}

static int build_stack(struct exec *exec)
{
	struct vm_space *space = exec->space;
	struct exec_stack *stack = &exec->stack;
	int err;

	make_auxv(exec); /* to know its length */
	exec_stack_plan(stack, &exec->args, space->start_stack,
			exec->auxv_words);
	make_auxv(exec);
	err = map_stack(exec);
	if (!err)
		err = exec_stack_write(stack, &exec->args, space, exec->auxv,
				       exec->auxv_words);
	if (err)
		return err;
	space->start_stack = stack->sp;
	space->arg_start = stack->strings;
	space->arg_end = space->env_start = stack->env;
	space->env_end = stack->env_end;
	memcpy(space->auxv, exec->auxv, exec->auxv_words * sizeof(uint64_t));
	space->auxv_words = exec->auxv_words;
	return 0;
}

static int build_space(struct exec *exec)
{
	int err;

	exec->space = vm_space_create();
	if (!exec->space)
		return -ENOMEM;
	TRACE(MEMORY_CREATE, (uint64_t)exec->space,
	      (uint64_t)exec->space->page_table.root);
	plan_space(exec);
	err = map_program(exec);
	if (!err)
		err = map_interpreter(exec);
	if (!err)
		err = map_vdso(exec->space);
	if (!err)
		err = build_stack(exec);
	if (err)
		return err;
	exec->space->exe = file_get(exec->program.file);
	exec->space->dumpable = !exec->secure;
	return 0;
}

/* ---- Replace the old program --------------------------------------------- */

/* What is shared with other processes must become our own. */
static int unshare(struct exec *exec)
{
	struct process *process = current_process();

	if (refcount_read(&process->actions->refs) > 1) {
		exec->actions = signal_actions_copy(process);
		if (!exec->actions)
			return -ENOMEM;
	}
	if (refcount_read(&current()->files->refs) > process->num_threads) {
		exec->files = fd_table_copy(current()->files);
		if (!exec->files)
			return -ENOMEM;
	}
	return 0;
}

static void use_unshared(struct exec *exec)
{
	struct process *process = current_process();

	if (exec->actions) {
		struct signal_actions *old;

		spin_lock(&process->lock);
		old = process->actions;
		process->actions = exec->actions;
		spin_unlock(&process->lock);
		signal_actions_put(old);
		exec->actions = NULL;
	}
	if (exec->files) {
		struct fd_table *old = current()->files;

		spin_lock(&process->lock);
		current()->files = exec->files;
		spin_unlock(&process->lock);
		fd_table_put(old);
		exec->files = NULL;
	}
}

/*
 * Go on in the new space. Others find a thread's space under process->lock;
 * the extra reference keeps the old one from being taken down inside.
 */
static void enter_space(struct exec *exec)
{
	struct process *process = current_process();
	struct vm_space *old = current()->space;

	if (old)
		vm_space_get(old);
	spin_lock(&process->lock);
	vm_space_use(exec->space);
	spin_unlock(&process->lock);
	if (old)
		vm_space_put(old);
	exec->space = NULL;
}

/* "/usr/bin/prog": "prog", cut to what ps shows. */
static void set_name(struct thread *thread, const char *name)
{
	const char *slash = strrchr(name, '/');

	strcopy(thread->name, slash ? slash + 1 : name, THREAD_NAME_SIZE);
}

static void reset_thread(struct thread *thread)
{
	thread->alt_stack.base = 0;
	thread->alt_stack.size = 0;
	thread->alt_stack.flags = 0;
	thread->robust_list = 0;
	thread->clear_child_tid = 0;
	thread->futex_gone = false;
	thread->restart.call = NULL;
	arch_fpu_reset(thread);
}

/* The program's first return from a trap, which it never made. */
static void report_start(void)
{
	TRACE_PLACE_HERE(TRACE_KERNEL_STACK);
	const struct trap_frame *tf = arch_thread_frame(current());
	const struct trace_bytes registers = {
		.type = TRACE_CHUNK_REGISTERS,
		.address = (uint64_t)tf,
		.data = tf,
		.size = sizeof(*tf),
	};
	const uint64_t args[] = { (uint64_t)tf, tf_pc(tf), tf_user_sp(tf) };

	if (!trace_wants_thread(NULL))
		return;
	trace_trapped(TRACE_RETURN_PROGRAM);
	thread_set_work(current(), WORK_TRACE);
	if (trace_wants(TRACE_KERNEL_STACK))
		trace_record_bytes(&place_, NULL, args, ARRAY_SIZE(args),
				   &registers, trace_wants_registers());
}

static void start_program(const struct exec *exec)
{
	const struct program *first =
		exec->interpreter.file ? &exec->interpreter : &exec->program;

	tf_start_program(arch_thread_frame(current()),
			 first->header.entry + first->bias, exec->stack.sp);
	if (unlikely(READ_ONCE(trace_mask)))
		report_start();
}

static void mark_did_exec(struct process *process)
{
	process_tree_enter();
	process->did_exec = true;
	process_tree_leave();
}

static void commit(struct exec *exec)
{
	struct thread *thread = current();
	struct process *process = thread->process;

	futex_thread_exit();
	process_timers_exec(process);
	/* Before the parent can learn of it from a descriptor that closes. */
	mark_did_exec(process);
	use_unshared(exec);
	signal_actions_reset(process);
	fd_table_close_on_exec(thread->files);
	reset_thread(thread);
	set_name(thread, exec->args.name);

	enter_space(exec);
	process_vfork_done();

	process->dumpable = !exec->secure;
	if (exec->secure)
		thread->pdeath_signal = 0;
	cred_use(exec->cred);
	exec->cred = NULL;
	start_program(exec);
}

static int load_and_commit(struct exec *exec, const struct path *path)
{
	int err = find_program(exec, path);

	if (err)
		return err;
	err = read_images(exec);
	if (err)
		return err;
	exec->cred = exec_cred(exec->program.file, &exec->secure);
	if (!exec->cred)
		return -ENOMEM;
	err = build_space(exec);
	if (err)
		return err;
	err = unshare(exec);
	if (err)
		return err;
	err = process_become_single();
	if (err)
		return err;
	commit(exec);
	return 0;
}

/* Give back what was not handed over. */
static void exec_free(struct exec *exec)
{
	if (exec->space)
		vm_space_put(exec->space);
	if (exec->cred)
		cred_put(exec->cred);
	if (exec->actions)
		signal_actions_put(exec->actions);
	if (exec->files)
		fd_table_put(exec->files);
	if (exec->program.file)
		file_put(exec->program.file);
	if (exec->interpreter.file)
		file_put(exec->interpreter.file);
	for (unsigned int i = 0; i < exec->args.num_prefix; i++)
		kfree(exec->args.prefix[i]);
	kfree(exec);
}

int exec_path(const struct path *path, const char *name,
	      struct exec_strings *strings)
{
	struct exec *exec = kzalloc(sizeof(*exec));
	int err;

	assert(strings->num_args > 0);
	if (!exec)
		return -ENOMEM;
	exec->args.name = name;
	exec->args.strings = strings;
	err = load_and_commit(exec, path);
	exec_free(exec);
	return err;
}

static int add_all(struct exec_strings *strings, const char *const list[])
{
	for (; *list; list++) {
		int err = exec_strings_add(strings, *list);

		if (err)
			return err;
	}
	return 0;
}

int exec_kernel(const char *name, const char *const argv[],
		const char *const envp[])
{
	struct exec_strings strings;
	struct path path;
	int err;

	err = path_lookup(NULL, name, LOOKUP_FOLLOW, &path, NULL);
	if (err)
		return err;
	exec_strings_init(&strings,
			  process_limit(current_process(), RLIMIT_STACK));
	err = add_all(&strings, argv);
	exec_strings_end_args(&strings);
	if (!err)
		err = add_all(&strings, envp);
	if (!err)
		err = exec_path(&path, name, &strings);
	exec_strings_free(&strings);
	path_put(&path);
	return err;
}
