// SPDX-License-Identifier: Apache-2.0
import Netif
import Testing

@Suite("Features and faults")
struct FeaturesTests {
    @Test("a frontend that writes nothing takes blank checksums over IPv4 and nothing else")
    func defaults() {
        #expect(FrontendFeatures.defaults == .checksumIPv4)
    }

    @Test("each key sets its feature when 1 and clears it when 0")
    func keys() {
        let table: [(String, FrontendFeatures)] = [
            ("feature-sg", .scatterGather), ("feature-gso-tcpv4", .segmentationTCPv4),
            ("feature-gso-tcpv6", .segmentationTCPv6), ("feature-ipv6-csum-offload", .checksumIPv6),
            ("request-rx-copy", .receiveCopy), ("feature-rx-notify", .receiveNotify),
        ]
        var features: FrontendFeatures = []
        for (key, feature) in table {
            let isKnown = features.note(key, isSet: true)
            #expect(isKnown)
            #expect(features == feature)
            let isKnownToo = features.note(key, isSet: false)
            #expect(isKnownToo)
            #expect(features == [])
        }
    }

    @Test("feature-no-csum-offload means the opposite of the others")
    func inverted() {
        var features = FrontendFeatures.defaults
        let isKnown = features.note("feature-no-csum-offload", isSet: true)
        #expect(isKnown)
        #expect(features == [])
        let isKnownToo = features.note("feature-no-csum-offload", isSet: false)
        #expect(isKnownToo)
        #expect(features == .checksumIPv4)
    }

    @Test("other keys are no features")
    func otherKeys() {
        var features = FrontendFeatures.defaults
        let isKnown = features.note("mac", isSet: true)
        #expect(!isKnown)
        let isKnownMadeUp = features.note("feature-made-up", isSet: true)
        #expect(!isKnownMadeUp)
        #expect(features == .defaults)
    }

    @Test("a large packet is taken whole only by a frontend that said so for its protocol")
    func segmentation() {
        let (four, six) = (
            SegmentationOffload(size: 1448, kind: .tcpv4),
            SegmentationOffload(size: 1428, kind: .tcpv6)
        )
        let features: FrontendFeatures = [.scatterGather, .segmentationTCPv4]
        #expect(features.allow(four) && !features.allow(six))
        #expect(FrontendFeatures.segmentationTCPv6.allow(six))
    }

    @Test("a queue's directory is named by its number")
    func queues() {
        #expect(NetifKey.queue(0) == "queue-0")
        #expect(NetifKey.queue(12) == "queue-12")
    }

    @Test("the fatal faults are Linux's fatal ones")
    func fatality() {
        let fatal: [NetifFault] = [
            .extraChainCut(available: 1), .extraChainTooLong, .extraTypeUnknown(0),
            .dataChainCut(available: 1), .slotCountFatal,
            .pageCrossed(slot: 0, offset: 1, size: 4096), .segmentSizeZero, .segmentKindUnknown(3),
        ]
        let mild: [NetifFault] = [
            .slotCountOverLimit(19), .sizesDoNotAddUp(claimed: 2, remaining: 1),
            .firstPieceTooShort(size: 13), .multicastNotOffered(type: 2),
        ]
        for fault in fatal { #expect(fault.isFatal, "\(fault)") }
        for fault in mild { #expect(!fault.isFatal, "\(fault)") }
    }

    @Test("a fault tells the claimed value and the bound")
    func descriptions() {
        let table: [(NetifFault, [String])] = [
            (.extraChainCut(available: 3), ["3 published"]), (.extraChainTooLong, ["4"]),
            (.extraTypeUnknown(77), ["77", "1 to 4"]),
            (.dataChainCut(available: 3), ["3 published"]),
            (.slotCountFatal, ["20", "18"]), (.slotCountOverLimit(19), ["19", "18"]),
            (.sizesDoNotAddUp(claimed: 101, remaining: 100), ["101", "100"]),
            (.pageCrossed(slot: 2, offset: 4000, size: 97), ["slot 2", "4000", "97", "4096"]),
            (.firstPieceTooShort(size: 13), ["13", "14"]), (.segmentSizeZero, ["0 bytes"]),
            (.segmentKindUnknown(9), ["9", "1 (TCPv4) and 2 (TCPv6)"]),
            (.multicastNotOffered(type: 2), ["type 2"]),
        ]
        for (fault, parts) in table {
            for part in parts { #expect(fault.description.contains(part), "\(fault)") }
        }
    }
}
