// SPDX-License-Identifier: Apache-2.0
// One page of ring taken through whole cycles with Xen's macros: what the Swift loops are timed
// against. Both ends run on the calling thread.
#ifndef NETDD_C_RING_LOOP_H
#define NETDD_C_RING_LOOP_H

#include <stdbool.h>
#include <stdint.h>

// The packets of one cycle, and the memory that they are copied from and to.
typedef struct {
    uint8_t *guest;         // granted pages: page g belongs to grant reference g
    uint8_t *arena;         // the backend's own pages, as many
    uint32_t packet_count;  // packets of a cycle; all their slots fit in the ring
    uint32_t slot_size;     // bytes in the first slot
    uint32_t packet_size;   // bytes of a packet
    uint32_t piece_count;   // data slots of a packet
    uint16_t segment_size;  // not 0: the packet has an extra info for segmentation
    bool copying;           // whether the bytes are copied
} c_ring_loop_work;

// Both ends of one ring.
typedef struct c_ring_loop c_ring_loop;

// A page of zeroes becomes a Tx ring, another an Rx ring; both stay the caller's.
c_ring_loop *c_ring_loop_create(void *tx_page, void *rx_page);
void c_ring_loop_destroy(c_ring_loop *loop);

// Runs `cycles` times: requests in, packets out, responses in. Returns a hash of what each end saw.
uint64_t c_ring_loop_transmit(c_ring_loop *loop, const c_ring_loop_work *work, uint32_t cycles);
uint64_t c_ring_loop_receive(c_ring_loop *loop, const c_ring_loop_work *work, uint32_t cycles);

// Copies the bytes of the same packets between the same places, with nothing around it.
void c_ring_loop_copy_transmit(const c_ring_loop_work *work, uint32_t cycles);
void c_ring_loop_copy_receive(const c_ring_loop_work *work, uint32_t cycles);

// The compiler that made this.
const char *c_ring_loop_compiler(void);

#endif
