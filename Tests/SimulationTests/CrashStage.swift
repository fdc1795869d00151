// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Glibc
import NetBack
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport

/// Memory that outlives every backend: the journal and the workers' arena.
///
/// SAFETY: the memory lives as long as the object, which outlives every view of it.
@safe
final class BackendMemory {
    private let words: UnsafeMutableRawPointer
    private let wordCount: Int
    private let pages: UnsafeMutableRawPointer
    private let pageCount: Int

    init(workerCount: Int = 1, queueCount: Int) {
        pageCount = WorkerScratch<MortalWords>.arenaPageCount
        wordCount = Journal<MortalWords>.wordCount(workers: workerCount, queues: queueCount)
        unsafe words = .allocate(byteCount: wordCount * 4, alignment: 4096)
        unsafe pages = .allocate(byteCount: pageCount * 4096, alignment: 4096)
    }

    /// Makes it as it is before the first backend comes.
    func clear() {
        unsafe memset(words, 0, wordCount * 4)
        // What an earlier run left there must not matter; it is the same for each run.
        unsafe memset(pages, 0xEE, pageCount * 4096)
    }

    deinit {
        unsafe words.deallocate()
        unsafe pages.deallocate()
    }

    var journal: MappedWords { unsafe MappedWords(at: words, wordCount: wordCount) }
    var arena: PageArena { unsafe PageArena(over: pages, pageCount: pageCount) }
}

/// A machine with a guest, and the backends' memory: made once, used by one run after the other.
final class CrashStage {
    static let guest = DomainID(2)

    let machine: Machine
    let memory: BackendMemory
    private let queueCount: Int
    private let domain: InProcessGuestDomain

    init(queueCount: Int) throws {
        self.queueCount = queueCount
        machine = try Machine(form: .oneProcess)
        try machine.createDomain(name: "backend", pageCount: 1, id: DomainID(1))
        try machine.createDomain(
            name: "guest", pageCount: queueCount * NetFrontQueue.pageCount, id: Self.guest)
        memory = BackendMemory(queueCount: queueCount)
        domain = try InProcessGuestDomain(machine, domain: Self.guest)
    }

    /// Wipes what a run left: the journal, the arena, and the first Rx buffers that it will use.
    func clear(rings start: UInt32) {
        memory.clear()
        for queue in 0..<queueCount {
            for count in 0..<UInt32(48) {
                let slot = RingIndex(start).advanced(by: count).slot(of: ReceiveFormat.slotCount)
                let page = queue * NetFrontQueue.pageCount + 2 + slot
                // SAFETY: the page is one of the guest's.
                unsafe memset(domain.address(ofPage: page), 0xDD, 4096)
            }
        }
    }
}
