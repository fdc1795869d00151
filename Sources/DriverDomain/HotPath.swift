// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import HostNetwork
import NetBack
import XenPlatform

// The whole of a worker's turn, once for each hypervisor. These functions are what a worker thread
// calls, and they compile only while nothing beneath them allocates, counts references, locks or
// goes through a witness table: the compiler proves it. The attributes are underscored in Swift
// 6.3, so they stay in this one file.

/// One turn of a worker on Xen: every ready half of a queue gets one bounded step.
@_noAllocation
@_noLocks
func turn(_ worker: inout Worker<XenHypervisor, TapDevice>) -> Bool {
    let hasMoreToSend = worker.transmitTurn()
    let hasMoreToReceive = worker.receiveTurn()
    return hasMoreToSend || hasMoreToReceive
}

/// One turn of a worker on the emulated machine.
@_noAllocation
@_noLocks
func turn(_ worker: inout Worker<EmulatedHypervisor, TapDevice>) -> Bool {
    let hasMoreToSend = worker.transmitTurn()
    let hasMoreToReceive = worker.receiveTurn()
    return hasMoreToSend || hasMoreToReceive
}
