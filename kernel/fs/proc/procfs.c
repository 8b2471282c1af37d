/* SPDX-License-Identifier: MIT */
/*
 * procfs.c - the machinery of /proc: from a line in a table to a file
 *
 * Idea: nothing is stored. Looking a name up makes an inode that points at its
 * line in a table (struct proc_node); reading makes the text, once at the
 * beginning of the file, so that a reader who takes it in pieces gets one
 * consistent text.
 *
 * Names of processes go away by themselves, so remembered names are asked
 * whether they still hold (still_valid()), and owners are looked up when
 * somebody wants to know them (refresh()).
 *
 * Locks: proc_text.lock for one open file's text. Generators take what they
 * need themselves; they run without it.
 */
#include "kernel/fs/proc/procfs.h"

#include "kernel/abi/fs.h"
#include "kernel/debug/log.h"
#include "kernel/fs/proc/internal.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/cred.h"

/* Positions in a directory: ".", "..", the table, then the numbers. */
#define FIRST_CHILD  2
#define FIRST_NUMBER 512

/* Longest text of a symbolic link. */
#define MAX_LINK 4096u

static const struct inode_ops directory_ops, file_inode_ops, link_ops, jump_ops;
static const struct file_ops directory_file_ops, text_ops;

/* ---- Subjects ---- */

/* The process or thread of @node is gone (or was reaped). Any context. */
static bool is_gone(const struct proc_node *node)
{
	if (!node->pid)
		return false;
	return node->is_thread ? !READ_ONCE(node->pid->thread)
			       : !READ_ONCE(node->pid->process);
}

int proc_subject_get(const struct proc_node *node, struct proc_subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->entry = node->entry;
	subject->number = node->number;
	subject->whole = !node->is_thread;
	if (!node->pid)
		return 0;

	process_tree_lock();
	if (node->is_thread) {
		subject->thread = node->pid->thread;
		if (subject->thread)
			subject->process = subject->thread->process;
	} else {
		subject->process = node->pid->process;
		if (subject->process)
			subject->thread = subject->process->leader;
	}
	if (subject->process && subject->thread) {
		process_get(subject->process);
		thread_get(subject->thread);
	} else {
		subject->process = NULL;
	}
	process_tree_unlock();
	return subject->process ? 0 : -ESRCH;
}

void proc_subject_put(struct proc_subject *subject)
{
	if (!subject->process)
		return;
	thread_put(subject->thread);
	process_put(subject->process);
}

int proc_check_access(const struct proc_entry *entry,
		      const struct proc_subject *subject)
{
	if (!entry->guarded || subject->process == current_process())
		return 0;
	return process_may_access(subject->process) ? 0 : -EACCES;
}

/* ---- Inodes ---- */

/*
 * The same file has the same number each time it is looked up: the pid, which
 * line of a table (they lie within 16 MiB of each other), the descriptor.
 */
static uint64_t node_ino(const struct proc_node *node)
{
	uint64_t pid = node->pid ? (uint64_t)node->pid->number : 0;
	uint64_t line = ((uintptr_t)node->entry & 0xffffff) / 8;

	if (node->entry == &proc_root)
		return 1;
	return pid << 41 | line << 20 | ((uint64_t)node->number & 0xfffff);
}

static unsigned int count_links(const struct proc_entry *entry)
{
	unsigned int links = 2;

	for (const struct proc_entry *e = entry->children; e && e->name; e++)
		links += S_ISDIR(e->mode);
	return links;
}

static void set_operations(struct inode *inode, const struct proc_entry *entry)
{
	if (S_ISDIR(entry->mode)) {
		inode->ops = &directory_ops;
		inode->file_ops = &directory_file_ops;
		inode->nlink = count_links(entry);
	} else if (S_ISLNK(entry->mode)) {
		inode->ops = entry->jump ? &jump_ops : &link_ops;
	} else {
		inode->ops = &file_inode_ops;
		inode->file_ops = entry->file_ops ? entry->file_ops : &text_ops;
	}
}

/* Takes over the reference in @node->pid, also when it fails. */
static int make_inode(struct super_block *sb, const struct proc_node *node,
		      struct inode **out)
{
	struct proc_node *copy = kmalloc(sizeof(*copy));
	struct inode *inode = NULL;

	if (copy)
		inode = inode_create(sb, NULL, node->entry->mode);
	if (!inode) {
		kfree(copy);
		if (node->pid)
			pid_put(node->pid);
		return -ENOMEM;
	}
	*copy = *node;
	inode->data = copy;
	inode->ino = node_ino(node);
	inode->uid = 0;
	inode->gid = 0;
	set_operations(inode, node->entry);
	*out = inode;
	return 0;
}

static void destroy_inode(struct inode *inode)
{
	struct proc_node *node = inode->data;

	if (node && node->pid)
		pid_put(node->pid);
	kfree(node);
	inode_free(inode);
}

/* Files of a process belong to whom it runs as; to root if it is not to be
 * looked into (proc(5)). */
static void refresh(struct inode *inode)
{
	const struct proc_node *node = proc_node_of(inode);
	struct proc_subject subject;
	const struct cred *cred;

	if (!node->pid || proc_subject_get(node, &subject))
		return;
	cred = process_cred_get(subject.process);
	if (cred) {
		bool visible = subject.process->dumpable ||
			       inode->mode == (S_IFDIR | 0555);

		inode->uid = visible ? cred->euid : 0;
		inode->gid = visible ? cred->egid : 0;
		cred_put(cred);
	}
	if (node->entry->permissions)
		inode->mode = (inode->mode & S_IFMT) |
			      node->entry->permissions(&subject);
	proc_subject_put(&subject);
}

/* ---- Directories ---- */

/* @name as a number without sign and leading zeros; -1: it is none. */
static int parse_name(const char *name, size_t len)
{
	int number = 0;

	if (len == 0 || len > 9 || (name[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		number = number * 10 + (name[i] - '0');
	}
	return number;
}

static const struct proc_entry *find_child(const struct proc_entry *dir,
					   const char *name, size_t len)
{
	for (const struct proc_entry *e = dir->children; e && e->name; e++) {
		if (strlen(e->name) == len && !memcmp(e->name, name, len))
			return e;
	}
	return NULL;
}

static int find_number(const struct proc_node *dir, const char *name,
		       size_t len, struct proc_node *child)
{
	const struct proc_numbers *numbers = dir->entry->numbers;
	int number = numbers ? parse_name(name, len) : -1;

	if (number < 0)
		return -ENOENT;
	child->entry = numbers->entry;
	return numbers->find(dir, number, child);
}

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	const struct proc_node *node = proc_node_of(dir);
	struct proc_node child = *node;
	int err;

	if (is_gone(node))
		return -ENOENT;
	child.entry = find_child(node->entry, name, len);
	if (child.entry) {
		if (child.pid)
			pid_get(child.pid);
	} else {
		err = find_number(node, name, len, &child);
		if (err)
			return err;
	}
	err = make_inode(dir->sb, &child, out);
	if (!err)
		refresh(*out);
	return err;
}

/* Is descriptor @node of directory @dir still open? */
static bool is_open(const struct proc_node *dir, const struct proc_node *node)
{
	struct proc_node again = *dir;

	if (dir->entry->numbers->find(dir, node->number, &again))
		return false;
	pid_put(again.pid);
	return true;
}

static bool still_valid(struct inode *dir, struct dentry *dentry)
{
	const struct proc_node *parent = proc_node_of(dir);
	const struct proc_node *node;

	if (!dentry->inode)
		return false;
	node = proc_node_of(dentry->inode);
	if (is_gone(node))
		return false;
	/* Of the same process, and one of the numbers: a descriptor. (A thread
	 * in task/ may bear its process's pid, too.) */
	if (node->pid && node->pid == parent->pid &&
	    node->is_thread == parent->is_thread && parent->entry->numbers &&
	    parent->entry->numbers->entry == node->entry)
		return is_open(parent, node);
	return true;
}

static bool emit(struct dir_emitter *emitter, const struct proc_node *node,
		 const char *name, loff_t next)
{
	return emitter->emit(emitter, name, strlen(name), node_ino(node),
			     node->entry->mode >> 12, next);
}

/* ".", "..", and the table. False: the buffer is full. */
static bool emit_table(const struct proc_node *dir, struct dir_emitter *emitter,
		       loff_t *pos)
{
	struct proc_node child = *dir;

	while (*pos < FIRST_CHILD) {
		if (!emit(emitter, dir, *pos == 0 ? "." : "..", *pos + 1))
			return false;
		++*pos;
	}
	for (const struct proc_entry *e = dir->entry->children; e && e->name;
	     e++) {
		loff_t at = FIRST_CHILD + (e - dir->entry->children);

		if (*pos > at)
			continue;
		child.entry = e;
		if (!emit(emitter, &child, e->name, at + 1))
			return false;
		*pos = at + 1;
	}
	return true;
}

static void emit_numbers(const struct proc_node *dir,
			 struct dir_emitter *emitter, loff_t *pos)
{
	const struct proc_numbers *numbers = dir->entry->numbers;
	int number = (int)(*pos - FIRST_NUMBER);
	char name[16];

	while (numbers->next(dir, &number)) {
		struct proc_node child = *dir;

		child.entry = numbers->entry;
		if (!numbers->find(dir, number, &child)) {
			bool taken;

			format_string(name, sizeof(name), "%d", number);
			taken = emit(emitter, &child, name,
				     FIRST_NUMBER + number + 1);
			pid_put(child.pid);
			if (!taken)
				return;
		}
		number++;
		*pos = FIRST_NUMBER + number;
	}
}

static int readdir(struct file *file, struct dir_emitter *emitter, loff_t *pos)
{
	const struct proc_node *node = proc_node_of(file->inode);

	if (is_gone(node))
		return -ENOENT;
	if (*pos < FIRST_NUMBER && !emit_table(node, emitter, pos))
		return 0;
	if (!node->entry->numbers)
		return 0;
	if (*pos < FIRST_NUMBER)
		*pos = FIRST_NUMBER;
	emit_numbers(node, emitter, pos);
	return 0;
}

/* ---- Text files ---- */

/* An open text file: file->data. */
struct proc_text {
	struct mutex lock; /* rank LOCK_TTY; held while copying out */
	struct text text;  /* under lock */
	bool filled;       /* under lock */
};

static int generate(const struct proc_node *node, struct text *text)
{
	const struct proc_entry *entry = node->entry;
	struct proc_subject subject;
	int err;

	text_init(text);
	if (entry->constant) {
		text_add_bytes(text, entry->constant, strlen(entry->constant));
		return text->err;
	}
	if (entry->value) {
		text_add(text, "%lu\n", READ_ONCE(entry->value->value));
		return text->err;
	}
	if (!entry->show)
		return -EINVAL;
	err = proc_subject_get(node, &subject);
	if (err)
		return err;
	err = proc_check_access(entry, &subject);
	if (!err)
		err = entry->show(&subject, text);
	proc_subject_put(&subject);
	if (!err)
		err = text->err;
	if (err)
		text_destroy(text);
	return err;
}

static int text_open(struct inode *inode, struct file *file)
{
	const struct proc_node *node = proc_node_of(inode);
	struct proc_subject subject;
	struct proc_text *open;
	int err;

	err = proc_subject_get(node, &subject);
	if (err)
		return err;
	err = proc_check_access(node->entry, &subject);
	proc_subject_put(&subject);
	if (err)
		return err;
	open = kzalloc(sizeof(*open));
	if (!open)
		return -ENOMEM;
	mutex_init(&open->lock, LOCK_TTY);
	file->data = open;
	return 0;
}

static void text_release(struct file *file)
{
	struct proc_text *open = file->data;

	text_destroy(&open->text);
	kfree(open);
}

static ssize_t text_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct proc_text *open = file->data;
	struct text fresh = { 0 };
	bool refill;
	ssize_t done;
	int err;

	mutex_lock(&open->lock);
	refill = *pos == 0 || !open->filled;
	if (refill) {
		mutex_unlock(&open->lock);
		err = generate(proc_node_of(file->inode), &fresh);
		if (err)
			return err;
		mutex_lock(&open->lock);
		text_destroy(&open->text);
		open->text = fresh;
		open->filled = true;
	}
	done = io_copy_text(io, *pos, open->text.data, open->text.size);
	mutex_unlock(&open->lock);
	if (done > 0)
		*pos += done;
	return done;
}

static int store_value(struct proc_value *value, const char *text)
{
	int64_t number;
	int err = proc_parse_number(text, &number);

	if (err)
		return err;
	if (number < 0 || (uint64_t)number < value->min ||
	    (uint64_t)number > value->max)
		return -EINVAL;
	WRITE_ONCE(value->value, (uint64_t)number);
	return 0;
}

static int store(const struct proc_node *node, const char *text, size_t size)
{
	const struct proc_entry *entry = node->entry;
	struct proc_subject subject;
	int err;

	if (entry->value)
		return store_value(entry->value, text);
	if (!entry->store)
		return -EINVAL;
	err = proc_subject_get(node, &subject);
	if (err)
		return err;
	err = entry->store(&subject, text, size);
	proc_subject_put(&subject);
	return err;
}

static ssize_t text_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	size_t size = io->left;
	char *text;
	int err;

	if (size >= PAGE_SIZE)
		return -EINVAL;
	text = kmalloc(size + 1);
	if (!text)
		return -ENOMEM;
	if (io_copy_from(io, text, size) < size) {
		kfree(text);
		return -EFAULT;
	}
	text[size] = '\0';
	err = store(proc_node_of(file->inode), text, size);
	kfree(text);
	if (err)
		return err;
	*pos += (loff_t)size;
	return (ssize_t)size;
}

int proc_parse_number(const char *text, int64_t *number)
{
	bool negative = false;
	const char *end;

	while (*text == ' ' || *text == '\t')
		text++;
	if (*text == '-') {
		negative = true;
		text++;
	}
	if (*text < '0' || *text > '9')
		return -EINVAL;
	*number = (int64_t)parse_u64(text, &end);
	if (negative)
		*number = -*number;
	while (*end == ' ' || *end == '\n' || *end == '\t')
		end++;
	return *end ? -EINVAL : 0;
}

/* ---- Links ---- */

static ssize_t readlink(struct inode *inode, char *buf, size_t size)
{
	struct text text;
	ssize_t len;
	int err;

	err = generate(proc_node_of(inode), &text);
	if (err)
		return err == -ESRCH ? -ENOENT : err;
	len = (ssize_t)MIN(text.size, size);
	memcpy(buf, text.data, (size_t)len);
	text_destroy(&text);
	return len;
}

static int jump(struct inode *inode, struct path *out)
{
	const struct proc_node *node = proc_node_of(inode);
	struct proc_subject subject;
	int err;

	err = proc_subject_get(node, &subject);
	if (err)
		return -ENOENT;
	err = proc_check_access(node->entry, &subject);
	if (!err)
		err = node->entry->jump(&subject, out);
	proc_subject_put(&subject);
	return err;
}

void proc_add_path(struct text *text, const struct path *path, bool escaped)
{
	struct fs_context *fs = current()->fs;
	char *buf = kmalloc(MAX_LINK);
	struct path root;
	char *name;
	int err;

	if (!buf) {
		text->err = -ENOMEM;
		return;
	}
	spin_lock(&fs->lock);
	root = fs->root;
	path_get(&root);
	spin_unlock(&fs->lock);
	err = path_name(path, &root, buf, MAX_LINK, &name);
	path_put(&root);
	if (err == -ENAMETOOLONG)
		text->err = err;
	else if (escaped)
		text_add_escaped(text, name);
	else
		text_add_bytes(text, name, strlen(name));
	kfree(buf);
}

/* ---- The file system ---- */

/* Nothing can be made here; Linux says so as if there were no such place. */

static int refuse_create(struct inode *dir, const char *name, size_t len,
			 uint32_t mode, uint64_t rdev, struct inode **out)
{
	return -ENOENT;
}

static int refuse_mkdir(struct inode *dir, const char *name, size_t len,
			uint32_t mode, struct inode **out)
{
	return -ENOENT;
}

static int refuse_symlink(struct inode *dir, const char *name, size_t len,
			  const char *target, struct inode **out)
{
	return -ENOENT;
}

static const struct inode_ops directory_ops = {
	.lookup = lookup,
	.create = refuse_create,
	.mkdir = refuse_mkdir,
	.symlink = refuse_symlink,
	.refresh = refresh,
	.still_valid = still_valid,
};

static const struct inode_ops file_inode_ops = {
	.refresh = refresh,
};

static const struct inode_ops link_ops = {
	.readlink = readlink,
	.refresh = refresh,
};

static const struct inode_ops jump_ops = {
	.readlink = readlink,
	.jump = jump,
	.refresh = refresh,
};

static const struct file_ops directory_file_ops = {
	.readdir = readdir,
};

static const struct file_ops text_ops = {
	.open = text_open,
	.release = text_release,
	.read = text_read,
	.write = text_write,
};

static int statfs(struct super_block *sb, struct statfs_info *info)
{
	info->block_size = PAGE_SIZE;
	info->max_name = NAME_MAX;
	return 0;
}

static const struct super_ops super_ops = {
	.destroy_inode = destroy_inode,
	.statfs = statfs,
};

/* The one mounted first, kept for ever; names in others go when memory does. */
static struct super_block *first_mounted;

/* Names below /proc/PID go with the process. */
static void process_is_gone(int pid)
{
	char name[16];

	if (!first_mounted)
		return;
	format_string(name, sizeof(name), "%d", pid);
	dentry_forget_name(first_mounted->root, name);
}

static int mount(const struct file_system_type *type, const char *source,
		 unsigned int flags, const char *options,
		 struct super_block **out)
{
	const struct proc_node node = { .entry = &proc_root };
	struct super_block *sb;
	struct inode *root;
	int err;

	sb = super_block_create(type, &super_ops, PROC_SUPER_MAGIC);
	if (!sb)
		return -ENOMEM;
	err = make_inode(sb, &node, &root);
	if (err)
		goto put_sb;
	sb->root = dentry_make_root(sb, root);
	if (!sb->root) {
		err = -ENOMEM;
		goto put_sb;
	}
	if (!first_mounted) {
		refcount_get(&sb->refs);
		first_mounted = sb;
	}
	*out = sb;
	return 0;

put_sb:
	super_block_put(sb);
	return err;
}

void procfs_init(void)
{
	static const struct file_system_type proc_type = {
		.name = "proc",
		.mount = mount,
	};

	if (proc_namespaces_init())
		log_error("proc: no memory for namespaces");
	else
		file_system_register(&proc_type);
	process_set_gone_hook(process_is_gone);
}
