// SPDX-License-Identifier: Apache-2.0
#include <liburing.h>
#include <stdlib.h>

#include "CURing.h"

struct curing {
    struct io_uring ring;
};

struct curing *curing_open(unsigned entries) {
    struct curing *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    int result = io_uring_queue_init(entries, &made->ring, 0);
    if (result == 0) return made;
    free(made);
    errno = -result;
    return NULL;
}

void curing_close(struct curing *ring) {
    io_uring_queue_exit(&ring->ring);
    free(ring);
}

int curing_stage_writev(
    struct curing *ring, int fd, const struct iovec *pieces, unsigned count, uint64_t number) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->ring);
    if (!entry) return 0;
    io_uring_prep_writev(entry, fd, pieces, count, 0);
    io_uring_sqe_set_data64(entry, number);
    return 1;
}

int curing_submit(struct curing *ring, unsigned wait_for) {
    return io_uring_submit_and_wait(&ring->ring, wait_for);
}

int curing_next(struct curing *ring, uint64_t *number, int32_t *result) {
    struct io_uring_cqe *found = NULL;
    if (io_uring_peek_cqe(&ring->ring, &found) != 0 || !found) return 0;
    *number = io_uring_cqe_get_data64(found);
    *result = found->res;
    io_uring_cqe_seen(&ring->ring, found);
    return 1;
}
