// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform

/// What a guest's packet needs done, put into the words of the host's port.
public enum TransmitOffload: Sendable {
    /// The header is complete.
    case ready
    /// Complete, after the pseudo-header sum that a segmented packet lacked was written.
    case mended
    /// The packet asks for something that its headers do not allow.
    case unusable

    /// Fills in the port's header for a packet whose bytes are in the arena.
    ///
    /// Headers are read from contiguous bytes: a packet cut into small pieces has its first
    /// `NetifLimits.headerWindow` bytes gathered at `headerOffset`.
    @inlinable
    static func translate(
        _ packet: TransmitPacket, _ fragments: borrowing FrameFragments,
        arena: inout PageArena, headerOffset: Int, to header: inout VnetHeader
    ) -> TransmitOffload {
        let isBlank = packet.flags.contains(.checksumBlank)
        guard isBlank || packet.offload != nil else {
            if packet.flags.contains(.dataValidated) { header.flags = VnetHeader.dataValid }
            return .ready
        }
        let window = min(packet.size, NetifLimits.headerWindow)
        let isGathered = fragments[0].count < window
        let start = isGathered ? headerOffset : fragments[0].offset
        if isGathered { gather(window, of: fragments, to: start, arena: &arena) }
        let parsed = arena.findHeaders(at: start, count: window, frameSize: packet.size)
        guard let headers = parsed, headers.hasTransport else { return .unusable }
        if let offload = packet.offload {
            let wanted: FrameHeaders.Network = offload.kind == .tcpv4 ? .ipv4 : .ipv6
            guard headers.network == wanted, headers.transport == .tcp else { return .unusable }
            header.gsoType =
                offload.kind == .tcpv4 ? VnetHeader.gsoTCPv4 : VnetHeader.gsoTCPv6
            header.gsoSize = offload.size
        }
        header.flags = VnetHeader.needsChecksum
        // The window is smaller than 2^16, and every header offset is within it.
        header.headerLength = UInt16(headers.headerLength)
        header.checksumStart = UInt16(headers.transportOffset)
        header.checksumOffset = UInt16(headers.checksumOffset)
        if isBlank { return .ready }
        // A packet to be segmented implies a blank checksum; some frontends forget to say so and
        // leave a full sum there.
        let mended = arena.blankChecksum(at: start, count: window, headers: headers)
        guard let sum = mended else { return .unusable }
        let field = start + headers.transportOffset + headers.checksumOffset
        arena.setBigEndian16(sum, at: field)
        if isGathered { scatter(window, from: start, to: fragments, arena: &arena) }
        return .mended
    }

    @inlinable
    static func gather(
        _ count: Int, of fragments: borrowing FrameFragments, to offset: Int,
        arena: inout PageArena
    ) {
        var done = 0
        for position in 0..<fragments.count where done < count {
            let part = min(fragments[position].count, count - done)
            arena.move(from: fragments[position].offset, to: offset + done, count: part)
            done += part
        }
    }

    @inlinable
    static func scatter(
        _ count: Int, from offset: Int, to fragments: borrowing FrameFragments,
        arena: inout PageArena
    ) {
        var done = 0
        for position in 0..<fragments.count where done < count {
            let part = min(fragments[position].count, count - done)
            arena.move(from: offset + done, to: fragments[position].offset, count: part)
            done += part
        }
    }
}
