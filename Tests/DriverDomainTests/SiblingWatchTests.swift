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
        let vif = try WatchedVif()
        // After four turns of the worker each time.
        #expect(vif.look(beats: 4) == nil)
        #expect(!vif.isStrange)

        vif.transmit.words.storeRelease(1, at: RingLayout.requestProducer)
        #expect(vif.look(beats: 4) == nil)
        #expect(!vif.isStrange)
        for _ in 0..<3 { #expect(vif.look(beats: 4) == nil) }
        #expect(vif.isStrange)
        var finding: String?
        for _ in 0..<4 where finding == nil { finding = vif.look(beats: 4) }
        #expect(finding == "vif7.0-q0 transmit has work and does not move")

        // No request is left: it has all been carried.
        vif.transmit.words.storeRelease(0, at: RingLayout.requestProducer)
        #expect(vif.look(beats: 4) == nil)
        #expect(!vif.isStrange)
    }

    @Test("turns that a worker made before a half had work do not count against it")
    func turnsBefore() throws {
        let vif = try WatchedVif()
        #expect(vif.look(beats: 4) == nil)
        // The work came at the end of these turns; then the worker waits for a processor.
        vif.transmit.words.storeRelease(1, at: RingLayout.requestProducer)
        #expect(vif.look(beats: 4) == nil)
        for beats in [1, 0, 1, 0, 1, 0, 0] { #expect(vif.look(beats: beats) == nil) }
        #expect(vif.look(beats: 1) == "vif7.0-q0 transmit has work and does not move")
    }

    @Test("a frame in a TAP wakes whoever rests, and ends the quiet")
    func wakefulness() throws {
        let vif = try WatchedVif()
        vif.receive.words.storeRelease(64, at: RingLayout.requestProducer)
        for _ in 0..<Self.quietLooks { _ = vif.look() }
        #expect(vif.isQuiet)
        vif.watch.rest(true)
        #expect(!vif.isWoken)

        vif.tap.send()
        #expect(vif.isWoken)
        _ = vif.look()
        #expect(!vif.isQuiet)
        // While frames come, nobody is told of each.
        vif.watch.rest(false)
        #expect(!vif.isWoken)
        // A frame that came before the rest began is not slept through.
        vif.watch.rest(true)
        #expect(vif.isWoken)

        vif.watch.remove(0)
        #expect(!vif.isWoken)
        for _ in 0..<Self.quietLooks { _ = vif.look() }
        #expect(vif.isQuiet)
    }

    @Test("a worker without a beat that carries packets is not given up, one that does neither is")
    func slowness() throws {
        let vif = try WatchedVif()
        var journal = vif.region.journal.queue(0).transmit
        vif.transmit.words.storeRelease(200, at: RingLayout.requestProducer)
        _ = vif.look(beats: 1)
        for frame in 1...50 {
            journal.intend(upTo: RingIndex(UInt32(frame)))
            journal.startAnswers(at: RingIndex(UInt32(frame)))
            journal.commit(frames: UInt32(frame))
            #expect(vif.look() == nil)
        }
        // Nobody is its owner: /proc knows of no thread that might only be kept from running.
        var finding: String?
        for _ in 0..<20 where finding == nil { finding = vif.look() }
        #expect(finding?.hasPrefix("worker 0 is silent with work to do") == true)
    }

    @Test("a half of a worker that there is not, as a damaged journal says, is not watched")
    func nonsense() throws {
        let vif = try WatchedVif(worker: 9)
        vif.transmit.words.storeRelease(1, at: RingLayout.requestProducer)
        for _ in 0..<20 { #expect(vif.look() == nil) }
    }
}

/// A vif with one queue, vif7.0, in the first page of a sibling's journal, and who watches it.
private final class WatchedVif {
    let region: StateRegion
    let transmit = RingPage()
    let receive = RingPage()
    let tap: Tap
    var watch: SiblingWatch
    private var pulse: Pulse<MappedWords>
    private var now = Instant.now.nanoseconds

    init(worker: Int = 0) throws {
        region = try SampleRegion.make()
        tap = try Tap()
        watch = try SiblingWatch(region: region, detection: .standard)
        pulse = region.heartbeat.pulse(ofSlot: 0)
        SampleRegion.describe(0, domain: 7, in: region)
        let page = region.journal.queue(0)
        page.half(.transmit).note(channel: EventChannelPort(1), worker: worker)
        let opening = try #require(page.opening(slot: 0))
        let entry = QueueTable.Entry(
            opening: opening, interfaceName: "vif7.0", tap: tap.descriptor)
        watch.add(0, entry, transmit: transmit.words, receive: receive.words)
    }

    /// What a look finds four milliseconds later, after so many beats of the worker.
    func look(beats: Int = 0) -> String? {
        now += 4_000_000
        for _ in 0..<beats { pulse.beat(at: now) }
        return watch.look(at: Instant(nanoseconds: now))?.reason
    }

    var isStrange: Bool { watch.isStrange }
    var isQuiet: Bool { watch.isQuiet }
    /// Whether a frame would wake whoever rests.
    var isWoken: Bool {
        var waiting = pollfd(fd: watch.epoll, events: Int16(POLLIN), revents: 0)
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
