// SPDX-License-Identifier: Apache-2.0
// libnl-3 and libnl-route-3; no logic.
#ifndef NETDD_CNETLINK_H
#define NETDD_CNETLINK_H

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

#endif
