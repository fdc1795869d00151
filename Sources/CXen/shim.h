// SPDX-License-Identifier: Apache-2.0
// Xen's public headers and the client libraries of libxen-dev; no logic.
#ifndef NETDD_CXEN_H
#define NETDD_CXEN_H

// libxen-dev's headers ask for this before the first include.
#define __XEN_INTERFACE_VERSION__ 0x00040400

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <libxenvchan.h>

#include <xen/grant_table.h>

// Of xen/memory.h, which shows it to Xen's own tools alone: XENMEM_resource_grant_table, whose part
// 0 is the shared table.
enum { CXEN_RESOURCE_GRANT_TABLE = 1 };

// Reads and writes of a vchan wait for the other end; a bit-field says so.
static inline void cxen_vchan_block(struct libxenvchan *vchan) {
    vchan->blocking = 1;
}

// On the packet path: Swift's @_noAllocation and @_noLocks refuse C functions that do not promise.
// Each of these is at most a system call.
#define CXEN_PACKET_PATH \
    __attribute__((swift_attr("@_noAllocation"))) __attribute__((swift_attr("@_noLocks")))

static inline int cxen_grant_copy(
    xengnttab_handle *handle, uint32_t count,
    xengnttab_grant_copy_segment_t *segments) CXEN_PACKET_PATH {
    return xengnttab_grant_copy(handle, count, segments);
}

static inline void cxen_fill_segment(
    xengnttab_grant_copy_segment_t *segment, uint16_t domid, uint32_t reference, uint16_t offset,
    uint16_t length, void *local, int to_guest) CXEN_PACKET_PATH {
    segment->len = length;
    segment->status = GNTST_general_error;
    if (to_guest) {
        segment->flags = GNTCOPY_dest_gref;
        segment->source.virt = local;
        segment->dest.foreign.ref = reference;
        segment->dest.foreign.offset = offset;
        segment->dest.foreign.domid = domid;
    } else {
        segment->flags = GNTCOPY_source_gref;
        segment->source.foreign.ref = reference;
        segment->source.foreign.offset = offset;
        segment->source.foreign.domid = domid;
        segment->dest.virt = local;
    }
}

static inline int cxen_notify(xenevtchn_handle *handle, evtchn_port_t port) CXEN_PACKET_PATH {
    return xenevtchn_notify(handle, port);
}

static inline int cxen_unmask(xenevtchn_handle *handle, evtchn_port_t port) CXEN_PACKET_PATH {
    return xenevtchn_unmask(handle, port);
}

static inline int cxen_errno(void) CXEN_PACKET_PATH {
    return errno;
}

#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

#endif
