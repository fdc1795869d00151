// SPDX-License-Identifier: Apache-2.0
// libnl-3 and libnl-route-3; no logic.
#ifndef NETDD_CNETLINK_H
#define NETDD_CNETLINK_H

#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/socket.h>

#endif
