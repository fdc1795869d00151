// SPDX-License-Identifier: Apache-2.0
#include "ring_loop.h"

#include <stdlib.h>

c_ring_loop *c_ring_loop_create(void *tx_page, void *rx_page) {
    c_ring_loop *loop = malloc(sizeof(*loop));
    if (!loop) abort();
    netif_tx_sring_t *tx = tx_page;
    SHARED_RING_INIT(tx);
    FRONT_RING_INIT(&loop->tx_front, tx, PAGE_SIZE);
    BACK_RING_INIT(&loop->tx_back, tx, PAGE_SIZE);
    netif_rx_sring_t *rx = rx_page;
    SHARED_RING_INIT(rx);
    FRONT_RING_INIT(&loop->rx_front, rx, PAGE_SIZE);
    BACK_RING_INIT(&loop->rx_back, rx, PAGE_SIZE);
    return loop;
}

void c_ring_loop_destroy(c_ring_loop *loop) { free(loop); }

// The compiler must believe that someone looks at the bytes between two cycles.
static void copied(void) { __asm__ volatile("" ::: "memory"); }

void c_ring_loop_copy_transmit(const c_ring_loop_work *work, uint32_t cycles) {
    for (uint32_t cycle = 0; cycle < cycles; cycle++) {
        size_t page = 0;
        for (uint32_t p = 0; p < work->packet_count; p++) {
            for (uint32_t i = 0; i < work->piece_count; i++, page++) {
                size_t offset = page * PAGE_SIZE;
                memcpy(work->arena + offset, work->guest + offset, piece_size(work, i));
            }
        }
        copied();
    }
}

void c_ring_loop_copy_receive(const c_ring_loop_work *work, uint32_t cycles) {
    for (uint32_t cycle = 0; cycle < cycles; cycle++) {
        size_t page = 0, buffer = 0;
        for (uint32_t p = 0; p < work->packet_count; p++) {
            for (uint32_t offset = 0; offset < work->packet_size; offset += PAGE_SIZE) {
                uint32_t left = work->packet_size - offset;
                uint32_t size = left < PAGE_SIZE ? left : PAGE_SIZE;
                memcpy(
                    work->guest + buffer++ * PAGE_SIZE, work->arena + page++ * PAGE_SIZE, size);
                if (offset == 0 && work->segment_size) buffer++;
            }
        }
        copied();
    }
}

const char *c_ring_loop_compiler(void) { return __VERSION__; }
