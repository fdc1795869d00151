// SPDX-License-Identifier: Apache-2.0
import Platform

/// What one of a worker's event channels announces. A guest with one channel for both rings has
/// both halves of its queue here.
@usableFromInline struct ServedChannel: Sendable {
    /// The number of the Tx half, -1 for none.
    @usableFromInline var transmit: Int32
    /// The number of the Rx half, -1 for none.
    @usableFromInline var receive: Int32
    /// An event was taken and the port not yet unmasked: no other can come.
    @usableFromInline var isMasked: Bool

    static var unused: ServedChannel {
        ServedChannel(transmit: -1, receive: -1, isMasked: false)
    }

    @inlinable var isUsed: Bool { transmit >= 0 || receive >= 0 }
}

/// The channels of a worker, by local port.
typealias ServedChannels = FixedBuffer<ServedChannel>

extension FixedBuffer<ServedChannel> {
    /// Makes sure that there is a place for `channel`; control plane.
    mutating func grow(for channel: EventChannelPort) {
        let index = Int(channel.rawValue)
        guard index >= count else { return }
        var larger = ServedChannels(capacity: max(64, (index + 1) * 2), filler: .unused)
        for position in 0..<count { larger.append(self[position]) }
        while larger.count < larger.capacity { larger.append(.unused) }
        self = larger
    }
}
