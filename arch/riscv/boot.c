/* SPDX-License-Identifier: MIT */
/*
 * boot.c - the first page table, and the boot hart's way to kernel_main()
 *
 * Idea: the first table is as simple as can be: the image at its linked
 * address in 2 MiB pages, and all of the direct map in 1 GiB pages, RAM or
 * not. That reaches the device tree wherever it lies. arch_paging_init() makes
 * the real one when memory is known.
 */
#include <arch/hart.h>
#include <arch/harts.h>
#include <arch/page_table.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/pte.h"
#include "arch/riscv/sbi.h"
#include "kernel/arch_entry.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/settings.h"

extern char kernel_start[], kernel_end[];
extern uint64_t boot_hartid;

/* Where the image was loaded. */
paddr_t kernel_load_address;

/* The boot code's thread; it becomes this hart's idle thread. */
struct thread boot_thread;

static pte_t boot_root[PT_ENTRIES] __aligned(PAGE_SIZE);
static pte_t boot_image[PT_ENTRIES] __aligned(PAGE_SIZE);

static uint64_t entry_ticks;

uint64_t boot_page_table(paddr_t load_address);
void boot_hart_main(uint64_t hartid, paddr_t dtb) __noreturn;

/*
 * Called from head.S with the MMU off, at the load address: only pc-relative
 * addresses may be used, so no switch statements and no tables of pointers.
 * Returns the value for satp.
 */
uint64_t boot_page_table(paddr_t load_address)
{
	const pte_t rwx = PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D;
	const pte_t rw = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
	size_t size = (size_t)(kernel_end - kernel_start);

	kernel_load_address = load_address;
	for (size_t at = 0; at < size; at += PT_SIZE(1))
		boot_image[PT_INDEX(KERNEL_WINDOW + at, 1)] =
			phys_to_pte(load_address + at) | rwx;
	boot_root[PT_INDEX(KERNEL_WINDOW, 2)] =
		phys_to_pte((paddr_t)boot_image) | PTE_V;

	for (size_t at = 0; at < DIRECT_MAP_SIZE; at += PT_SIZE(2))
		boot_root[PT_INDEX(DIRECT_MAP_BASE + at, 2)] =
			phys_to_pte(at) | rw;

	return SATP_MODE_SV39 | ((paddr_t)boot_root >> PAGE_SHIFT);
}

/* From head.S, MMU on, on the boot stack, as boot_thread. */
void boot_hart_main(uint64_t hartid, paddr_t dtb)
{
	entry_ticks = arch_time_ticks();
	boot_hartid = hartid;
	kernel_page_table.root = boot_root;
	trace_start_boot();
	TRACE_BOOT(TRAP_TABLE, csr_read(stvec), hartid);
	sbi_init();
	kernel_main(dtb);
}

uint64_t arch_entry_ticks(void)
{
	return entry_ticks;
}

void arch_interrupt_sources_on(void)
{
	/* time, cycle and instret may be read by programs (vDSO). */
	csr_write(scounteren, 7);
	csr_write(sie, SIE_SSIE | SIE_STIE | SIE_SEIE);
}
