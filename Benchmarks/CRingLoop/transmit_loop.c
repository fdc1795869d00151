// SPDX-License-Identifier: Apache-2.0
#include "ring_loop.h"

enum { SLOTS_MAX = 18, SLOTS_FATAL = 20, EXTRAS_MAX = 4, HEADER_SIZE = 14 };

// One packet as the backend reads it from the ring.
typedef struct {
    uint32_t slot_count;
    uint32_t extra_count;
    uint32_t data_count;
    uint32_t size;
    uint16_t flags;
    uint16_t segment_size;
    uint8_t segment_type;
    uint32_t piece_count;
    piece pieces[SLOTS_MAX];
    uint16_t ids[SLOTS_FATAL];
} packet;

static void stage(netif_tx_front_ring_t *front, const c_ring_loop_work *work) {
    uint32_t page = 0;
    for (uint32_t p = 0; p < work->packet_count; p++) {
        bool extra = work->segment_size != 0;
        for (uint32_t i = 0; i < work->piece_count; i++) {
            netif_tx_request_t *tx = RING_GET_REQUEST(front, front->req_prod_pvt++);
            tx->gref = page;
            tx->offset = 0;
            tx->flags = i + 1 < work->piece_count ? NETTXF_more_data : 0;
            if (i == 0 && extra) tx->flags |= NETTXF_extra_info | NETTXF_csum_blank;
            tx->id = page;
            tx->size = i == 0 ? work->packet_size : piece_size(work, i);
            page++;
            if (i == 0 && extra) {
                netif_extra_info_t *info =
                    (netif_extra_info_t *)RING_GET_REQUEST(front, front->req_prod_pvt++);
                memset(info, 0, sizeof(*info));
                info->type = XEN_NETIF_EXTRA_TYPE_GSO;
                info->u.gso.size = work->segment_size;
                info->u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
            }
        }
    }
}

// Reads the extra infos after the first slot; false when the vif is to be closed.
static bool read_extras(
    netif_tx_back_ring_t *back, uint32_t available, uint32_t at, packet *packet) {
    netif_extra_info_t extra;
    do {
        if (packet->slot_count >= available || packet->extra_count >= EXTRAS_MAX) return false;
        netif_tx_request_t words;
        RING_COPY_REQUEST(back, back->req_cons + at + packet->slot_count, &words);
        memcpy(&extra, &words, sizeof(extra));
        packet->slot_count++;
        packet->extra_count++;
        if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO) {
            packet->segment_size = extra.u.gso.size;
            packet->segment_type = extra.u.gso.type;
        } else if (!extra.type || extra.type >= XEN_NETIF_EXTRA_TYPE_MAX) {
            return false;
        }
    } while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    return true;
}

// Reads one packet; false when the vif is to be closed. No pieces: answer it with an error.
static bool assemble(
    netif_tx_back_ring_t *back, uint32_t available, uint32_t at, packet *packet) {
    netif_tx_request_t first, tx;
    RING_COPY_REQUEST(back, back->req_cons + at, &first);
    packet->slot_count = 1;
    packet->extra_count = 0;
    packet->data_count = 1;
    packet->piece_count = 0;
    packet->segment_size = 0;
    packet->flags = first.flags;
    packet->size = first.size;
    packet->ids[0] = first.id;
    available -= at;
    if ((first.flags & NETTXF_extra_info) && !read_extras(back, available, at, packet))
        return false;
    uint32_t remaining = first.size, pieces = 1;
    bool fault = false, more = first.flags & NETTXF_more_data;
    while (more) {
        if (packet->slot_count >= available || packet->data_count + 1 >= SLOTS_FATAL) return false;
        RING_COPY_REQUEST(back, back->req_cons + at + packet->slot_count, &tx);
        packet->ids[packet->data_count++] = tx.id;
        packet->slot_count++;
        if (tx.offset + tx.size > PAGE_SIZE) return false;
        if (packet->data_count > SLOTS_MAX || tx.size > remaining) fault = true;
        if (!fault) {
            remaining -= tx.size;
            if (tx.size) packet->pieces[pieces++] = (piece){tx.gref, tx.offset, tx.size};
        }
        more = tx.flags & NETTXF_more_data;
    }
    if (fault || remaining < HEADER_SIZE) return true;
    if (first.offset + remaining > PAGE_SIZE) return false;
    packet->pieces[0] = (piece){first.gref, first.offset, remaining};
    packet->piece_count = pieces;
    if (packet->extra_count && packet->segment_type != XEN_NETIF_GSO_TYPE_TCPV4
        && packet->segment_type != XEN_NETIF_GSO_TYPE_TCPV6)
        return false;
    return !packet->extra_count || packet->segment_size;
}

static void respond(netif_tx_back_ring_t *back, const packet *packet, int16_t status) {
    netif_tx_response_t *response = RING_GET_RESPONSE(back, back->rsp_prod_pvt++);
    response->id = packet->ids[0];
    response->status = status;
    for (uint32_t i = 0; i < packet->extra_count; i++) {
        response = RING_GET_RESPONSE(back, back->rsp_prod_pvt++);
        response->id = 0;
        response->status = NETIF_RSP_NULL;
    }
    for (uint32_t i = 1; i < packet->data_count; i++) {
        response = RING_GET_RESPONSE(back, back->rsp_prod_pvt++);
        response->id = packet->ids[i];
        response->status = status;
    }
}

static uint64_t serve(netif_tx_back_ring_t *back, const c_ring_loop_work *work, uint64_t hash) {
    RING_IDX producer = *(volatile RING_IDX *)&back->sring->req_prod;
    if (RING_REQUEST_PROD_OVERFLOW(back, producer)) return 0;
    xen_rmb();
    uint32_t available = producer - back->req_cons;
    packet packet;
    size_t page = 0;
    while (available > 0) {
        if (!assemble(back, available, 0, &packet)) return 0;
        for (uint32_t i = 0; i < packet.piece_count; i++) {
            piece p = packet.pieces[i];
            if (work->copying) {
                memcpy(
                    work->arena + page++ * PAGE_SIZE + p.offset,
                    work->guest + (size_t)p.gref * PAGE_SIZE + p.offset, p.size);
            }
            hash = mix(hash, (uint64_t)p.gref << 32 | (uint32_t)p.offset << 16 | p.size);
        }
        back->req_cons += packet.slot_count;
        respond(back, &packet, packet.piece_count ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
        available -= packet.slot_count;
    }
    bool notify;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(back, notify);
    bool more;
    RING_FINAL_CHECK_FOR_REQUESTS(back, more);
    return mix(hash, notify + 2 * more);
}

static uint64_t collect(netif_tx_front_ring_t *front, uint64_t hash) {
    RING_IDX producer = *(volatile RING_IDX *)&front->sring->rsp_prod;
    if (RING_RESPONSE_PROD_OVERFLOW(front, producer)) return 0;
    xen_rmb();
    for (; front->rsp_cons != producer; front->rsp_cons++) {
        netif_tx_response_t response;
        RING_COPY_RESPONSE(front, front->rsp_cons, &response);
        hash = mix(hash, (uint32_t)response.id | (uint32_t)(uint16_t)response.status << 16);
    }
    bool more;
    RING_FINAL_CHECK_FOR_RESPONSES(front, more);
    return mix(hash, more);
}

uint64_t c_ring_loop_transmit(c_ring_loop *loop, const c_ring_loop_work *work, uint32_t cycles) {
    uint64_t hash = 0;
    for (uint32_t cycle = 0; cycle < cycles; cycle++) {
        stage(&loop->tx_front, work);
        bool notify;
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&loop->tx_front, notify);
        hash = serve(&loop->tx_back, work, mix(hash, notify));
        hash = collect(&loop->tx_front, hash);
    }
    return hash;
}
