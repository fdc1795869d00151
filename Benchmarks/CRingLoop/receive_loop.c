// SPDX-License-Identifier: Apache-2.0
#include "ring_loop.h"

static void post(netif_rx_front_ring_t *front, uint32_t count) {
    for (uint32_t page = 0; page < count; page++) {
        netif_rx_request_t *rx = RING_GET_REQUEST(front, front->req_prod_pvt++);
        rx->id = page;
        rx->pad = 0;
        rx->gref = page;
    }
}

// Copies one packet into the buffers that it takes.
static uint64_t fill(
    netif_rx_back_ring_t *back, const c_ring_loop_work *work, size_t arena_offset, uint64_t hash) {
    uint32_t at = back->req_cons;
    for (uint32_t offset = 0; offset < work->packet_size; offset += PAGE_SIZE) {
        netif_rx_request_t rx;
        RING_COPY_REQUEST(back, at, &rx);
        at += offset == 0 && work->segment_size ? 2 : 1;
        uint32_t left = work->packet_size - offset;
        uint32_t size = left < PAGE_SIZE ? left : PAGE_SIZE;
        if (work->copying) {
            memcpy(
                work->guest + (size_t)rx.gref * PAGE_SIZE, work->arena + arena_offset + offset,
                size);
        }
        hash = mix(hash, (uint64_t)rx.gref << 32 | size);
    }
    return hash;
}

// Answers the buffers that one packet takes.
static void respond(netif_rx_back_ring_t *back, const c_ring_loop_work *work) {
    for (uint32_t offset = 0; offset < work->packet_size; offset += PAGE_SIZE) {
        netif_rx_request_t rx;
        RING_COPY_REQUEST(back, back->req_cons++, &rx);
        uint32_t left = work->packet_size - offset;
        uint16_t flags = left > PAGE_SIZE ? NETRXF_more_data : 0;
        if (offset == 0 && work->segment_size)
            flags |= NETRXF_extra_info | NETRXF_csum_blank | NETRXF_data_validated;
        netif_rx_response_t *response = RING_GET_RESPONSE(back, back->rsp_prod_pvt++);
        response->id = rx.id;
        response->offset = 0;
        response->flags = flags;
        response->status = left < PAGE_SIZE ? left : PAGE_SIZE;
        if (offset == 0 && work->segment_size) {
            back->req_cons++;
            netif_extra_info_t *info =
                (netif_extra_info_t *)RING_GET_RESPONSE(back, back->rsp_prod_pvt++);
            memset(info, 0, sizeof(*info));
            info->type = XEN_NETIF_EXTRA_TYPE_GSO;
            info->u.gso.size = work->segment_size;
            info->u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
        }
    }
}

static uint64_t serve(netif_rx_back_ring_t *back, const c_ring_loop_work *work, uint64_t hash) {
    RING_IDX producer = *(volatile RING_IDX *)&back->sring->req_prod;
    if (RING_REQUEST_PROD_OVERFLOW(back, producer)) return 0;
    xen_rmb();
    uint32_t pages = (work->packet_size + PAGE_SIZE - 1) / PAGE_SIZE;
    uint32_t slots = pages + (work->segment_size ? 1 : 0);
    size_t arena_offset = 0;
    for (uint32_t p = 0; p < work->packet_count; p++) {
        if ((uint32_t)(producer - back->req_cons) < slots) return 0;
        hash = fill(back, work, arena_offset, hash);
        respond(back, work);
        arena_offset += (size_t)pages * PAGE_SIZE;
    }
    bool notify;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(back, notify);
    bool more;
    RING_FINAL_CHECK_FOR_REQUESTS(back, more);
    return mix(hash, notify + 2 * more);
}

static uint64_t collect(netif_rx_front_ring_t *front, uint64_t hash) {
    RING_IDX producer = *(volatile RING_IDX *)&front->sring->rsp_prod;
    if (RING_RESPONSE_PROD_OVERFLOW(front, producer)) return 0;
    xen_rmb();
    for (; front->rsp_cons != producer; front->rsp_cons++) {
        netif_rx_response_t r;
        RING_COPY_RESPONSE(front, front->rsp_cons, &r);
        uint64_t low = (uint32_t)r.id | (uint32_t)r.offset << 16;
        uint64_t high = (uint32_t)r.flags | (uint32_t)(uint16_t)r.status << 16;
        hash = mix(hash, high << 32 | low);
    }
    bool more;
    RING_FINAL_CHECK_FOR_RESPONSES(front, more);
    return mix(hash, more);
}

uint64_t c_ring_loop_receive(c_ring_loop *loop, const c_ring_loop_work *work, uint32_t cycles) {
    uint64_t hash = 0;
    uint32_t pages = (work->packet_size + PAGE_SIZE - 1) / PAGE_SIZE;
    uint32_t slots = work->packet_count * (pages + (work->segment_size ? 1 : 0));
    for (uint32_t cycle = 0; cycle < cycles; cycle++) {
        post(&loop->rx_front, slots);
        bool notify;
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&loop->rx_front, notify);
        hash = serve(&loop->rx_back, work, mix(hash, notify));
        hash = collect(&loop->rx_front, hash);
    }
    return hash;
}
