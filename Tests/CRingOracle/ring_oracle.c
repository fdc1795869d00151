// SPDX-License-Identifier: Apache-2.0
#include "ring_oracle.h"

#include <stddef.h>
#include <string.h>

#define __XEN_INTERFACE_VERSION__ 0x00040400
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/io/netif.h>

#define PAGE_SIZE 4096

// Runs `statement` with `r` being Xen's own private ring of the right type, loaded from ours.
#define WITH_FRONT(front, r, statement)                                                         \
    do {                                                                                        \
        if ((front)->kind == RING_ORACLE_TX) {                                                  \
            netif_tx_front_ring_t ring, *r = &ring;                                             \
            FRONT_RING_ATTACH(r, (netif_tx_sring_t *)(front)->page, 0, PAGE_SIZE);              \
            r->req_prod_pvt = (front)->req_prod_pvt;                                            \
            r->rsp_cons = (front)->rsp_cons;                                                    \
            statement;                                                                          \
        } else {                                                                                \
            netif_rx_front_ring_t ring, *r = &ring;                                             \
            FRONT_RING_ATTACH(r, (netif_rx_sring_t *)(front)->page, 0, PAGE_SIZE);              \
            r->req_prod_pvt = (front)->req_prod_pvt;                                            \
            r->rsp_cons = (front)->rsp_cons;                                                    \
            statement;                                                                          \
        }                                                                                       \
    } while (0)

#define WITH_BACK(back, r, statement)                                                           \
    do {                                                                                        \
        if ((back)->kind == RING_ORACLE_TX) {                                                   \
            netif_tx_back_ring_t ring, *r = &ring;                                              \
            BACK_RING_ATTACH(r, (netif_tx_sring_t *)(back)->page, 0, PAGE_SIZE);                \
            r->rsp_prod_pvt = (back)->rsp_prod_pvt;                                             \
            r->req_cons = (back)->req_cons;                                                     \
            statement;                                                                          \
        } else {                                                                                \
            netif_rx_back_ring_t ring, *r = &ring;                                              \
            BACK_RING_ATTACH(r, (netif_rx_sring_t *)(back)->page, 0, PAGE_SIZE);                \
            r->rsp_prod_pvt = (back)->rsp_prod_pvt;                                             \
            r->req_cons = (back)->req_cons;                                                     \
            statement;                                                                          \
        }                                                                                       \
    } while (0)

uint32_t ring_oracle_slot_count(ring_oracle_kind kind) {
    return kind == RING_ORACLE_TX ? __CONST_RING_SIZE(netif_tx, PAGE_SIZE)
                                  : __CONST_RING_SIZE(netif_rx, PAGE_SIZE);
}

ring_oracle_front ring_oracle_front_init(ring_oracle_kind kind, void *page, uint32_t start) {
    ring_oracle_front front = {kind, page, start, start};
    // The four indices and the padding lie alike in both rings.
    netif_tx_sring_t *shared = page;
    SHARED_RING_INIT(shared);
    shared->req_prod = shared->rsp_prod = start;
    shared->req_event = shared->rsp_event = start + 1;
    return front;
}

uint32_t ring_oracle_free_requests(const ring_oracle_front *front) {
    uint32_t count;
    WITH_FRONT(front, r, count = RING_FREE_REQUESTS(r));
    return count;
}

void ring_oracle_put_request(ring_oracle_front *front, ring_oracle_slot request) {
    WITH_FRONT(front, r, {
        memcpy(RING_GET_REQUEST(r, r->req_prod_pvt), &request, sizeof(r->sring->ring[0].req));
    });
    front->req_prod_pvt++;
}

bool ring_oracle_push_requests(ring_oracle_front *front) {
    bool notify;
    WITH_FRONT(front, r, RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(r, notify));
    return notify;
}

uint32_t ring_oracle_unconsumed_responses(const ring_oracle_front *front) {
    uint32_t count;
    WITH_FRONT(front, r, count = XEN_RING_NR_UNCONSUMED_RESPONSES(r));
    return count;
}

ring_oracle_slot ring_oracle_copy_response(const ring_oracle_front *front, uint32_t offset) {
    ring_oracle_slot slot = {{0}};
    WITH_FRONT(front, r, {
        memcpy(&slot, RING_GET_RESPONSE(r, r->rsp_cons + offset), sizeof(r->sring->ring[0].rsp));
    });
    return slot;
}

bool ring_oracle_final_check_for_responses(ring_oracle_front *front) {
    uint32_t work;
    WITH_FRONT(front, r, RING_FINAL_CHECK_FOR_RESPONSES(r, work));
    return work != 0;
}

ring_oracle_back ring_oracle_back_attach(ring_oracle_kind kind, void *page) {
    netif_tx_sring_t *shared = page;
    netif_tx_back_ring_t ring;
    BACK_RING_ATTACH(&ring, shared, shared->rsp_prod, PAGE_SIZE);
    ring_oracle_back back = {kind, page, ring.rsp_prod_pvt, ring.req_cons};
    return back;
}

bool ring_oracle_request_overflow(const ring_oracle_back *back) {
    bool overflow;
    WITH_BACK(back, r, overflow = RING_REQUEST_PROD_OVERFLOW(r, r->sring->req_prod));
    return overflow;
}

uint32_t ring_oracle_unconsumed_requests(const ring_oracle_back *back) {
    uint32_t count;
    WITH_BACK(back, r, count = XEN_RING_NR_UNCONSUMED_REQUESTS(r));
    return count;
}

ring_oracle_slot ring_oracle_copy_request(const ring_oracle_back *back, uint32_t offset) {
    ring_oracle_slot slot = {{0}};
    WITH_BACK(back, r, {
        memcpy(&slot, RING_GET_REQUEST(r, r->req_cons + offset), sizeof(r->sring->ring[0].req));
    });
    return slot;
}

void ring_oracle_put_response(ring_oracle_back *back, ring_oracle_slot response) {
    WITH_BACK(back, r, {
        memcpy(RING_GET_RESPONSE(r, r->rsp_prod_pvt), &response, sizeof(r->sring->ring[0].rsp));
    });
    back->rsp_prod_pvt++;
}

bool ring_oracle_push_responses(ring_oracle_back *back) {
    bool notify;
    WITH_BACK(back, r, RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(r, notify));
    return notify;
}

bool ring_oracle_final_check_for_requests(ring_oracle_back *back) {
    uint32_t work;
    WITH_BACK(back, r, RING_FINAL_CHECK_FOR_REQUESTS(r, work));
    return work != 0;
}
