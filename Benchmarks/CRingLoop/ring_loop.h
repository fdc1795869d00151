// SPDX-License-Identifier: Apache-2.0
#ifndef NETDD_RING_LOOP_H
#define NETDD_RING_LOOP_H

#include "CRingLoop.h"

#include <stddef.h>
#include <string.h>

#define __XEN_INTERFACE_VERSION__ 0x00040400
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/io/netif.h>

#define PAGE_SIZE 4096

struct c_ring_loop {
    netif_tx_front_ring_t tx_front;
    netif_tx_back_ring_t tx_back;
    netif_rx_front_ring_t rx_front;
    netif_rx_back_ring_t rx_back;
};

// One piece of a packet: one grant copy.
typedef struct {
    grant_ref_t gref;
    uint16_t offset;
    uint16_t size;
} piece;

static inline uint64_t mix(uint64_t hash, uint64_t value) {
    return (hash ^ value) * 0x100000001b3u;
}

// Bytes of a packet that lie in its piece number `index`.
static inline uint32_t piece_size(const c_ring_loop_work *work, uint32_t index) {
    if (index == 0) return work->slot_size;
    uint32_t left = work->packet_size - work->slot_size - (index - 1) * PAGE_SIZE;
    return left < PAGE_SIZE ? left : PAGE_SIZE;
}

#endif
