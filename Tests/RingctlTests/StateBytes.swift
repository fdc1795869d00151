// SPDX-License-Identifier: Apache-2.0
import Glibc
import Heartbeat
import NetBack
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport

@testable import ringctl

/// A backend's memory as bytes, made by the code that makes a live one.
struct StateBytes {
    static let layout = StateLayout(workers: 2, queues: 40)
    var bytes: [UInt8] = []

    /// Memory with one queue, vif7.0, in page 1, changed by `body` before it is copied.
    init(_ body: (StateView<MappedWords>) -> Void = { _ in }) {
        let layout = Self.layout
        let size = 4 * layout.inspectedWordCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        defer { unsafe memory.deallocate() }
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        let words = unsafe MappedWords(at: memory, wordCount: layout.inspectedWordCount)
        let beats = unsafe MappedWords(
            at: memory + 4 * layout.journalWordCount, wordCount: layout.heartbeatWordCount)
        let journal = Journal(formatting: words, workers: 2, queues: layout.queues)
        let heartbeat = HeartbeatPage(formatting: beats, slotCount: 2)
        journal.describe(domain: "emulated:/nowhere")
        for worker in 0..<2 {
            let page = journal.worker(worker)
            _ = page.lease.acquire(succeeding: .none)
            page.note(process: 11, thread: 12, since: 5_000_000_000)
            var pulse = heartbeat.pulse(ofSlot: worker)
            pulse.beat(at: 9_000_000_000)
            pulse.enter(.waiting)
        }
        let opening = QueueOpening(
            id: QueueID(
                vif: VifID(domain: DomainID(7), device: 0), index: 0, generation: 1),
            configuration: QueueConfiguration(
                transmitRing: GrantReference(8), receiveRing: GrantReference(9),
                transmitPort: EventChannelPort(1), receivePort: EventChannelPort(2)),
            features: [], frameSizeMax: 1518, slot: 1)
        let page = journal.queue(1)
        page.describe(opening, interfaceName: "vif7.0")
        page.half(.transmit).note(channel: EventChannelPort(1), worker: 0)
        page.half(.receive).note(channel: EventChannelPort(2), worker: 1)
        page.transmit.reset(at: RingIndex(10), frames: 10)
        page.receive.reset(at: RingIndex(20), frames: 20, bytes: 2000)
        body(StateView(words, layout: layout, journal: journal, heartbeat: heartbeat))
        unsafe bytes = Array(UnsafeRawBufferPointer(start: memory, count: size))
    }

    /// A ring's page with these indices.
    static func ring(
        requestProducer: UInt32, requestEvent: UInt32 = 0, responseProducer: UInt32,
        responseEvent: UInt32 = 0
    ) -> [UInt8] {
        let page = RingPage()
        for (word, value) in [requestProducer, requestEvent, responseProducer, responseEvent]
            .enumerated()
        { page.words.storeRelaxed(value, at: word) }
        return page.bytes
    }

    /// Files of a report with this memory, and rings that agree with it unless others are given.
    func files(_ more: [String: [UInt8]] = [:], isLive: Bool = false) -> MemoryFiles {
        var files: [String: [UInt8]] = [
            "state": bytes,
            "about": Array("format=1\ntime=2000\nmonotonic_ns=10000000000\n".utf8),
            "ring-1-tx": Self.ring(requestProducer: 10, responseProducer: 10),
            "ring-1-rx": Self.ring(requestProducer: 276, responseProducer: 20),
        ]
        files.merge(more) { $1 }
        return MemoryFiles(files: files, isLive: isLive)
    }
}

/// A report that is no folder, or a backend that never changes.
struct MemoryFiles: StateFiles {
    var files: [String: [UInt8]]
    var isLive: Bool
    func read(_ name: String) throws -> [UInt8]? { files[name] }
}
