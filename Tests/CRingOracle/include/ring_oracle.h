// SPDX-License-Identifier: Apache-2.0
// Xen's ring macros (xen/io/ring.h) over a page, as plain functions: what our ring is held against.
#ifndef NETDD_RING_ORACLE_H
#define NETDD_RING_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

// Which of netif's two rings a page holds.
typedef enum { RING_ORACLE_TX, RING_ORACLE_RX } ring_oracle_kind;

// Up to 12 bytes of a slot, little endian.
typedef struct {
    uint32_t word[3];
} ring_oracle_slot;

// The private variables of one frontend half and one backend half.
typedef struct {
    ring_oracle_kind kind;
    void *page;
    uint32_t req_prod_pvt;
    uint32_t rsp_cons;
} ring_oracle_front;

typedef struct {
    ring_oracle_kind kind;
    void *page;
    uint32_t rsp_prod_pvt;
    uint32_t req_cons;
} ring_oracle_back;

uint32_t ring_oracle_slot_count(ring_oracle_kind kind);

// SHARED_RING_INIT, then the indices moved to `start`, then FRONT_RING_ATTACH there.
ring_oracle_front ring_oracle_front_init(ring_oracle_kind kind, void *page, uint32_t start);
uint32_t ring_oracle_free_requests(const ring_oracle_front *front);
void ring_oracle_put_request(ring_oracle_front *front, ring_oracle_slot request);
bool ring_oracle_push_requests(ring_oracle_front *front);
uint32_t ring_oracle_unconsumed_responses(const ring_oracle_front *front);
ring_oracle_slot ring_oracle_copy_response(const ring_oracle_front *front, uint32_t offset);
bool ring_oracle_final_check_for_responses(ring_oracle_front *front);

// BACK_RING_ATTACH at rsp_prod.
ring_oracle_back ring_oracle_back_attach(ring_oracle_kind kind, void *page);
bool ring_oracle_request_overflow(const ring_oracle_back *back);
uint32_t ring_oracle_unconsumed_requests(const ring_oracle_back *back);
ring_oracle_slot ring_oracle_copy_request(const ring_oracle_back *back, uint32_t offset);
void ring_oracle_put_response(ring_oracle_back *back, ring_oracle_slot response);
bool ring_oracle_push_responses(ring_oracle_back *back);
bool ring_oracle_final_check_for_requests(ring_oracle_back *back);

#endif
