// SPDX-License-Identifier: Apache-2.0
// UDP in batches: sendmmsg(2), recvmmsg(2) and the sockets for them. Failures return -1 and errno.
#ifndef NETDD_C_TRAFFIC_H
#define NETDD_C_TRAFFIC_H

#include <stddef.h>

#define CTRAFFIC_BATCH_MAX 64

// A socket bound to a port of every address; a receive waits `timeout` milliseconds at most.
int ctraffic_listen(int port, int timeout);
// A socket connected to an IPv4 address and port.
int ctraffic_connect(const char *address, int port, int timeout);

// Sends the same datagram `count` times; returns how many were sent.
int ctraffic_send(int fd, const void *bytes, size_t size, int count);
// Waits for a datagram and takes up to `count` that are there, each into its own `size` bytes of
// `bytes`; returns how many.
int ctraffic_receive(int fd, void *bytes, size_t size, int count);
// Sends the next datagram back to where it came from; returns its size.
int ctraffic_echo(int fd, void *bytes, size_t size);

#endif
