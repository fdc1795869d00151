// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CTraffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int open_socket(int timeout) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct timeval wait = {timeout / 1000, timeout % 1000 * 1000};
    int size = 4 << 20;
    // Without the privilege for a larger buffer the kernel's limit holds: no reason to stop.
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0) return fd;
    close(fd);
    return -1;
}

int ctraffic_listen(int port, int timeout) {
    int fd = open_socket(timeout);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0) return fd;
    close(fd);
    return -1;
}

int ctraffic_connect(const char *text, int port, int timeout) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    int fd = open_socket(timeout);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) return fd;
    close(fd);
    return -1;
}

int ctraffic_send(int fd, const void *bytes, size_t size, int count) {
    struct iovec piece = {(void *)bytes, size};
    struct mmsghdr messages[CTRAFFIC_BATCH_MAX];
    if (count > CTRAFFIC_BATCH_MAX) count = CTRAFFIC_BATCH_MAX;
    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < count; i++) {
        messages[i].msg_hdr.msg_iov = &piece;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(fd, messages, count, 0);
}

int ctraffic_receive(int fd, void *bytes, size_t size, int count) {
    struct iovec pieces[CTRAFFIC_BATCH_MAX];
    struct mmsghdr messages[CTRAFFIC_BATCH_MAX];
    if (count > CTRAFFIC_BATCH_MAX) count = CTRAFFIC_BATCH_MAX;
    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < count; i++) {
        pieces[i] = (struct iovec){(char *)bytes + i * size, size};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    return recvmmsg(fd, messages, count, MSG_WAITFORONE, NULL);
}

int ctraffic_echo(int fd, void *bytes, size_t size) {
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    ssize_t got = recvfrom(fd, bytes, size, 0, (struct sockaddr *)&from, &length);
    if (got < 0) return -1;
    return sendto(fd, bytes, got, 0, (struct sockaddr *)&from, length);
}
