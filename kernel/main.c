/* SPDX-License-Identifier: MIT */
/*
 * main.c - the boot, in the order in which it happens
 *
 * The arch layer has turned the MMU on and jumps to kernel_main() on the boot
 * hart, with a page table that reaches all memory, and the address of the
 * device tree: everything else about the machine is read from there. Each step
 * below may use only what the steps before it have made.
 *
 * Read: OSTEP ch. 6, the "OS @ boot" rows of both protocol tables: the trap
 * table was told to the hardware in arch/riscv/head.S (csrw stvec), the timer
 * starts when the second thread becomes ready.
 */
#include <arch/hart.h>
#include <arch/harts.h>
#include <arch/machine.h>
#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mount.h"
#include "kernel/arch_entry.h"
#include "kernel/block/block.h"
#include "kernel/debug/ktest.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/irq.h"
#include "kernel/dev/random.h"
#include "kernel/dev/serial.h"
#include "kernel/fs/9p/9p.h"
#include "kernel/fs/dev/devfs.h"
#include "kernel/fs/fat/fat.h"
#include "kernel/fs/proc/procfs.h"
#include "kernel/fs/sys/sysfs.h"
#include "kernel/fs/ext4/ext4.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/page_cache.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/deferred.h"
#include "kernel/syscall/dispatch.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/trace/settings.h"
#include "kernel/tty/tty.h"
#include "kernel/vfs/block_file.h"
#include "kernel/vfs/initramfs.h"
#include "kernel/vfs/loop.h"
#include "kernel/vfs/path.h"

/* No device tree is larger (the largest known is some 40 KiB). */
#define DTB_MAX_SIZE (2UL << 20)

/* The initial ramdisk; empty when start == end. */
static paddr_t initrd_start, initrd_end;

static void read_device_tree(paddr_t dtb)
{
	const void *blob = phys_to_virt(dtb);
	ssize_t size = dt_check(blob, DTB_MAX_SIZE);

	if (size < 0 || dt_init(blob))
		halt_machine("no valid device tree at %#lx (a1 at entry)", dtb);
	memory_reserve(dtb, (uint64_t)size);
	boot_args_init(dt_bootargs() ? dt_bootargs() : "");
}

static bool is_memory_node(int node)
{
	const char *type = dt_string(node, "device_type");

	return type && strcmp(type, "memory") == 0 && dt_is_enabled(node);
}

/* Tell mm about RAM, as far as the direct map reaches. */
static void add_memory(void)
{
	int node;

	dt_for_each_node (node) {
		paddr_t start;
		uint64_t size;

		if (!is_memory_node(node))
			continue;
		for (unsigned int i = 0; dt_reg(node, i, &start, &size) == 0;
		     i++) {
			if (start >= DIRECT_MAP_SIZE)
				continue;
			memory_add(start, MIN(size, DIRECT_MAP_SIZE - start));
		}
	}
}

/* The blob's own list: what a boot loader wants left alone. */
static void reserve_listed_memory(void)
{
	paddr_t start;
	uint64_t size;

	for (unsigned int i = 0; dt_memory_reservation(i, &start, &size) == 0;
	     i++)
		memory_reserve(start, size);
}

/* The firmware's own memory, as it declares it. */
static void reserve_firmware_memory(void)
{
	int parent = dt_find_path("/reserved-memory");
	paddr_t start, kernel_start, kernel_end, bank;
	uint64_t size, bank_size;

	arch_kernel_bounds(&kernel_start, &kernel_end);
	if (parent >= 0) {
		for (int node = dt_first_child(parent); node >= 0;
		     node = dt_next_child(node)) {
			for (unsigned int i = 0;
			     dt_reg(node, i, &start, &size) == 0; i++)
				memory_reserve(start, size);
		}
		return;
	}
	/* Old firmware says nothing: it lies between the start of RAM and us.
	 */
	for (unsigned int i = 0; memory_bank(i, &bank, &bank_size); i++) {
		if (kernel_start >= bank && kernel_start < bank + bank_size)
			memory_reserve(bank, kernel_start - bank);
	}
}

/* Does all of it lie in one bank? */
static bool is_in_memory(paddr_t start, paddr_t end)
{
	paddr_t bank;
	uint64_t size;

	for (unsigned int i = 0; memory_bank(i, &bank, &size); i++) {
		if (start >= bank && start < end && end <= bank + size)
			return true;
	}
	return false;
}

static void find_initrd(void)
{
	if (dt_initrd(&initrd_start, &initrd_end)) {
		initrd_start = initrd_end = 0;
	} else if (!is_in_memory(initrd_start, initrd_end)) {
		log_error("the initial ramdisk is outside memory: %#lx to %#lx",
			  initrd_start, initrd_end);
		initrd_start = initrd_end = 0;
	} else {
		memory_reserve(initrd_start, initrd_end - initrd_start);
	}
}

static void find_memory(void)
{
	paddr_t kernel_start, kernel_end;

	arch_kernel_bounds(&kernel_start, &kernel_end);
	add_memory();
	if (!is_in_memory(kernel_start, kernel_end))
		halt_machine("the device tree names no memory where the kernel "
			     "is");
	reserve_listed_memory();
	reserve_firmware_memory();
	memory_reserve(kernel_start, kernel_end - kernel_start);
	find_initrd();
	memory_init();
}

/* The firmware's copy may lie where the final page table does not reach. */
static void keep_device_tree(paddr_t dtb)
{
	const void *blob = phys_to_virt(dtb);
	size_t size = (size_t)dt_check(blob, DTB_MAX_SIZE);
	void *copy = kmalloc(size);

	if (!copy)
		halt_machine("no memory for the device tree (%zu bytes)", size);
	memcpy(copy, blob, size);
	if (dt_init(copy))
		panic("the device tree changed while it was copied");
	boot_args_init(dt_bootargs() ? dt_bootargs() : "");
}

static const char *isa_of(int cpu)
{
	const char *isa = dt_string(cpu, "riscv,isa");

	return isa ? isa : "rv64imafdc";
}

/* Which harts there are; the rule is in docs/boards.md. */
static void find_harts(void)
{
	int cpus = dt_find_path("/cpus");
	bool all_have_sstc = true, all_have_zicboz = true, all_have_zbc = true;
	uint32_t zero_block = 0;
	const char *isa = "rv64imafdc";
	uint32_t frequency = 0;

	for (int cpu = dt_first_child(cpus); cpu >= 0;
	     cpu = dt_next_child(cpu)) {
		uint64_t hartid;

		if (!dt_hart_usable(cpu, &hartid))
			continue;
		if (arch_hart_add(hartid) < 0)
			log_warning("hart %lu is one too many: unused", hartid);
		all_have_sstc &= dt_hart_has(cpu, "sstc");
		all_have_zicboz &= dt_hart_has(cpu, "zicboz");
		all_have_zbc &= dt_hart_has(cpu, "zbc");
		dt_u32(cpu, "riscv,cboz-block-size", &zero_block);
		isa = isa_of(cpu);
		/* Old trees have it in each cpu node. */
		if (!frequency)
			dt_u32(cpu, "timebase-frequency", &frequency);
	}
	if (arch_num_harts() == 0) {
		log_warning("the device tree names no usable hart: going on "
			    "with the boot hart");
		arch_hart_add(arch_boot_hartid());
		all_have_sstc = all_have_zicboz = all_have_zbc = false;
	}
	dt_u32(cpus, "timebase-frequency", &frequency);
	if (!frequency)
		halt_machine("no timebase-frequency in /cpus: time is unknown");
	arch_hart_features(all_have_sstc, isa);
	if (all_have_zicboz)
		arch_use_zero_blocks(zero_block);
	if (all_have_zbc)
		arch_use_clmul();
	clock_init(frequency);
}

static void *trace_alloc(void)
{
	return kmalloc(TRACE_CHUNK_BYTES);
}

/* The share of memory that all rings together take. */
#define TRACE_SHARE      64
#define MIN_TRACE_CHUNKS 2ul
#define MAX_TRACE_CHUNKS 64ul

/* With trace=on, everything that happens from here on has a place. */
static void start_trace(void)
{
	static struct trace_memory memory = {
		.alloc = trace_alloc,
		.free = kfree,
	};
	struct memory_info info;
	uint64_t share;
	int err;

	memory_get_info(&info);
	share = info.total * PAGE_SIZE / TRACE_SHARE / arch_num_harts() /
		TRACE_CHUNK_BYTES;
	memory.chunks = (unsigned int)MIN(MAX(share, MIN_TRACE_CHUNKS),
					  MAX_TRACE_CHUNKS);
	err = trace_init(&memory);
	if (err)
		log_error("trace: no rings of the size asked for: error %d",
			  -err);
}

static void print_banner(void)
{
	struct memory_info info;
	const char *model = dt_model();

	memory_get_info(&info);
	log_info("Creance on %s", model ? model : "a machine without a name");
	arch_firmware_describe();
	/* One machine-readable line a stage: test suites match it. */
	log_info("STAGE boot ok harts=%u boot=%lu ram=%luM entry_ticks=%lu",
		 arch_num_harts(), arch_boot_hartid(), info.total >> 8,
		 arch_entry_ticks());
}

/* Memory, time and threads: after this, locks and allocation work. */
static void start_core(paddr_t dtb)
{
	const char *loglevel;

	read_device_tree(dtb);
	trace_boot_args();
	loglevel = boot_arg("loglevel");
	if (loglevel)
		log_set_console_level((int)parse_u64(loglevel, NULL));
	else if (boot_arg("quiet"))
		log_set_console_level(LOG_WARNING);
	find_memory();
	keep_device_tree(dtb);
	if (arch_paging_init())
		halt_machine("no memory for the kernel's page table");
	find_harts();
	start_trace();
	log_set_clock(clock_now_ns);
	print_banner();
	timers_init();
	sched_init();
}

static void start_devices(void)
{
	random_init();
	block_core_init();
	devices_probe();
	serial_need_console();
	irqchip_hart_init();
	arch_interrupt_sources_on();
	arch_interrupts_on();
}

static void start_file_systems(void)
{
	int err;

	process_init();
	syscall_trace_init();
	vfs_init();
	tmpfs_init();
	ext4_init();
	fat_init();
	p9_init();
	devfs_init();
	procfs_init();
	sysfs_init();
	tty_init();
	deferred_start();
	writeback_init();
	block_init();
	block_files_init();
	loop_init();
	err = vfs_mount_root(&tmpfs_type, "mode=755");
	if (err)
		halt_machine("cannot mount the root file system: error %d",
			     -err);
}

/* The first user-land files, and the memory they came in. */
static void unpack_initrd(void)
{
	size_t size = initrd_end - initrd_start;
	int err;

	if (!size) {
		log_warning("no initial ramdisk (linux,initrd-start)");
		return;
	}
	err = initramfs_unpack(phys_to_virt(initrd_start), size);
	if (err)
		log_error("initial ramdisk: error %d; going on with what was "
			  "unpacked",
			  -err);
	memory_release(initrd_start, size);
}

/* /dev is there before init runs, as on a Linux with devtmpfs. */
static void mount_devices(void)
{
	struct fs_name dev = { .start = NULL, .name = "/dev" };
	int err = vfs_mkdir(dev, 0755);

	if (!err || err == -EEXIST)
		err = vfs_mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	if (err)
		log_error("cannot mount /dev: error %d", -err);
}

/* Which device root= means, as a path of its node. */
static int find_root_disk(const char *root, char *path, size_t size)
{
	struct block_device *bdev;
	int err = block_device_open_name(root, 0, NULL, &bdev);

	if (err)
		return err;
	format_string(path, size, "/dev/%s", bdev->name);
	block_device_close(bdev, NULL);
	return 0;
}

/*
 * root=, unless the initial ramdisk brought an /init, which then looks after
 * that itself. rootfstype=, rootflags=, ro and rw as on Linux.
 */
static void mount_root_disk(void)
{
	const char *root = boot_arg("root"), *options = boot_arg("rootflags");
	unsigned int flags = boot_arg("ro") && !boot_arg("rw") ? MS_RDONLY : 0;
	char path[64];
	int err;

	if (!root || !*root || initrd_end > initrd_start)
		return;
	err = find_root_disk(root, path, sizeof(path));
	if (!err)
		err = vfs_mount_disk_root(path, boot_arg("rootfstype"), flags,
					  options ? options : "");
	if (err)
		halt_machine("root=%s cannot be mounted: error %d", root, -err);
	log_info("root: %s", path);
	mount_devices();
}

static void start_other_harts(void)
{
	const char *max = boot_arg("maxcpus");

	sched_start_harts(max ? (unsigned int)parse_u64(max, NULL)
			      : arch_num_harts());
}

void handle_hart_start(void)
{
	irqchip_hart_init();
	arch_interrupt_sources_on();
	sched_idle_secondary();
}

/* What needs a thread that may sleep; then it becomes the first process. */
static void boot_thread_main(void *unused)
{
	(void)unused;
	start_other_harts();
	start_file_systems();
	unpack_initrd();
	mount_devices();
	devfs_watch_disks();
	mount_root_disk();
	ktest_run(boot_arg("ktest"));
	log_info("STAGE init");
	process_start_init(boot_arg("init"));
}

void kernel_main(paddr_t dtb)
{
	struct thread *boot;

	start_core(dtb);
	start_devices();
	boot = thread_create_kernel("boot", boot_thread_main, NULL);
	if (!boot)
		halt_machine("no memory for the first thread");
	sched_start(boot);
	sched_idle();
}
