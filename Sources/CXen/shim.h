// SPDX-License-Identifier: Apache-2.0
// Xen's public headers and the client libraries of libxen-dev; no logic.
#ifndef NETDD_CXEN_H
#define NETDD_CXEN_H

// libxen-dev's headers ask for this before the first include.
#define __XEN_INTERFACE_VERSION__ 0x00040400

#include <stdint.h>
#include <stdlib.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include <xen/grant_table.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

#endif
