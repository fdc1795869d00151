// SPDX-License-Identifier: Apache-2.0
internal import Netif
internal import Platform

// How a guest's network stack and netif say the same things.

extension SegmentationOffload {
    /// What is left to segment of a frame from the guest's stack; nil for an ordinary frame, and
    /// for one of a protocol that netif does not know.
    init?(_ header: VnetHeader) {
        // The top bit says that the first segment carries a congestion mark.
        switch header.gsoType & 0x7F {
        case VnetHeader.gsoTCPv4: self.init(size: header.gsoSize, kind: .tcpv4)
        case VnetHeader.gsoTCPv6: self.init(size: header.gsoSize, kind: .tcpv6)
        default: return nil
        }
    }
}

extension TransmitFlags {
    /// A blank checksum vouches for the data too, as Linux's netfront has it.
    init(_ header: VnetHeader) {
        self = []
        if header.flags & VnetHeader.needsChecksum != 0 {
            formUnion([.checksumBlank, .dataValidated])
        } else if header.flags & VnetHeader.dataValid != 0 {
            insert(.dataValidated)
        }
    }
}

extension VnetHeader {
    /// What the guest's stack must know of a packet whose headers are `headers`; nil when there
    /// is no field for the checksum that it needs.
    init?(_ flags: ReceiveFlags, offload: SegmentationOffload?, headers: FrameHeaders?) {
        self.init()
        guard flags.contains(.checksumBlank) || offload != nil else {
            if flags.contains(.dataValidated) { self.flags = VnetHeader.dataValid }
            return
        }
        guard let headers, headers.transport != nil,
            let start = UInt16(exactly: headers.transportOffset),
            let length = UInt16(exactly: headers.headerLength)
        else { return nil }
        self.flags = VnetHeader.needsChecksum
        checksumStart = start
        checksumOffset = UInt16(headers.checksumOffset)
        guard let offload else { return }
        headerLength = length
        gsoSize = offload.size
        gsoType = offload.kind == .tcpv4 ? VnetHeader.gsoTCPv4 : VnetHeader.gsoTCPv6
    }
}
