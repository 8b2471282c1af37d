/* SPDX-License-Identifier: MIT */
/*
 * abi/virtio.h - registers, feature bits and rings of virtio devices
 *
 * An interface to devices rather than to programs, but its header is one of
 * Linux's too. Source: Virtual I/O Device (VIRTIO) 1.2.
 */
#pragma once

#include <linux/virtio_9p.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
