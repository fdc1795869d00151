// SPDX-License-Identifier: Apache-2.0
import Netif
import Platform
import TestSupport
import Testing

/// One packet that a guest sends.
struct TransmitCase: Equatable {
    enum Kind: CaseIterable {
        /// One slot.
        case small
        /// Three pages.
        case pages
        /// Eighteen slots of a few bytes.
        case pieces
        /// Two pages and an extra info.
        case large
        /// Its size is less than a frame's.
        case tooShort
        /// A blank checksum with nowhere to put it.
        case unusable
        /// A page that is not granted.
        case ungranted
        /// The host does not want it.
        case refused
    }

    var kind: Kind
    var number: Int

    /// What the guest is to be told.
    var status: Int16 {
        switch kind {
        case .small, .pages, .pieces, .large: ResponseStatus.okay
        case .tooShort, .unusable, .ungranted, .refused: ResponseStatus.error
        }
    }

    var isForwarded: Bool { status == ResponseStatus.okay }

    var frame: HostFrame {
        switch kind {
        case .small, .tooShort, .ungranted, .refused: HostFrame(number)
        case .unusable:
            HostFrame(
                bytes: HostFrame(number).bytes, header: HostFrame(0, kind: .blank, size: 70).header)
        case .pages: HostFrame(number, size: 9000)
        case .pieces: HostFrame(number, size: 18 * 20)
        case .large: HostFrame(number, kind: .large, size: 6000)
        }
    }
}

/// One frame that comes for a guest.
struct ReceiveCase: Equatable {
    enum Kind: CaseIterable {
        case small
        case pages
        case large
        case blank
        /// To be segmented in a way that no guest knows.
        case foreign
        /// Larger than what the guest said it takes.
        case oversized
    }

    var kind: Kind
    var number: Int

    var frame: HostFrame {
        switch kind {
        case .small: return HostFrame(number)
        case .pages: return HostFrame(number, size: 9000)
        case .large: return HostFrame(number, kind: .large, size: 6000)
        case .blank: return HostFrame(number, kind: .blank, size: 90)
        case .foreign:
            var frame = HostFrame(number, kind: .large, size: 100)
            frame.header.gsoType = 3
            return frame
        case .oversized: return HostFrame(number, size: 20_000)
        }
    }
}

/// What one run plays: packets for each queue in both directions, and how the guest behaves.
struct Scenario: CustomTestStringConvertible {
    static let allFeatures: FrontendFeatures = [
        .scatterGather, .segmentationTCPv4, .segmentationTCPv6, .checksumIPv4, .checksumIPv6,
        .receiveCopy, .receiveNotify,
    ]

    var name: String
    var queueCount = 1
    var transmits: [TransmitCase.Kind] = []
    var receives: [ReceiveCase.Kind] = []
    /// Packets that a guest sends, and the host delivers, at a time.
    var burst = 4
    var features = Scenario.allFeatures
    var frameSizeMax = 1522
    /// Where the rings' indices start.
    var start: UInt32 = .max - 4
    /// Rx buffers that the guest posts at most; nil for all.
    var buffersMax: UInt32?
    /// Rx slots, counted from the start, whose buffers are not granted.
    var ungranted: Set<Int> = []
    /// The host tells what it has counted.
    var tellsTraffic = true
    /// The guest looks and posts after every single effect of its backend, instead of at events.
    var isEager = false
    /// Every pair of crashes is played, instead of a sample.
    var isPairEnumerated = false

    var testDescription: String {
        name + (isEager ? ", eager guest" : "") + (tellsTraffic ? "" : ", no counters")
    }

    /// The scenario with a guest that polls.
    var eager: Scenario {
        var copy = self
        copy.isEager = true
        return copy
    }

    /// The scenario on a host that does not count.
    var blind: Scenario {
        var copy = self
        copy.tellsTraffic = false
        return copy
    }
}
