// SPDX-License-Identifier: Apache-2.0
import Glibc
import Heartbeat
import NetBack
import Platform
import Ring
import SharedMemory
import TestSupport
import Testing

@testable import DriverDomain

struct SiblingWatchTests {
    /// Looks as long as it takes to be thought quiet, and no more.
    private static let quietLooks = 250

    @Test("a sibling that does nothing is quiet after a second, and not once it has beaten")
    func quietness() throws {
        let region = try StateRegion(
            making: StateLayout(workers: 2, queues: 4), for: .xen)
        var watch = try SiblingWatch(region: region, detection: .standard)
        var pulse = region.heartbeat.pulse(ofSlot: 1)
        var now: UInt64 = 1_000_000_000
        /// Whether it is quiet after one more look.
        func look() -> Bool {
            now += 4_000_000
            if let finding = watch.look(at: Instant(nanoseconds: now)) {
                Issue.record("given up: \(finding.reason)")
            }
            return watch.isQuiet
        }
        for _ in 1..<Self.quietLooks { #expect(look() == false) }
        #expect(look())

        pulse.beat(at: now)
        #expect(look() == false)
        for _ in 1..<Self.quietLooks { #expect(look() == false) }
        #expect(look())
    }

    @Test("a half with work that does not move is looked at closely, and given up in the end")
    func strangeness() throws {
        let region = try SampleRegion.make()
        let transmit = RingPage()
        let receive = RingPage()
        let tap = try Tap()
        var watch = try SiblingWatch(region: region, detection: .standard)
        watch.follow(tap, in: region, transmit: transmit, receive: receive)
        var pulse = region.heartbeat.pulse(ofSlot: 0)
        var now = Instant.now.nanoseconds
        /// What a look finds four milliseconds later, after four turns of the worker.
        func look() -> String? {
            now += 4_000_000
            for _ in 0..<4 { pulse.beat(at: now) }
            return watch.look(at: Instant(nanoseconds: now))?.reason
        }
        func isStrange() -> Bool { watch.isStrange }
        #expect(look() == nil)
        #expect(!isStrange())

        transmit.words.storeRelease(1, at: RingLayout.requestProducer)
        #expect(look() == nil)
        #expect(!isStrange())
        for _ in 0..<3 { #expect(look() == nil) }
        #expect(isStrange())
        var finding: String?
        for _ in 0..<4 where finding == nil { finding = look() }
        #expect(finding == "vif7.0-q0 transmit has work and does not move")

        // No request is left: it has all been carried.
        transmit.words.storeRelease(0, at: RingLayout.requestProducer)
        #expect(look() == nil)
        #expect(!isStrange())
    }

    @Test("a frame in a TAP wakes whoever rests, and ends the quiet")
    func wakefulness() throws {
        let region = try SampleRegion.make()
        let transmit = RingPage()
        let receive = RingPage()
        let tap = try Tap()
        var watch = try SiblingWatch(region: region, detection: .standard)
        watch.follow(tap, in: region, transmit: transmit, receive: receive)
        receive.words.storeRelease(64, at: RingLayout.requestProducer)
        var now = Instant.now.nanoseconds
        func look() {
            now += 4_000_000
            _ = watch.look(at: Instant(nanoseconds: now))
        }
        func isQuiet() -> Bool { watch.isQuiet }
        func isWoken() -> Bool { isReadable(watch.epoll) }
        for _ in 0..<Self.quietLooks { look() }
        #expect(isQuiet())
        #expect(!isWoken())

        tap.send()
        #expect(isWoken())
        look()
        #expect(!isQuiet())

        watch.remove(0)
        for _ in 0..<Self.quietLooks { look() }
        #expect(isQuiet())
    }

    @Test("a worker without a beat that carries packets is not given up, one that does neither is")
    func slowness() throws {
        let region = try SampleRegion.make()
        let transmit = RingPage()
        let receive = RingPage()
        let tap = try Tap()
        var watch = try SiblingWatch(region: region, detection: .standard)
        watch.follow(tap, in: region, transmit: transmit, receive: receive)
        var pulse = region.heartbeat.pulse(ofSlot: 0)
        var journal = region.journal.queue(0).transmit
        var now = Instant.now.nanoseconds
        func look() -> String? {
            now += 4_000_000
            return watch.look(at: Instant(nanoseconds: now))?.reason
        }
        transmit.words.storeRelease(200, at: RingLayout.requestProducer)
        pulse.beat(at: now)
        for frame in 1...50 {
            journal.intend(upTo: RingIndex(UInt32(frame)))
            journal.startAnswers(at: RingIndex(UInt32(frame)))
            journal.commit(frames: UInt32(frame))
            #expect(look() == nil)
        }
        // Nobody is its owner: /proc knows of no thread that might only be kept from running.
        var finding: String?
        for _ in 0..<20 where finding == nil { finding = look() }
        #expect(finding?.hasPrefix("worker 0 is silent with work to do") == true)
    }

    @Test("a half of a worker that there is not, as a damaged journal says, is not watched")
    func nonsense() throws {
        let region = try SampleRegion.make()
        let transmit = RingPage()
        let receive = RingPage()
        let tap = try Tap()
        var watch = try SiblingWatch(region: region, detection: .standard)
        watch.follow(tap, in: region, transmit: transmit, receive: receive, worker: 9)
        transmit.words.storeRelease(1, at: RingLayout.requestProducer)
        let finding = watch.look(at: .now)
        #expect(finding?.reason == nil)
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: one local element, and its count.
        return unsafe poll(&waiting, 1, 0) == 1
    }
}

/// Two ends of a wire in a TAP's place.
private struct Tap: ~Copyable {
    let descriptor: Int32
    private let far: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &ends) == 0 else {
            throw PlatformError("socketpair", errno: errno)
        }
        (descriptor, far) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(far)
    }

    /// Puts a frame in.
    func send() { _ = unsafe "frame".withCString { unsafe write(far, $0, 5) } }
}

extension SiblingWatch {
    /// Watches a queue of vif7.0 in the first page. SAFETY: the caller keeps the pages.
    fileprivate mutating func follow(
        _ tap: borrowing Tap, in region: StateRegion, transmit: borrowing RingPage,
        receive: borrowing RingPage, worker: Int = 0
    ) {
        SampleRegion.describe(0, domain: 7, in: region)
        region.journal.queue(0).half(.transmit).note(channel: EventChannelPort(1), worker: worker)
        guard let opening = region.journal.queue(0).opening(slot: 0) else { return }
        let entry = QueueTable.Entry(
            opening: opening, interfaceName: "vif7.0", tap: tap.descriptor)
        add(0, entry, transmit: transmit.words, receive: receive.words)
    }
}
