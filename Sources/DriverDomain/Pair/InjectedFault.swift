// SPDX-License-Identifier: Apache-2.0

/// What can be made to go wrong with a worker, to see that the shadow notices.
enum InjectedFault: UInt32, Sendable {
    /// Nothing.
    case none = 0
    /// It sleeps for ever.
    case sleep = 1
    /// It is busy for ever with nothing.
    case spin = 2
    /// It ends its process as a trap does.
    case crash = 3
}
