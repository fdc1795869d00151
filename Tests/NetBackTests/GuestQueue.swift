// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory

/// One queue of an honest guest with its ports.
final class GuestQueue {
    let keys: FrontendQueueKeys
    /// The backend sent an event since the last turn.
    var hasEvent = true
    private var ring: NetFrontQueue?
    private let firstPage: Int
    /// `rsp_prod` of both rings at their last events.
    private var seen: (transmit: UInt32, receive: UInt32)
    private let words: (transmit: Int, receive: Int)
    private var readResponses: ((Int) -> UInt32)?

    init(
        _ configuration: NetFrontQueueConfiguration, isSplit: Bool, _ guest: Guest
    ) throws {
        let transmit = try guest.domain.allocateUnbound(for: configuration.backend)
        let receive =
            isSplit ? try guest.domain.allocateUnbound(for: configuration.backend) : transmit
        let ring = NetFrontQueue(configuration, memory: guest.domain)
        keys = FrontendQueueKeys(
            transmitRing: ring.transmitRingReference, receiveRing: ring.receiveRingReference,
            transmitPort: transmit, receivePort: receive)
        self.ring = consume ring
        firstPage = configuration.firstPage
        words = (configuration.firstPage, configuration.firstPage + 1)
        seen = (configuration.start.rawValue, configuration.start.rawValue)
        readResponses = { [unowned guest] page in
            guest.domain.words(ofPage: page).loadAcquire(at: RingLayout.responseProducer)
        }
    }

    /// What is wrong with the backend in this frontend's eyes.
    var judgement: [String] {
        guard let oracle = ring?.oracle else { return [] }
        return [oracle.broken, oracle.firstIncompatible, oracle.firstDropped]
            .compactMap { $0 }.map(\.description)
    }

    /// How often a rule was broken.
    func count(of rule: FrontendRule) -> UInt64 { ring?.oracle.count(of: rule) ?? 0 }

    var statistics: FrontendStatistics { ring?.statistics ?? FrontendStatistics() }

    var counters: (answered: UInt64, errors: UInt64) {
        (statistics.transmitAnsweredOkay, statistics.transmitAnsweredError)
    }

    /// `rsp_prod` of the Tx ring, as the backend last published it.
    var publishedAnswers: UInt32? { readResponses?(words.transmit) }

    /// Requests that have no answer.
    var outstanding: Int { ring?.outstandingTransmits ?? 0 }

    var hasRoom: Bool { ring?.hasTransmitRoom ?? false }

    /// Takes note of an event; true when it came without a reason.
    func note(_ port: EventChannelPort) -> Bool {
        guard port == keys.transmitPort || port == keys.receivePort else { return false }
        hasEvent = true
        guard let readResponses else { return false }
        let now = (readResponses(words.transmit), readResponses(words.receive))
        let isIdle =
            (port != keys.transmitPort || now.0 == seen.transmit)
            && (port != keys.receivePort || now.1 == seen.receive)
        if port == keys.transmitPort { seen.transmit = now.0 }
        if port == keys.receivePort { seen.receive = now.1 }
        return isIdle
    }

    func send(
        _ frame: HostFrame, pieces: [Int], notifies: Bool, _ guest: Guest
    ) throws -> Bool {
        guard let page = ring?.transmitPage() else { return false }
        var fragments = FrameFragments()
        if pieces.isEmpty {
            guest.write(frame.bytes, page: page)
            fragments.append(FrameFragment(offset: page * 4096, count: frame.bytes.count))
        } else {
            // A page for each piece, but two for the last page: there are 17 for 18 pieces.
            var done = 0
            for (position, count) in pieces.enumerated() {
                let place = position < 17 ? page + position : page + 16
                let offset = position < 17 ? position % 7 : 2048
                guest.write(
                    Array(frame.bytes[done..<done + count]), page: place, offset: offset)
                fragments.append(FrameFragment(offset: place * 4096 + offset, count: count))
                done += count
            }
            precondition(done == frame.bytes.count, "the pieces do not make the frame")
        }
        let outcome = ring?.transmit(fragments, header: frame.header, guest.domain)
        guard case .sent = outcome else { return false }
        if ring?.publishTransmits() ?? false, notifies {
            try guest.domain.notify(keys.transmitPort)
        }
        return true
    }

    /// Makes the backend look.
    func notify(_ guest: Guest) throws { try guest.domain.notify(keys.transmitPort) }

    /// Takes what came, and asks for an event at the next; true when something was done.
    func serve(_ guest: Guest, into received: inout [HostFrame]) throws -> Bool {
        guard hasEvent else { return false }
        hasEvent = false
        repeat {
            _ = ring?.takeTransmitResponses(guest.domain)
        } while ring?.finalCheckForTransmitResponses() ?? false && judgement.isEmpty
        var packet = GuestPacket()
        repeat {
            while ring?.nextPacket(&packet, guest.domain) ?? false {
                var bytes: [UInt8] = []
                for position in 0..<packet.fragments.count {
                    let fragment = packet.fragments[position]
                    bytes += guest.read(at: fragment.offset, count: fragment.count)
                }
                received.append(HostFrame(bytes: bytes, header: packet.header))
            }
            if ring?.postBuffers(guest.domain) ?? false {
                try guest.domain.notify(keys.receivePort)
            }
        } while ring?.finalCheckForPackets() ?? false && ring?.oracle.broken == nil
        return true
    }

    /// Gives everything up; how many grants the backend still has mapped.
    func close(_ guest: Guest) throws -> Int {
        readResponses = nil
        var held = 0
        if let ring = ring.take() { held = ring.close(guest.domain) }
        try guest.domain.close(keys.transmitPort)
        if keys.receivePort != keys.transmitPort { try guest.domain.close(keys.receivePort) }
        return held
    }
}
