// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __XEN_INTERFACE_VERSION__ 0x00040400
#include <xen/xen.h>
#include <xen/io/netif.h>

#include "netif_layout.h"

// netif.h leaves the control ring's type to its users.
DEFINE_RING_TYPES(layout_ctrl, struct xen_netif_ctrl_request, struct xen_netif_ctrl_response);

#define RING_OF(name, request_type, response_type)                                         \
    (netif_layout_ring)                                                                    \
    {                                                                                      \
        .slot = sizeof(union name##_sring_entry), .request = sizeof(struct request_type),  \
        .response = sizeof(struct response_type),                                          \
        .count = __CONST_RING_SIZE(name, 4096), .first = offsetof(struct name##_sring, ring) \
    }

netif_layout_ring netif_layout_tx(void) {
    return RING_OF(netif_tx, netif_tx_request, netif_tx_response);
}

netif_layout_ring netif_layout_rx(void) {
    return RING_OF(netif_rx, netif_rx_request, netif_rx_response);
}

netif_layout_ring netif_layout_ctrl(void) {
    return RING_OF(layout_ctrl, xen_netif_ctrl_request, xen_netif_ctrl_response);
}

static netif_layout_slot words_of(const void *structure, size_t size) {
    netif_layout_slot slot = {{0}};
    memcpy(slot.word, structure, size);
    return slot;
}

netif_layout_slot netif_layout_tx_request(
    uint32_t gref, uint16_t offset, uint16_t flags, uint16_t id, uint16_t size) {
    struct netif_tx_request request = {
        .gref = gref, .offset = offset, .flags = flags, .id = id, .size = size};
    return words_of(&request, sizeof request);
}

netif_layout_slot netif_layout_tx_response(uint16_t id, int16_t status) {
    struct netif_tx_response response = {.id = id, .status = status};
    return words_of(&response, sizeof response);
}

netif_layout_slot netif_layout_rx_request(uint16_t id, uint32_t gref) {
    struct netif_rx_request request = {.id = id, .gref = gref};
    return words_of(&request, sizeof request);
}

netif_layout_slot netif_layout_rx_response(
    uint16_t id, uint16_t offset, uint16_t flags, int16_t status) {
    struct netif_rx_response response = {
        .id = id, .offset = offset, .flags = flags, .status = status};
    return words_of(&response, sizeof response);
}

netif_layout_slot netif_layout_gso(
    uint8_t flags, uint16_t size, uint8_t type, uint16_t features) {
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = flags};
    extra.u.gso.size = size;
    extra.u.gso.type = type;
    extra.u.gso.features = features;
    return words_of(&extra, sizeof extra);
}

netif_layout_slot netif_layout_mcast(uint8_t type, uint8_t flags, uint64_t address) {
    struct netif_extra_info extra = {.type = type, .flags = flags};
    for (int index = 0; index < 6; index++)
        extra.u.mcast.addr[index] = (uint8_t)(address >> (40 - 8 * index));
    return words_of(&extra, sizeof extra);
}

netif_layout_slot netif_layout_hash(
    uint8_t flags, uint8_t type, uint8_t algorithm, uint32_t value) {
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_HASH, .flags = flags};
    extra.u.hash.type = type;
    extra.u.hash.algorithm = algorithm;
    for (int index = 0; index < 4; index++)
        extra.u.hash.value[index] = (uint8_t)(value >> (8 * index));
    return words_of(&extra, sizeof extra);
}

netif_layout_constants netif_layout_values(void) {
    return (netif_layout_constants){
        .tx_csum_blank = NETTXF_csum_blank,
        .tx_data_validated = NETTXF_data_validated,
        .tx_more_data = NETTXF_more_data,
        .tx_extra_info = NETTXF_extra_info,
        .rx_data_validated = NETRXF_data_validated,
        .rx_csum_blank = NETRXF_csum_blank,
        .rx_more_data = NETRXF_more_data,
        .rx_extra_info = NETRXF_extra_info,
        .extra_gso = XEN_NETIF_EXTRA_TYPE_GSO,
        .extra_mcast_add = XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
        .extra_mcast_del = XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
        .extra_hash = XEN_NETIF_EXTRA_TYPE_HASH,
        .extra_max = XEN_NETIF_EXTRA_TYPE_MAX,
        .extra_more = XEN_NETIF_EXTRA_FLAG_MORE,
        .gso_tcpv4 = XEN_NETIF_GSO_TYPE_TCPV4,
        .gso_tcpv6 = XEN_NETIF_GSO_TYPE_TCPV6,
        .status_dropped = NETIF_RSP_DROPPED,
        .status_error = NETIF_RSP_ERROR,
        .status_okay = NETIF_RSP_OKAY,
        .status_null = NETIF_RSP_NULL,
        .slots_min = XEN_NETIF_NR_SLOTS_MIN,
        .tx_size_max = XEN_NETIF_MAX_TX_SIZE,
    };
}
