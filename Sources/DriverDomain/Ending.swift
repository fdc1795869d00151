// SPDX-License-Identifier: Apache-2.0

/// What became of the vifs when the service ended.
enum Ending: Equatable {
    /// Every one was closed.
    case closed
    /// As many were left connected on purpose, for the next process to serve on.
    case detached(Int)
    /// As many were left connected because xenstore was gone.
    case withoutStore(Int)
    /// As many did not close in time.
    case leftBehind(Int)
    /// A successor serves them on.
    case handedOver
}
