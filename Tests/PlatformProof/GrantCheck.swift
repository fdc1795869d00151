// SPDX-License-Identifier: Apache-2.0
public import Platform
import SharedMemory

/// What grants promise, on whatever machine: each case is one sentence that holds.
public enum GrantCheck: String, PlatformCheck {
    case mapping = "a mapped page is the guest's page, both ways, and is given back"
    case manyMappings = "pages mapped together are each their own"
    case neverGranted = "a reference that was never granted is not mapped"
    case takenBack = "a reference that was taken back is not mapped"
    case readOnlyMapping = "a page granted for reading is not mapped for writing"
    case copyFrom = "bytes are copied from a page at any offset, up to its last byte"
    case copyTo = "bytes are copied to a page at any offset, up to its last byte"
    case readOnlyCopy = "a page granted for reading is copied from, and never to"
    case badReference = "of 600 copies the one with a bad reference has a status, no other"
    case pageEnd = "a copy over a page's end is refused, and no byte of it is copied"
    case allBad = "a batch of bad copies has a status for each"

    /// Whether the peer's pages get mapped. An HVM or PVH domain cannot do that with pages of its
    /// own: Xen takes the page out of its first place in the domain's memory.
    public var mapsPages: Bool { self == .mapping || self == .manyMappings }

    /// Tries it; throws a `ProofFailure` or the platform's own error.
    public func run<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        switch self {
        case .mapping: try Self.mapping(&hypervisor, peer)
        case .manyMappings: try Self.manyMappings(&hypervisor, peer)
        case .neverGranted:
            try Self.refusesToMap(GrantReference(0xFFFF_FFF0), &hypervisor, peer)
        case .takenBack:
            let page = try peer.share(readOnly: false)
            try peer.endSharing(page)
            try Self.refusesToMap(page.reference, &hypervisor, peer)
        case .readOnlyMapping:
            let page = try peer.share(readOnly: true)
            try Self.refusesToMap(page.reference, &hypervisor, peer)
            try peer.endSharing(page)
        case .copyFrom: try Self.copies(.fromGuest, &hypervisor, peer)
        case .copyTo: try Self.copies(.toGuest, &hypervisor, peer)
        case .readOnlyCopy: try Self.readOnlyCopy(&hypervisor, peer)
        case .badReference: try Self.badReference(&hypervisor, peer)
        case .pageEnd: try Self.pageEnd(&hypervisor, peer)
        case .allBad: try Self.allBad(&hypervisor, peer)
        }
    }

    private static func mapping<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        let page = try peer.share(readOnly: false)
        for round in UInt32(1)...3 {
            let pages = try hypervisor.map(page.reference, of: peer.domain)
            // SAFETY: mapped until `unmap` below.
            let mapped = unsafe MappedWords(at: pages.base, wordCount: 1024)
            page.words.storeRelease(round, at: 1023)
            let seen = mapped.loadAcquire(at: 1023)
            mapped.storeRelease(round + 100, at: 0)
            try hypervisor.unmap(pages)
            try equal(seen, round, "the guest's word, read by the backend,")
            try equal(
                page.words.loadAcquire(at: 0), round + 100,
                "the backend's word, read by the guest,")
        }
        try peer.endSharing(page)
    }

    private static func manyMappings<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        let shared = try (0..<12).map { _ in try peer.share(readOnly: false) }
        var mapped = Slab<MappedPages>(capacity: shared.count)
        for (number, page) in shared.enumerated() {
            page.words.storeRelease(UInt32(number) + 7, at: 512)
            _ = mapped.insert(try hypervisor.map(page.reference, of: peer.domain))
        }
        var seen: [UInt32] = []
        for number in shared.indices {
            // SAFETY: mapped until `unmap` below.
            let words = unsafe MappedWords(at: mapped[number].base, wordCount: 1024)
            seen.append(words.loadAcquire(at: 512))
        }
        for number in shared.indices { try hypervisor.unmap(mapped.remove(number)) }
        try equal(seen, (7..<19).map { UInt32($0) }, "what the pages show")
        for page in shared { try peer.endSharing(page) }
    }

    private static func refusesToMap<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ reference: GrantReference, _ hypervisor: inout H, _ peer: P
    ) throws {
        do throws(PlatformError) {
            let pages = try hypervisor.map(reference, of: peer.domain)
            try hypervisor.unmap(pages)
        } catch {
            return
        }
        throw ProofFailure("reference \(reference) was mapped")
    }

    // MARK: copies

    /// Offsets in the page and counts: odd ones, a single byte, the last byte, the whole page.
    private static let ranges: [(offset: Int, count: Int)] = [
        (0, 1), (1, 3), (13, 1501), (4095, 1), (2049, 2047), (4000, 96), (0, 4096),
    ]

    private static func copies<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ direction: GrantCopyDirection, _ hypervisor: inout H, _ peer: P
    ) throws {
        let page = try peer.share(readOnly: false)
        let arena = PageArena(pageCount: 3)
        for (offset, count) in ranges {
            // In the middle of the arena and over the end of its pages.
            for place in [0, 4096 - 1, 4096 * 2 - 700] where place + count <= arena.size {
                page.fill(0x1111_1111)
                for byte in 0..<arena.size { arena.setByte(0x22, at: byte) }
                // Marks at both ends tell a shifted copy from a good one.
                for end in [0, count - 1] { arena.setByte(0x33, at: place + end) }
                let operation = GrantCopyOperation(
                    domain: peer.domain, reference: page.reference, pageOffset: UInt16(offset),
                    count: UInt16(count), arenaOffset: place)
                let status = try status(of: operation, direction, &hypervisor, arena)
                let name = "\(count) bytes at \(offset) of the page, \(place) of the arena"
                try equal(status, 0, "the status of \(name)")
                for byte in 0..<4096 where direction == .toGuest {
                    let isInside = byte >= offset && byte < offset + count
                    let isMark = byte == offset || byte == offset + count - 1
                    let expected: UInt8 = isInside ? (isMark ? 0x33 : 0x22) : 0x11
                    try equal(page.byte(at: byte), expected, "\(name): page byte \(byte)")
                }
                for byte in 0..<arena.size where direction == .fromGuest {
                    let isInside = byte >= place && byte < place + count
                    let expected: UInt8 = isInside ? 0x11 : 0x22
                    try equal(arena.byte(at: byte), expected, "\(name): arena byte \(byte)")
                }
            }
        }
        try peer.endSharing(page)
    }

    private static func status<H: Hypervisor & ~Copyable>(
        of operation: GrantCopyOperation, _ direction: GrantCopyDirection,
        _ hypervisor: inout H, _ arena: borrowing PageArena
    ) throws -> Int16 {
        var batch = GrantCopyBatch(capacity: 1)
        batch.append(operation)
        try hypervisor.copy(&batch, direction, arena: arena)
        return batch[0].status
    }

    private static func readOnlyCopy<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        let page = try peer.share(readOnly: true)
        page.fill(0x1111_1111)
        let arena = PageArena(pageCount: 1)
        let operation = GrantCopyOperation(
            domain: peer.domain, reference: page.reference, pageOffset: 100, count: 50,
            arenaOffset: 1)
        let writing = try status(of: operation, .toGuest, &hypervisor, arena)
        try hold(writing < 0, "the status of writing is \(writing)")
        for byte in 0..<4096 { try equal(page.byte(at: byte), 0x11, "page byte \(byte)") }
        try equal(
            try status(of: operation, .fromGuest, &hypervisor, arena), 0, "the status of reading")
        try equal(arena.byte(at: 50), 0x11, "the last byte that was read")
        try equal(arena.byte(at: 51), 0, "the byte after it")
        try peer.endSharing(page)
    }

    /// More copies than one call of the kernel takes; those that `spoil` changes fail, and no
    /// other.
    private static func batch<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P, bad: Set<Int>,
        _ spoil: (inout GrantCopyOperation) -> Void
    ) throws {
        let page = try peer.share(readOnly: false)
        for word in 0..<1024 { page.words.storeRelaxed(UInt32(word) + 1, at: word) }
        let arena = PageArena(pageCount: 2)
        var batch = GrantCopyBatch(capacity: 600)
        for position in 0..<600 {
            var operation = GrantCopyOperation(
                domain: peer.domain, reference: page.reference, pageOffset: UInt16(position * 4),
                count: 4, arenaOffset: position * 8)
            if bad.contains(position) { spoil(&operation) }
            batch.append(operation)
        }
        // Twice: nothing of the first is left in the second.
        for _ in 0..<2 { try hypervisor.copy(&batch, .fromGuest, arena: arena) }
        for position in 0..<600 {
            let status = batch[position].status
            if bad.contains(position) {
                try hold(status < 0, "the status of bad copy \(position) is \(status)")
            } else {
                try equal(status, 0, "the status of copy \(position)")
                try equal(
                    arena.byte(at: position * 8),
                    UInt8(truncatingIfNeeded: position + 1), "the byte of copy \(position)")
            }
        }
        try peer.endSharing(page)
    }

    private static func badReference<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        for position in [0, 15, 16, 255, 256, 300, 599] {
            try batch(&hypervisor, peer, bad: [position]) {
                $0.reference = GrantReference(0xFFFF_FFF0)
            }
        }
    }

    /// Xen gives such a copy a status, Linux's gntdev refuses the call that holds it: whoever
    /// copies looks before.
    private static func pageEnd<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        let page = try peer.share(readOnly: false)
        page.fill(0x1111_1111)
        let arena = PageArena(pageCount: 2)
        for (offset, count) in [(4093, 4), (4095, 2), (1, 4096), (65535, 1)] {
            let operation = GrantCopyOperation(
                domain: peer.domain, reference: page.reference, pageOffset: UInt16(offset),
                count: UInt16(count), arenaOffset: 0)
            var status: Int16 = -1
            do throws(PlatformError) {
                var batch = GrantCopyBatch(capacity: 1)
                batch.append(operation)
                try hypervisor.copy(&batch, .fromGuest, arena: arena)
                status = batch[0].status
            } catch {
                try equal(error.errno, 22, "the errno of \(count) bytes at \(offset)")
            }
            try hold(status < 0, "the status of \(count) bytes at \(offset) is \(status)")
            try equal(arena.byte(at: 0), 0, "a byte of \(count) at \(offset)")
        }
        try peer.endSharing(page)
    }

    private static func allBad<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        try batch(&hypervisor, peer, bad: Set(0..<600)) {
            $0.reference = GrantReference(0xFFFF_FFF0)
        }
    }
}
