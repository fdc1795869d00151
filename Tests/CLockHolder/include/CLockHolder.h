// SPDX-License-Identifier: Apache-2.0
// A process that dies holding a lock. In C, because Swift has no fork.
#ifndef NETDD_CLOCKHOLDER_H
#define NETDD_CLOCKHOLDER_H

#include <sys/types.h>

// Forks a child that locks the robust mutex at `place`, which must be shared memory, and then waits
// for a signal. Returns the child's process id once it has the lock, -1 if it did not get it.
pid_t lock_holder_start(void *place);

#endif
