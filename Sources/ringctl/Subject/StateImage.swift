// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Heartbeat
import NetBack
import Platform
import SharedMemory

/// The memory of a backend or a pair: mapped for reading while it lives, or a copy.
///
/// SAFETY (Sendable): nothing changes after init, and views read single words.
@safe
final class StateImage: @unchecked Sendable {
    /// What can be seen in it. Valid while the object is.
    let view: StateView<MappedWords>
    /// Bytes that are missing at the end of a copy, and read as zero.
    let missingByteCount: Int
    private let base: UnsafeMutableRawPointer
    private let size: Int
    /// A copy of more is refused: a header that asks for it is broken.
    private static var byteCountMax: Int { 512 << 20 }

    /// Maps a live one, for reading alone: a store into it would end us and not it.
    ///
    /// - Throws: `Complaint` when it is none that this program knows.
    init(mapping descriptor: Int32) throws {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw Complaint("its memory cannot be had: errno \(errno)", remedy: nil)
        }
        let size = Int(status.st_size)
        guard size >= PageArena.pageSize else {
            throw Complaint("its memory has \(size) bytes", remedy: nil)
        }
        let base = unsafe mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let base = unsafe base, unsafe base != MAP_FAILED else {
            throw Complaint("its memory cannot be mapped: errno \(errno)", remedy: nil)
        }
        do {
            let layout = try unsafe Self.layout(at: base, size: size)
            guard size >= 4 * layout.inspectedWordCount else {
                throw Complaint(
                    "its memory has \(size) bytes and should have \(layout.byteCount)", remedy: nil)
            }
            view = try unsafe Self.view(at: base, layout)
        } catch {
            unsafe munmap(base, size)
            throw error
        }
        unsafe self.base = base
        self.size = size
        missingByteCount = 0
    }

    /// Copies the bytes of a report. What is missing at their end is zero.
    ///
    /// - Throws: `Complaint` when they are none that this program knows.
    init(copying bytes: [UInt8]) throws {
        let page = PageArena.pageSize
        guard bytes.count >= page else {
            throw Complaint("the state has \(bytes.count) bytes, not even a page", remedy: nil)
        }
        let layout = try unsafe bytes.withUnsafeBytes { source in
            // A copy: an array's bytes need not be aligned as words.
            let header = UnsafeMutableRawPointer.allocate(byteCount: page, alignment: page)
            defer { unsafe header.deallocate() }
            if let start = source.baseAddress {
                unsafe header.copyMemory(from: start, byteCount: page)
            }
            return try unsafe Self.layout(at: header, size: page)
        }
        let needed = 4 * layout.inspectedWordCount
        guard needed <= Self.byteCountMax else {
            throw Complaint("the state claims \(needed) bytes", remedy: nil)
        }
        let memory = unsafe mmap(
            nil, needed, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            throw Complaint("no memory for \(needed) bytes", remedy: nil)
        }
        unsafe bytes.withUnsafeBytes {
            guard let start = $0.baseAddress else { return }
            unsafe memory.copyMemory(from: start, byteCount: min(needed, bytes.count))
        }
        do {
            view = try unsafe Self.view(at: memory, layout)
        } catch {
            unsafe munmap(memory, needed)
            throw error
        }
        unsafe base = memory
        size = needed
        missingByteCount = max(0, needed - bytes.count)
    }

    deinit { unsafe munmap(base, size) }

    private static func layout(
        at base: UnsafeMutableRawPointer, size: Int
    ) throws -> StateLayout {
        // SAFETY: a page at least is there.
        let words = unsafe MappedWords(at: base, wordCount: JournalLayout.pageWordCount)
        let magic = words.loadAcquire(at: 0)
        guard magic == JournalLayout.magic else {
            throw Complaint("\(JournalFault.foreignMagic(magic))", remedy: nil)
        }
        let version = words.loadRelaxed(at: 1)
        guard version == JournalLayout.version else {
            throw Complaint(
                "\(JournalFault.version(found: version, known: JournalLayout.version))",
                remedy: "use the ringctl that came with that netbackd")
        }
        let shape = Journal.shape(of: words)
        let layout = StateLayout(workers: shape.workers, queues: shape.queues)
        guard layout.isPlausible else {
            throw Complaint(
                "its header claims \(shape.workers) workers and \(shape.queues) queues",
                remedy: nil)
        }
        return layout
    }

    private static func view(
        at base: UnsafeMutableRawPointer, _ layout: StateLayout
    ) throws -> StateView<MappedWords> {
        // SAFETY: the mapping has all of the inspected words; the object keeps it.
        let words = unsafe MappedWords(at: base, wordCount: layout.inspectedWordCount)
        let heartbeatWords = unsafe MappedWords(
            at: base + 4 * layout.journalWordCount, wordCount: layout.heartbeatWordCount)
        do {
            let journal = try Journal(
                attachingTo: unsafe MappedWords(at: base, wordCount: layout.journalWordCount))
            // A broken heartbeat page does not hide the rest.
            var heartbeat = try? HeartbeatPage(attachingTo: heartbeatWords)
            if let found = heartbeat, found.slotCount < layout.workers { heartbeat = nil }
            return StateView(words, layout: layout, journal: journal, heartbeat: heartbeat)
        } catch {
            throw Complaint("\(error)", remedy: nil)
        }
    }
}
