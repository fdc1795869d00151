// SPDX-License-Identifier: Apache-2.0

/// The state of one end of a xenbus device. Corresponds to `enum xenbus_state`
/// (xen/io/xenbus.h); xenbus's spelling is kept.
public enum XenbusState: Int, Sendable, CaseIterable {
    case unknown = 0
    case initialising = 1
    case initWait = 2
    case initialised = 3
    case connected = 4
    case closing = 5
    case closed = 6
    case reconfiguring = 7
    case reconfigured = 8

    /// Reads the text of a `state` node; anything but a known number is `unknown`, as in xenbus.
    public init(text: String?) {
        self = text.flatMap { Int($0) }.flatMap(XenbusState.init(rawValue:)) ?? .unknown
    }
}
