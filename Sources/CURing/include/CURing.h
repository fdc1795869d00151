// SPDX-License-Identifier: Apache-2.0
// liburing for Swift: its header defines _GNU_SOURCE, with which no Swift module can import both it
// and Glibc, so that only CURing.c includes it. No logic: every function is one call.
#ifndef NETDD_CURING_H
#define NETDD_CURING_H

#include <stdint.h>
#include <sys/uio.h>

// On the packet path: Swift's @_noAllocation and @_noLocks refuse C functions without these.
#define CURING_PACKET_PATH \
    __attribute__((swift_attr("@_noAllocation"))) __attribute__((swift_attr("@_noLocks")))

struct curing;

// io_uring_queue_init(3) and io_uring_queue_exit(3). NULL with errno set: ENOSYS where the kernel
// has no io_uring, EPERM where it is forbidden, as containers often do.
struct curing *curing_open(unsigned entries);
void curing_close(struct curing *ring);

// io_uring_prep_writev(3) on the next free entry, to be told by `number`; 0 when none is free.
int curing_stage_writev(
    struct curing *ring, int fd, const struct iovec *pieces, unsigned count,
    uint64_t number) CURING_PACKET_PATH;
// io_uring_submit_and_wait(3): how many entries were submitted, or a negative errno.
int curing_submit(struct curing *ring, unsigned wait_for) CURING_PACKET_PATH;
// io_uring_peek_cqe(3) and io_uring_cqe_seen(3): 1 with a completion, 0 when none is there.
int curing_next(struct curing *ring, uint64_t *number, int32_t *result) CURING_PACKET_PATH;

#endif
