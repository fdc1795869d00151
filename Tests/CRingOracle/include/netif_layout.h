// SPDX-License-Identifier: Apache-2.0
// Xen's netif structures (xen/io/netif.h) as plain numbers: what our slot codecs are held against.
#ifndef NETDD_NETIF_LAYOUT_H
#define NETDD_NETIF_LAYOUT_H

#include <stdint.h>

// The words of a slot, little endian, unused ones zero.
typedef struct {
    uint32_t word[4];
} netif_layout_slot;

// Sizes in bytes and slots per page of the three rings.
typedef struct {
    uint32_t slot, request, response, count, first;
} netif_layout_ring;

netif_layout_ring netif_layout_tx(void);
netif_layout_ring netif_layout_rx(void);
netif_layout_ring netif_layout_ctrl(void);

// One structure of each kind, filled in by C.
netif_layout_slot netif_layout_tx_request(
    uint32_t gref, uint16_t offset, uint16_t flags, uint16_t id, uint16_t size);
netif_layout_slot netif_layout_tx_response(uint16_t id, int16_t status);
netif_layout_slot netif_layout_rx_request(uint16_t id, uint32_t gref);
netif_layout_slot netif_layout_rx_response(
    uint16_t id, uint16_t offset, uint16_t flags, int16_t status);
netif_layout_slot netif_layout_gso(
    uint8_t flags, uint16_t size, uint8_t type, uint16_t features);
// The address as six bytes, the first on the wire in bits 40 to 47.
netif_layout_slot netif_layout_mcast(uint8_t type, uint8_t flags, uint64_t address);
netif_layout_slot netif_layout_hash(
    uint8_t flags, uint8_t type, uint8_t algorithm, uint32_t value);

// The constants that Swift has its own copy of.
typedef struct {
    uint32_t tx_csum_blank, tx_data_validated, tx_more_data, tx_extra_info;
    uint32_t rx_data_validated, rx_csum_blank, rx_more_data, rx_extra_info;
    uint32_t extra_gso, extra_mcast_add, extra_mcast_del, extra_hash, extra_max, extra_more;
    uint32_t gso_tcpv4, gso_tcpv6;
    int32_t status_dropped, status_error, status_okay, status_null;
    uint32_t slots_min, tx_size_max;
} netif_layout_constants;

netif_layout_constants netif_layout_values(void);

#endif
