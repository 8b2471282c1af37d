/* SPDX-License-Identifier: MIT */
/*
 * nvme.c - solid-state disks on the PCI bus
 *
 * Idea: commands of 64 bytes go into a ring in memory (submission queue), and
 * answers of 16 bytes come back in another (completion queue); a doorbell
 * register says how far each side has got. A bit in the answer that changes with
 * each turn of the ring tells new answers from old. One pair of rings is for
 * administration, used at boot only and polled; one is for reading and writing.
 *
 * Memory is named by pages (PRP): a command has room for two, more are in a list
 * of its slot. Only the first may begin, and only the last may end, inside a
 * page; the block layer keeps to that (limits.no_gaps).
 *
 * Locks: nvme->lock for the I/O rings and slots, inside block_queue.lock.
 * Source: NVM Express Base Specification 1.4, chapters 3 (registers), 4
 * (queues), 5 (admin commands), 6 (NVM commands). Ran on: QEMU virt.
 * Not used: several I/O queues, MSI-X, SGLs, metadata.
 */
#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/block/queue.h"
#include "kernel/debug/log.h"
#include "kernel/dev/pci.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/device.h"

/* Registers: 3.1. */
enum {
	REG_CAP = 0x00,
	REG_CC = 0x14,
	REG_CSTS = 0x1c,
	REG_AQA = 0x24,
	REG_ASQ = 0x28,
	REG_ACQ = 0x30,
	REG_DOORBELLS = 0x1000,

	CC_ENABLE = 1,
	CC_ENTRY_SIZES = 6 << 16 | 4 << 20, /* 64 and 16 bytes, as powers */
	CSTS_READY = 1,
	CSTS_FATAL = 2,
};

/* Opcodes: 5, 6. */
enum {
	ADMIN_CREATE_SQ = 0x01,
	ADMIN_CREATE_CQ = 0x05,
	ADMIN_IDENTIFY = 0x06,
	NVM_FLUSH = 0x00,
	NVM_WRITE = 0x01,
	NVM_READ = 0x02,
	NVM_WRITE_ZEROES = 0x08,
	NVM_DATASET = 0x09,

	FUA = 1 << 30,
	DEALLOCATE = 1 << 25,
	DATASET_DEALLOCATE = 1 << 2,
	STATUS_BAD_OPCODE = 0x01,
};

enum {
	DEPTH = 64,        /* entries of each ring */
	LIST_ENTRIES = 32, /* pages behind the first */
	MAX_NAMESPACES = 4,
	MAX_CONTROLLERS = 4,
	MAX_SECTORS = LIST_ENTRIES * 8,
	MAJOR = 259, /* blkext of Linux */
	MINORS = 16,
	TIMEOUT_NS = 1000 * 1000 * 1000,
};

struct command {
	uint8_t opcode, flags;
	uint16_t id;
	uint32_t namespace;
	uint64_t reserved, metadata;
	uint64_t prp1, prp2;
	uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
_Static_assert(sizeof(struct command) == 64, "submission queue entry");

struct completion {
	uint32_t result, reserved;
	uint16_t sq_head, sq_id, id;
	uint16_t status; /* bit 0: phase */
};
_Static_assert(sizeof(struct completion) == 16, "completion queue entry");

/* What Dataset Management reads. */
struct range {
	uint32_t attributes, blocks;
	uint64_t first;
};

/* One pair of rings. */
struct ring {
	struct command *sq;             /* written by us */
	volatile struct completion *cq; /* written by the device */
	unsigned int id, sq_tail, cq_head;
	uint16_t phase; /* of a new entry in cq */
};

struct slot {
	struct block_request *head; /* NULL: free */
	uint64_t *list;             /* LIST_ENTRIES; inside one page */
	struct range range;         /* 16 bytes aligned: inside one page */
};

struct nvme {
	struct pci_device *pci; /* fixed */
	volatile char *regs;    /* fixed */
	unsigned int number;    /* fixed; "nvme0" */
	unsigned int stride;    /* bytes between doorbells; fixed */
	bool has_cache, can_zero, can_discard; /* fixed after identify */
	unsigned int max_sectors;              /* the same */
	struct ring admin;                     /* at boot only */

	struct spinlock lock; /* rank LOCK_DEVICE */
	/* Under lock. */
	struct ring io;
	struct slot *slots; /* DEPTH of them, by command id */
	unsigned int in_flight;
};

struct namespace
{
	struct nvme *nvme;  /* fixed */
	uint32_t id;        /* fixed; 1.. */
	unsigned int shift; /* fixed; a block is 512 << shift bytes */
	struct block_queue *queue;
};

static unsigned int num_controllers; /* at boot only */

/* ---- Rings ---------------------------------------------------------------------- */

static void put64(struct nvme *nvme, unsigned int reg, uint64_t value)
{
	mmio_write32(nvme->regs + reg, (uint32_t)value);
	mmio_write32(nvme->regs + reg + 4, (uint32_t)(value >> 32));
}

static int ring_create(struct ring *ring, unsigned int id)
{
	struct page *sq = page_alloc(0, ALLOC_ZERO);
	struct page *cq = page_alloc(0, ALLOC_ZERO);

	if (!sq || !cq) {
		if (sq)
			page_put(sq);
		if (cq)
			page_put(cq);
		return -ENOMEM;
	}
	ring->sq = page_address(sq);
	ring->cq = page_address(cq);
	ring->id = id;
	ring->phase = 1;
	return 0;
}

static void ring_bell(struct nvme *nvme, const struct ring *ring,
		      bool completion, unsigned int value)
{
	unsigned int index = 2 * ring->id + completion;

	mmio_barrier(); /* the entries before the doorbell */
	mmio_write32(nvme->regs + REG_DOORBELLS + (size_t)index * nvme->stride,
		     value);
}

static void ring_add(struct ring *ring, const struct command *command)
{
	ring->sq[ring->sq_tail] = *command;
	ring->sq_tail = (ring->sq_tail + 1) % DEPTH;
}

/* The next answer; false: there is none. */
static bool ring_take(struct ring *ring, uint16_t *id, uint16_t *status)
{
	volatile struct completion *entry = &ring->cq[ring->cq_head];
	uint16_t word = entry->status;

	if ((word & 1) != ring->phase)
		return false;
	mmio_barrier(); /* the phase before the rest */
	*id = entry->id;
	*status = word >> 1;
	if (++ring->cq_head == DEPTH) {
		ring->cq_head = 0;
		ring->phase ^= 1;
	}
	return true;
}

/* ---- Administration: polled, at boot ------------------------------------------------- */

static int admin(struct nvme *nvme, struct command *command)
{
	uint64_t limit = clock_now_ns() + TIMEOUT_NS;
	uint16_t id, status;

	ring_add(&nvme->admin, command);
	ring_bell(nvme, &nvme->admin, false, nvme->admin.sq_tail);
	while (!ring_take(&nvme->admin, &id, &status)) {
		if (clock_now_ns() > limit)
			return -ETIMEDOUT;
	}
	ring_bell(nvme, &nvme->admin, true, nvme->admin.cq_head);
	return status & 0x7ff ? -EIO : 0;
}

/* @what: 0 a namespace, 1 the controller. 4 KiB into @page. */
static int identify(struct nvme *nvme, uint32_t namespace, uint32_t what,
		    struct page *page)
{
	struct command command = {
		.opcode = ADMIN_IDENTIFY,
		.namespace = namespace,
		.prp1 = page_to_phys(page),
		.cdw10 = what,
	};

	return admin(nvme, &command);
}

static int create_io_ring(struct nvme *nvme)
{
	struct ring *ring = &nvme->io;
	struct command cq = {
		.opcode = ADMIN_CREATE_CQ,
		.prp1 = virt_to_phys((const void *)(uintptr_t)ring->cq),
		.cdw10 = (DEPTH - 1) << 16 | ring->id,
		.cdw11 = 1 | 2, /* contiguous; interrupts, vector 0 */
	};
	struct command sq = {
		.opcode = ADMIN_CREATE_SQ,
		.prp1 = virt_to_phys(ring->sq),
		.cdw10 = (DEPTH - 1) << 16 | ring->id,
		.cdw11 = ring->id << 16 | 1, /* its answers; contiguous */
	};
	int err = admin(nvme, &cq);

	return err ? err : admin(nvme, &sq);
}

/* ---- Requests ---------------------------------------------------------------------------- */

static const uint8_t opcodes[] = {
	[BLOCK_READ] = NVM_READ,
	[BLOCK_WRITE] = NVM_WRITE,
	[BLOCK_FLUSH] = NVM_FLUSH,
	[BLOCK_DISCARD] = NVM_DATASET,
	[BLOCK_WRITE_ZEROES] = NVM_WRITE_ZEROES,
};

/* Name the head's memory, a page each. */
static void set_memory(struct command *command, struct slot *slot,
		       const struct block_request *head)
{
	struct block_segment_iter iter;
	const struct block_segment *segment;
	unsigned int count = 0;
	uint64_t *last = &command->prp2;

	block_segments_begin(&iter, head);
	segment = block_segments_next(&iter);
	command->prp1 = page_to_phys(segment->page) + segment->offset;
	while ((segment = block_segments_next(&iter))) {
		slot->list[count++] =
			page_to_phys(segment->page) + segment->offset;
	}
	if (count == 1)
		*last = slot->list[0];
	else if (count > 1)
		*last = virt_to_phys(slot->list);
}

static void set_place(struct command *command, const struct namespace *ns,
		      const struct block_request *head)
{
	uint64_t block = head->disk_sector >> ns->shift;
	uint64_t blocks = head->chain_sectors >> ns->shift;

	command->cdw10 = (uint32_t)block;
	command->cdw11 = (uint32_t)(block >> 32);
	command->cdw12 = (uint32_t)(blocks - 1);
}

static void set_range(struct command *command, const struct namespace *ns,
		      struct slot *slot, const struct block_request *head)
{
	slot->range.attributes = 0;
	slot->range.blocks = (uint32_t)(head->num_sectors >> ns->shift);
	slot->range.first = head->disk_sector >> ns->shift;
	command->prp1 = virt_to_phys(&slot->range);
	command->cdw10 = 0; /* one range */
	command->cdw11 = DATASET_DEALLOCATE;
}

static void fill(struct command *command, const struct namespace *ns,
		 struct slot *slot, const struct block_request *head)
{
	command->opcode = opcodes[head->now];
	command->namespace = ns->id;
	switch (head->now) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		set_memory(command, slot, head);
		set_place(command, ns, head);
		if (head->now == BLOCK_WRITE && head->flags & BLOCK_FUA)
			command->cdw12 |= FUA;
		break;
	case BLOCK_WRITE_ZEROES:
		set_place(command, ns, head);
		if (!(head->flags & BLOCK_NO_UNMAP))
			command->cdw12 |= DEALLOCATE;
		break;
	case BLOCK_DISCARD:
		set_range(command, ns, slot, head);
		break;
	case BLOCK_FLUSH:
		break;
	}
}

/* A slot that is free; NULL: the ring is full. */
static struct slot *take_slot(struct nvme *nvme, uint16_t *id)
	MUST_HOLD(nvme->lock)
{
	if (nvme->in_flight == DEPTH - 1)
		return NULL;
	for (unsigned int i = 0; i < DEPTH; i++) {
		if (!nvme->slots[i].head) {
			*id = (uint16_t)i;
			nvme->in_flight++;
			return &nvme->slots[i];
		}
	}
	return NULL;
}

static int nvme_start(struct block_queue *queue, struct block_request *head)
{
	struct namespace *ns = queue->data;
	struct nvme *nvme = ns->nvme;
	struct command command = { .opcode = 0 };
	struct slot *slot;

	spin_lock(&nvme->lock);
	slot = take_slot(nvme, &command.id);
	if (slot) {
		slot->head = head;
		fill(&command, ns, slot, head);
		ring_add(&nvme->io, &command);
	}
	spin_unlock(&nvme->lock);
	return slot ? 0 : -EBUSY;
}

static void nvme_kick(struct block_queue *queue)
{
	struct namespace *ns = queue->data;
	struct nvme *nvme = ns->nvme;

	spin_lock(&nvme->lock);
	ring_bell(nvme, &nvme->io, false, nvme->io.sq_tail);
	spin_unlock(&nvme->lock);
}

static int error_of(uint16_t status)
{
	if (!(status & 0x7ff))
		return 0;
	return (status & 0x7ff) == STATUS_BAD_OPCODE ? -EOPNOTSUPP : -EIO;
}

/* One that is done; NULL: there is none. */
static struct block_request *take_done(struct nvme *nvme, int *error)
{
	struct block_request *head = NULL;
	uint16_t id, status;

	spin_lock(&nvme->lock);
	while (!head && ring_take(&nvme->io, &id, &status)) {
		ring_bell(nvme, &nvme->io, true, nvme->io.cq_head);
		/* The device's word is not trusted. */
		if (id >= DEPTH || !nvme->slots[id].head) {
			log_error("nvme%u: an answer to command %u, which was "
				  "not given",
				  nvme->number, id);
			continue;
		}
		head = nvme->slots[id].head;
		nvme->slots[id].head = NULL;
		nvme->in_flight--;
		*error = error_of(status);
	}
	spin_unlock(&nvme->lock);
	return head;
}

static void nvme_interrupt(void *arg)
{
	struct nvme *nvme = arg;
	struct block_request *head;
	int error;

	while ((head = take_done(nvme, &error)))
		block_queue_complete(head, error);
}

static const struct block_queue_ops nvme_ops = {
	.start = nvme_start,
	.kick = nvme_kick,
};

/* ---- Probe: the controller ----------------------------------------------------------------- */

static int wait_ready(struct nvme *nvme, bool ready)
{
	/* The unit of CAP.TO is half a second. */
	uint64_t limit = clock_now_ns() +
			 ((mmio_read32(nvme->regs + REG_CAP) >> 24 & 0xff) +
			  1) * (NSEC_PER_SEC / 2);

	for (;;) {
		uint32_t status = mmio_read32(nvme->regs + REG_CSTS);

		if (ready && (status & CSTS_FATAL))
			return -EIO;
		if (!!(status & CSTS_READY) == ready)
			return 0;
		if (clock_now_ns() > limit)
			return -ETIMEDOUT;
	}
}

static int start_controller(struct nvme *nvme)
{
	uint32_t high = mmio_read32(nvme->regs + REG_CAP + 4);
	int err;

	if (high >> 16 & 0xf) /* MPSMIN: wants pages larger than 4 KiB */
		return -EINVAL;
	nvme->stride = 4u << (high & 0xf);
	mmio_write32(nvme->regs + REG_CC, 0);
	err = wait_ready(nvme, false);
	if (err)
		return err;
	mmio_write32(nvme->regs + REG_AQA, (DEPTH - 1) << 16 | (DEPTH - 1));
	put64(nvme, REG_ASQ, virt_to_phys(nvme->admin.sq));
	put64(nvme, REG_ACQ,
	      virt_to_phys((const void *)(uintptr_t)nvme->admin.cq));
	mmio_write32(nvme->regs + REG_CC, CC_ENTRY_SIZES | CC_ENABLE);
	return wait_ready(nvme, true);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) | (uint32_t)p[3] << 24;
}

/* Returns how many namespaces there are, or an error. */
static int read_controller(struct nvme *nvme, struct page *page)
{
	const uint8_t *data = page_address(page);
	int err = identify(nvme, 0, 1, page);
	unsigned int log2_pages;

	if (err)
		return err;
	log2_pages = data[77]; /* MDTS; 0: no limit */
	nvme->max_sectors = MAX_SECTORS;
	if (log2_pages && log2_pages < 6)
		nvme->max_sectors = MIN(nvme->max_sectors, 8u << log2_pages);
	nvme->can_discard = data[520] & 4;
	nvme->can_zero = data[520] & 8;
	nvme->has_cache = data[525] & 1;
	return (int)MIN(get32(data + 516), (uint32_t)MAX_NAMESPACES);
}

static int make_slots(struct nvme *nvme)
{
	const unsigned int per_page =
		PAGE_SIZE / (LIST_ENTRIES * sizeof(uint64_t));
	struct page *page = NULL;

	nvme->slots = kcalloc(DEPTH, sizeof(*nvme->slots));
	if (!nvme->slots)
		return -ENOMEM;
	for (unsigned int i = 0; i < DEPTH; i++) {
		if (i % per_page == 0)
			page = page_alloc(0, 0);
		if (!page)
			return -ENOMEM;
		nvme->slots[i].list = (uint64_t *)page_address(page) +
				      (size_t)(i % per_page) * LIST_ENTRIES;
	}
	return 0;
}

/* ---- Probe: its namespaces ------------------------------------------------------------------- */

static int read_namespace(struct namespace *ns, struct page *page,
			  struct block_limits *limits)
{
	const uint8_t *data = page_address(page);
	int err = identify(ns->nvme, ns->id, 0, page);
	uint64_t blocks;
	unsigned int log2_size;

	if (err)
		return err;
	blocks = get32(data) | (uint64_t)get32(data + 4) << 32;
	log2_size = data[128 + 4 * (data[26] & 15) + 2];
	if (!blocks)
		return -ENODEV;
	if (log2_size < 9 || log2_size > PAGE_SHIFT)
		return -EINVAL;
	ns->shift = log2_size - 9;
	memset(limits, 0, sizeof(*limits));
	limits->num_sectors = blocks << ns->shift;
	limits->logical_block_size = 1u << log2_size;
	limits->physical_block_size = limits->logical_block_size;
	limits->max_segments = LIST_ENTRIES + 1;
	limits->max_sectors = ns->nvme->max_sectors;
	limits->no_gaps = true;
	limits->can_flush = ns->nvme->has_cache;
	limits->can_fua = ns->nvme->has_cache;
	/* The count of blocks has 16 bits there. */
	if (ns->nvme->can_zero)
		limits->max_zeroes_sectors = UINT16_MAX << ns->shift;
	if (ns->nvme->can_discard)
		limits->max_discard_sectors = 1u << 22;
	return 0;
}

static int add_namespace(struct nvme *nvme, uint32_t id, struct page *page)
{
	struct namespace *ns = kzalloc(sizeof(*ns));
	struct block_device *disk;
	struct block_limits limits;
	char name[BLOCK_NAME_SIZE];
	int err;

	if (!ns)
		return -ENOMEM;
	ns->nvme = nvme;
	ns->id = id;
	err = read_namespace(ns, page, &limits);
	if (err)
		goto free_ns;
	err = -ENOMEM;
	ns->queue = block_queue_create(&nvme_ops, &limits, ns);
	if (!ns->queue)
		goto free_ns;
	format_string(name, sizeof(name), "nvme%un%u", nvme->number, id);
	return block_disk_add(
		ns->queue, name,
		device_number(MAJOR, (nvme->number * MAX_NAMESPACES + id - 1) *
					     MINORS),
		MINORS - 1, &disk);

free_ns:
	kfree(ns);
	return err == -ENODEV ? 0 : err;
}

static int add_namespaces(struct nvme *nvme)
{
	struct page *page = page_alloc(0, ALLOC_ZERO);
	int count, err = 0;

	if (!page)
		return -ENOMEM;
	count = read_controller(nvme, page);
	if (count < 0)
		err = count;
	else
		err = create_io_ring(nvme);
	for (int id = 1; id <= count && !err; id++)
		err = add_namespace(nvme, (uint32_t)id, page);
	page_put(page);
	return err;
}

static int nvme_probe(struct device *dev)
{
	struct pci_device *pci = dev->bus;
	struct nvme *nvme;
	int err;

	if (num_controllers == MAX_CONTROLLERS)
		return -ENOSPC;
	nvme = kzalloc(sizeof(*nvme));
	if (!nvme)
		return -ENOMEM;
	nvme->pci = pci;
	nvme->number = num_controllers;
	spin_init(&nvme->lock, LOCK_DEVICE);
	err = pci_map_bar(pci, 0, &nvme->regs);
	if (err)
		return err;
	pci_enable(pci);
	err = ring_create(&nvme->admin, 0);
	if (!err)
		err = ring_create(&nvme->io, 1);
	if (!err)
		err = make_slots(nvme);
	if (!err)
		err = start_controller(nvme);
	if (!err)
		err = pci_attach_irq(pci, nvme_interrupt, nvme);
	if (!err)
		err = add_namespaces(nvme);
	/* What was made stays: the device may know where it is. */
	if (err)
		return err;
	dev->data = nvme;
	num_controllers++;
	return 0;
}

static const struct dt_match nvme_match[] = {
	{ .compatible = "pciclass,010802" },
	{},
};

DRIVER(nvme) = {
	.name = "nvme",
	.class = CLASS_BLOCK,
	.match = nvme_match,
	.probe = nvme_probe,
};
