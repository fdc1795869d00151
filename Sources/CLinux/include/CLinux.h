// SPDX-License-Identifier: Apache-2.0
// What Swift's Glibc overlay cannot import from Linux: GNU extensions, function-like and computed
// macros, variadic calls. No logic: every function is one call, or little more.
// _GNU_SOURCE is defined in CLinux.c alone: with it some types (fd_set, rusage's enum) differ from
// those of Swift's Glibc module, and no Swift module could import both.
#ifndef NETDD_CLINUX_H
#define NETDD_CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sched.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// On the packet path: Swift's @_noAllocation and @_noLocks refuse C functions without these.
#define CLINUX_PACKET_PATH \
    __attribute__((swift_attr("@_noAllocation"))) __attribute__((swift_attr("@_noLocks")))

// errno, epoll_wait(2) that does not wait, and epoll_ctl(2) for input, once per arming.
int clinux_errno(void) CLINUX_PACKET_PATH;
int clinux_epoll_poll(int epoll, struct epoll_event *events, int events_max) CLINUX_PACKET_PATH;
int clinux_epoll_once(int epoll, int operation, int fd, uint64_t data) CLINUX_PACKET_PATH;
// read(2) and write(2) of an eventfd's eight bytes.
int clinux_event_take(int fd) CLINUX_PACKET_PATH;
int clinux_event_raise(int fd) CLINUX_PACKET_PATH;
// readv(2) and writev(2).
ssize_t clinux_readv(int fd, const struct iovec *pieces, int count) CLINUX_PACKET_PATH;
ssize_t clinux_writev(int fd, const struct iovec *pieces, int count) CLINUX_PACKET_PATH;

// finit_module(2) without parameters.
int clinux_load_module(int fd);
// reboot(2) that powers off, and that restarts; both return only when they failed.
int clinux_power_off(void);
int clinux_restart(void);
// Names the constructor that mounts /proc, /sys and /dev in process 1, so that it is linked: the
// Swift runtime asks /proc for its own path before main.
void clinux_init_anchor(void);

// madvise(MADV_POPULATE_READ), or MADV_POPULATE_WRITE, from Linux 5.14 on: maps pages beforehand.
int clinux_populate_read(void *start, size_t size);
int clinux_populate_write(void *start, size_t size);
// memfd_create(2), sealable; the descriptor is close-on-exec.
int clinux_memfd_create(const char *name);
// fcntl(F_ADD_SEALS): the file can neither shrink nor grow again, so that a mapping never faults.
int clinux_memfd_seal_size(int fd);
// fcntl(F_ADD_SEALS): mappings made from now on are read-only; those that exist stay as they are.
int clinux_memfd_seal_future_write(int fd);

// accept4(2); the descriptor is non-blocking and close-on-exec.
int clinux_accept(int socket);

// SO_PEERCRED: the user of the process at the other end of a Unix socket; -1 if it cannot be told.
long clinux_peer_user(int socket);

// sendmsg(2)/recvmsg(2) of one datagram with up to CLINUX_FDS_MAX descriptors (SCM_RIGHTS).
// Received descriptors are close-on-exec; *fd_count is how many came.
#define CLINUX_FDS_MAX 8
ssize_t clinux_send_fds(int socket, const void *bytes, size_t size, const int *fds, int fd_count);
ssize_t clinux_receive_fds(int socket, void *bytes, size_t size, int *fds, int *fd_count);

// /dev/net/tun: TUNSETIFF with IFF_TAP|IFF_NO_PI|IFF_VNET_HDR and flags: IFF_TUN_EXCL for a new
// device or EBUSY, IFF_MULTI_QUEUE for one with several queues, without IFF_TUN_EXCL one more of
// them. `name` has IFNAMSIZ bytes and is rewritten.
int clinux_tun_set_tap(int fd, char *name, int flags);
// TUNGETIFF: writes IFNAMSIZ bytes, the link's name ended by a zero byte.
int clinux_tun_get_name(int fd, char *name);
// TUNSETVNETHDRSZ, TUNSETOFFLOAD, TUNSETPERSIST.
int clinux_tun_set_vnet_header_size(int fd, int size);
int clinux_tun_set_offload(int fd, unsigned int flags);
int clinux_tun_set_persist(int fd, int persist);

// Who has a block of a TPACKET_V3 ring, at its tpacket_block_desc: TP_STATUS_KERNEL, or
// TP_STATUS_USER and what it holds may be read; and giving it back to the kernel.
unsigned int clinux_packet_block_status(const void *block);
void clinux_packet_block_give(void *block);

// unshare(2) and setns(2), with CLONE_NEW* of linux/sched.h.
int clinux_unshare(int flags);
int clinux_setns(int fd, int flags);

// pipe2(2), close-on-exec: ends[0] to read, ends[1] to write.
int clinux_pipe(int *ends);
// posix_spawn_file_actions_addclosefrom_np(3).
int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

// prctl(PR_SET_PDEATHSIG), prctl(PR_SET_NAME).
int clinux_set_parent_death_signal(int signal);
int clinux_set_thread_name(const char *name);

// sched_setscheduler(2) of a thread, 0 for the calling one: SCHED_FIFO, which its children do not
// inherit, and SCHED_OTHER.
int clinux_set_fifo(int thread, int priority);
int clinux_set_normal(int thread);
// gettid(2).
int clinux_thread_id(void);

// pidfd_open(2), without glibc's wrapper, which Debian 12 has only in a separate header.
int clinux_pidfd_open(int pid);

// pidfd_send_signal(2) without siginfo: unlike a process id, the descriptor never comes to mean
// another process.
int clinux_pidfd_send_signal(int pidfd, int signal);

// A mutex in memory of ours that processes share (PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST),
// at `place`: clinux_robust_size() bytes, aligned as malloc aligns, all zero or never used, mapped
// for as long as somebody of this process holds it. Each function returns 0 or an errno.
size_t clinux_robust_size(void);
int clinux_robust_init(void *place);
// Waits for ever, or timeout_ms of CLOCK_MONOTONIC if that is not negative. 0: it is ours.
// EOWNERDEAD: it is ours, from a thread that died with it; the mutex is whole again, and what it
// guards may be half done. ETIMEDOUT, EDEADLK (this thread has it) and others: it is not ours.
int clinux_robust_lock(void *place, int timeout_ms);
int clinux_robust_unlock(void *place);

// The W* macros of wait(2).
int clinux_exited(int status);
int clinux_exit_status(int status);
int clinux_signaled(int status);
int clinux_termination_signal(int status);

#endif
