// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CLinux.h"

#include <pthread.h>
#include <time.h>

#include <sys/reboot.h>

int clinux_errno(void) {
    return errno;
}

int clinux_epoll_poll(int epoll, struct epoll_event *events, int events_max) {
    return epoll_wait(epoll, events, events_max, 0);
}

int clinux_epoll_once(int epoll, int operation, int fd, uint64_t data) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data = {.u64 = data}};
    return epoll_ctl(epoll, operation, fd, &event);
}

int clinux_event_take(int fd) {
    uint64_t count;
    return (int)read(fd, &count, sizeof(count));
}

int clinux_event_raise(int fd) {
    uint64_t one = 1;
    return (int)write(fd, &one, sizeof(one));
}

// C libraries older than the calls do not have their numbers.
int clinux_populate_read(void *start, size_t size) {
    return madvise(start, size, 22);
}

int clinux_populate_write(void *start, size_t size) {
    return madvise(start, size, 23);
}

int clinux_memfd_create(const char *name) {
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int clinux_memfd_seal_size(int fd) {
    return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

int clinux_memfd_seal_future_write(int fd) {
    return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
}

int clinux_accept(int socket) {
    return accept4(socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

long clinux_peer_user(int socket) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? (long)peer.uid : -1;
}

ssize_t clinux_send_fds(int socket, const void *bytes, size_t size, const int *fds, int fd_count) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * CLINUX_FDS_MAX)];
    } control;
    struct iovec data = {(void *)bytes, size};
    struct msghdr message = {0};
    if (fd_count < 0 || fd_count > CLINUX_FDS_MAX) {
        errno = EINVAL;
        return -1;
    }
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (fd_count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t clinux_receive_fds(int socket, void *bytes, size_t size, int *fds, int *fd_count) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * CLINUX_FDS_MAX)];
    } control;
    struct iovec data = {bytes, size};
    struct msghdr message = {0};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.space;
    message.msg_controllen = sizeof(control.space);
    *fd_count = 0;
    ssize_t received;
    do {
        received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        return received;
    }
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(header), sizeof(int) * count);
            *fd_count = count;
        }
    }
    return received;
}

int clinux_tun_set_tap(int fd, char *name, int flags) {
    struct ifreq request;
    memset(&request, 0, sizeof(request));
    memcpy(request.ifr_name, name, IFNAMSIZ);
    request.ifr_name[IFNAMSIZ - 1] = 0;
    request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags);
    int result = ioctl(fd, TUNSETIFF, &request);
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return result;
}

int clinux_tun_get_name(int fd, char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof(request));
    int result = ioctl(fd, TUNGETIFF, &request);
    request.ifr_name[IFNAMSIZ - 1] = 0;
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return result;
}

int clinux_tun_set_vnet_header_size(int fd, int size) {
    return ioctl(fd, TUNSETVNETHDRSZ, &size);
}

int clinux_tun_set_offload(int fd, unsigned int flags) {
    return ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags);
}

int clinux_tun_set_persist(int fd, int persist) {
    return ioctl(fd, TUNSETPERSIST, (unsigned long)persist);
}

unsigned int clinux_packet_block_status(const void *block) {
    const struct tpacket_block_desc *descriptor = block;
    return __atomic_load_n(&descriptor->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
}

void clinux_packet_block_give(void *block) {
    struct tpacket_block_desc *descriptor = block;
    __atomic_store_n(&descriptor->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

int clinux_unshare(int flags) {
    return unshare(flags);
}

int clinux_setns(int fd, int flags) {
    return setns(fd, flags);
}

int clinux_pipe(int *ends) {
    return pipe2(ends, O_CLOEXEC);
}

int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

ssize_t clinux_readv(int fd, const struct iovec *pieces, int count) {
    return readv(fd, pieces, count);
}

ssize_t clinux_writev(int fd, const struct iovec *pieces, int count) {
    return writev(fd, pieces, count);
}

int clinux_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

int clinux_set_thread_name(const char *name) {
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}

int clinux_set_fifo(int thread, int priority) {
    struct sched_param wanted = {.sched_priority = priority};
    return sched_setscheduler(thread, SCHED_FIFO | SCHED_RESET_ON_FORK, &wanted);
}

int clinux_thread_id(void) {
    return (int)syscall(SYS_gettid);
}

int clinux_set_normal(int thread) {
    struct sched_param parameters = {.sched_priority = 0};
    // To clear the flag again is a privilege of its own.
    return sched_setscheduler(thread, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters);
}

int clinux_pidfd_open(int pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

size_t clinux_robust_size(void) {
    return sizeof(pthread_mutex_t);
}

int clinux_robust_init(void *place) {
    pthread_mutexattr_t attributes;
    int result = pthread_mutexattr_init(&attributes);
    if (result != 0) return result;
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    result = pthread_mutex_init(place, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result;
}

int clinux_robust_lock(void *place, int timeout_ms) {
    int result;
    if (timeout_ms < 0) {
        result = pthread_mutex_lock(place);
    } else {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += timeout_ms % 1000 * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec += 1;
            until.tv_nsec -= 1000000000L;
        }
        result = pthread_mutex_clocklock(place, CLOCK_MONOTONIC, &until);
    }
    // Before anything else can go wrong: a mutex given back without this is lost for good.
    if (result == EOWNERDEAD) pthread_mutex_consistent(place);
    return result;
}

int clinux_robust_unlock(void *place) {
    return pthread_mutex_unlock(place);
}

int clinux_exited(int status) {
    return WIFEXITED(status);
}

int clinux_exit_status(int status) {
    return WEXITSTATUS(status);
}

int clinux_signaled(int status) {
    return WIFSIGNALED(status);
}

int clinux_termination_signal(int status) {
    return WTERMSIG(status);
}

int clinux_load_module(int fd) {
    return (int)syscall(SYS_finit_module, fd, "", 0);
}

int clinux_power_off(void) {
    return reboot(RB_POWER_OFF);
}

int clinux_restart(void) {
    return reboot(RB_AUTOBOOT);
}

void clinux_init_anchor(void) {}

// 101 is the first priority that a program may use: before the Swift runtime's own constructors.
__attribute__((constructor(101))) static void mount_for_process_1(void) {
    if (getpid() != 1) return;
    mkdir("/proc", 0555);
    mkdir("/sys", 0555);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    // A kernel may have mounted it already.
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
}
