/* SPDX-License-Identifier: MIT */
/*
 * process_files.c - the files of a process: fd/, fdinfo/, cwd, root, exe, ns/
 *
 * Links here lead to the object itself, whatever its name is now: an open
 * file that was deleted, a pipe. Their text is only for people.
 */
#include "kernel/fs/proc/internal.h"

#include "kernel/abi/fs.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_space.h"

#include <linux/nsfs.h>

/* ---- Descriptors ---- */

/* With a reference, or NULL. */
static struct file *get_file(const struct proc_subject *subject)
{
	struct fd_table *table = process_files_get(subject->process);
	struct file *file;

	if (!table)
		return NULL;
	file = fd_table_get(table, (unsigned int)subject->number);
	fd_table_put(table);
	return file;
}

static bool next_descriptor(const struct proc_node *dir, int *number)
{
	struct proc_subject subject;
	struct fd_table *table;
	int next = -1;

	if (proc_subject_get(dir, &subject))
		return false;
	table = process_files_get(subject.process);
	if (table && !proc_check_access(dir->entry, &subject))
		next = fd_table_next(table, (unsigned int)*number);
	if (table)
		fd_table_put(table);
	proc_subject_put(&subject);
	if (next >= 0)
		*number = next;
	return next >= 0;
}

static int find_descriptor(const struct proc_node *dir, int number,
			   struct proc_node *child)
{
	struct proc_subject subject;
	struct file *file = NULL;
	int err;

	err = proc_subject_get(dir, &subject);
	if (err)
		return -ENOENT;
	subject.number = number;
	err = proc_check_access(dir->entry, &subject);
	if (!err)
		file = get_file(&subject);
	proc_subject_put(&subject);
	if (err)
		return err;
	if (!file)
		return -ENOENT;
	file_put(file);
	child->number = number;
	pid_get(child->pid);
	return 0;
}

static int show_descriptor(const struct proc_subject *subject,
			   struct text *text)
{
	struct file *file = get_file(subject);

	if (!file)
		return -ENOENT;
	proc_add_path(text, &file->path, false);
	file_put(file);
	return 0;
}

static int jump_descriptor(const struct proc_subject *subject, struct path *out)
{
	struct file *file = get_file(subject);

	if (!file)
		return -ENOENT;
	*out = file->path;
	path_get(out);
	file_put(file);
	return 0;
}

/* Links to descriptors show how they are open. */
static uint32_t descriptor_permissions(const struct proc_subject *subject)
{
	struct file *file = get_file(subject);
	uint32_t permissions = 0;

	if (!file)
		return 0;
	if ((file->flags & O_ACCMODE) != O_WRONLY)
		permissions |= S_IRUSR | S_IXUSR;
	if ((file->flags & O_ACCMODE) != O_RDONLY)
		permissions |= S_IWUSR | S_IXUSR;
	file_put(file);
	return permissions;
}

static const struct proc_entry descriptor_entry = {
	"FD",
	S_IFLNK | 0700,
	.guarded = true,
	.show = show_descriptor,
	.jump = jump_descriptor,
	.permissions = descriptor_permissions,
};

const struct proc_numbers proc_descriptors = {
	.next = next_descriptor,
	.find = find_descriptor,
	.entry = &descriptor_entry,
};

static int show_descriptor_info(const struct proc_subject *subject,
				struct text *text)
{
	struct file *file = get_file(subject);
	char more[512] = "";

	if (!file)
		return -ENOENT;
	text_add(text, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n",
		 (long)READ_ONCE(file->pos), READ_ONCE(file->flags),
		 file->path.mount ? file->path.mount->id : 0, file->inode->ino);
	if (file->ops && file->ops->show_fdinfo) {
		file->ops->show_fdinfo(file, more, sizeof(more));
		text_add_bytes(text, more, strlen(more));
	}
	file_put(file);
	return 0;
}

static const struct proc_entry descriptor_info_entry = {
	"FD", PROC_FILE, .guarded = true, .show = show_descriptor_info
};

const struct proc_numbers proc_descriptor_infos = {
	.next = next_descriptor,
	.find = find_descriptor,
	.entry = &descriptor_info_entry,
};

/* ---- Places ---- */

int proc_jump_exe(const struct proc_subject *subject, struct path *out)
{
	struct vm_space *space = process_vm_get(subject->process);
	int err = -ENOENT;

	if (!space)
		return err;
	mutex_lock(&space->lock);
	if (space->exe) {
		*out = space->exe->path;
		path_get(out);
		err = 0;
	}
	mutex_unlock(&space->lock);
	vm_space_put(space);
	return err;
}

static int jump_place(const struct proc_subject *subject, bool root,
		      struct path *out)
{
	struct fs_context *fs = process_fs_get(subject->process);

	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	spin_unlock(&fs->lock);
	fs_context_put(fs);
	return 0;
}

int proc_jump_cwd(const struct proc_subject *subject, struct path *out)
{
	return jump_place(subject, false, out);
}

int proc_jump_root(const struct proc_subject *subject, struct path *out)
{
	return jump_place(subject, true, out);
}

/* The text of a link is the name of what it jumps to. */
static int show_target(const struct proc_subject *subject, struct text *text,
		       int (*jump)(const struct proc_subject *subject,
				   struct path *out))
{
	struct path path;
	int err = jump(subject, &path);

	if (err)
		return err;
	proc_add_path(text, &path, false);
	path_put(&path);
	return 0;
}

int proc_show_exe(const struct proc_subject *subject, struct text *text)
{
	return show_target(subject, text, proc_jump_exe);
}

int proc_show_cwd(const struct proc_subject *subject, struct text *text)
{
	return show_target(subject, text, proc_jump_cwd);
}

int proc_show_root_link(const struct proc_subject *subject, struct text *text)
{
	return show_target(subject, text, proc_jump_root);
}

/* ---- Namespaces: one of each kind, shared by all ---- */

/* NSFS_MAGIC of Linux. */
#define NAMESPACE_FS 0x6e736673

static struct super_block *namespace_super_block; /* fixed after boot */

/* "pid:[4026531836]"; what is in force for children is the same. */
static int show_namespace(const struct proc_subject *subject, struct text *text)
{
	const char *name = subject->entry->name;
	const char *end = strstr(name, "_for_children");

	text_add_bytes(text, name, end ? (size_t)(end - name) : strlen(name));
	text_add(text, ":[%lu]", subject->entry->data);
	return 0;
}

/* ioctl_ns(2): the first namespaces have no parent and no owner to show. */
static long namespace_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	return cmd == NS_GET_PARENT || cmd == NS_GET_USERNS ? -EPERM : -ENOTTY;
}

static const struct file_ops namespace_file_ops = {
	.ioctl = namespace_ioctl,
};

/* To an inode that programs can compare with that of another process. */
static int jump_namespace(const struct proc_subject *subject, struct path *out)
{
	static const struct inode_ops ops;
	struct inode *inode =
		inode_create(namespace_super_block, NULL, S_IFREG | 0444);

	if (!inode)
		return -ENOMEM;
	inode->ops = &ops;
	inode->file_ops = &namespace_file_ops;
	inode->ino = subject->entry->data;
	out->mount = NULL;
	out->dentry = dentry_make_anonymous(inode, subject->entry->name);
	return out->dentry ? 0 : -ENOMEM;
}

#define NAMESPACE(name, ino)                                                   \
	{                                                                      \
		name, PROC_LINK, .show = show_namespace,                       \
				 .jump = jump_namespace, .data = ino           \
	}

/* The numbers are those of Linux's first namespaces. */
const struct proc_entry proc_namespaces[] = {
	NAMESPACE("cgroup", 4026531835UL),
	NAMESPACE("ipc", 4026531839UL),
	NAMESPACE("mnt", 4026531841UL),
	NAMESPACE("net", 4026531840UL),
	NAMESPACE("pid", 4026531836UL),
	NAMESPACE("pid_for_children", 4026531836UL),
	NAMESPACE("time", 4026531834UL),
	NAMESPACE("time_for_children", 4026531834UL),
	NAMESPACE("user", 4026531837UL),
	NAMESPACE("uts", 4026531838UL),
	{},
};

static const struct super_ops namespace_super_ops = {
	.destroy_inode = inode_free,
};

int proc_namespaces_init(void)
{
	static const struct file_system_type type = { .name = "nsfs" };

	namespace_super_block =
		super_block_create(&type, &namespace_super_ops, NAMESPACE_FS);
	return namespace_super_block ? 0 : -ENOMEM;
}
