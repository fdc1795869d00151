// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import SharedMemory
import TestSupport
import Testing

/// Why one copy is refused, or not: what the guest granted, what the backend asks, the answer.
private struct CopyCase: Sendable, CustomTestStringConvertible {
    var name: String
    var to = MachineWorld.backendID
    var page: UInt32 = 3
    var readOnly = false
    var flagsMask: UInt32 = .max
    var reference: UInt32 = 8
    var domain = MachineWorld.guestID
    var offset: UInt16 = 100
    var count: UInt16 = 200
    var direction = GrantCopyDirection.fromGuest
    var status: Int16

    var testDescription: String { name }

    static let all = [
        CopyCase(name: "reading a granted page", status: 0),
        CopyCase(name: "writing a granted page", direction: .toGuest, status: 0),
        CopyCase(name: "reading a read-only page", readOnly: true, status: 0),
        CopyCase(
            name: "writing a read-only page", readOnly: true, direction: .toGuest, status: -1),
        CopyCase(name: "granted to someone else", to: MachineWorld.strangerID, status: -1),
        CopyCase(name: "not granted", reference: 9, status: -1),
        CopyCase(name: "an entry of no type", flagsMask: ~3, status: -1),
        CopyCase(name: "the last entry of the table, empty", reference: 32767, status: -1),
        CopyCase(name: "an entry outside of the table", reference: 32768, status: -3),
        CopyCase(name: "the highest reference", reference: .max, status: -3),
        CopyCase(name: "the domain's last page", page: 15, status: 0),
        CopyCase(name: "a page outside of the domain", page: 16, status: -9),
        CopyCase(name: "the highest page", page: .max, status: -9),
        CopyCase(name: "up to the page's last byte", offset: 4000, count: 96, status: 0),
        CopyCase(name: "over the end of the page", offset: 4000, count: 97, status: -10),
        CopyCase(name: "the highest offset and count", offset: .max, count: .max, status: -10),
        CopyCase(name: "a whole page", offset: 0, count: 4096, status: 0),
        CopyCase(name: "no bytes", count: 0, status: 0),
        CopyCase(name: "a domain that is not there", domain: DomainID(77), status: -2),
    ]
}

@Suite("Grants, in one process and between processes", .timeLimit(.minutes(10)))
struct GrantRulesTests {
    private static let reference = GrantReference(8)
    private static let ring = GrantReference(20)

    /// Maps a page first, as every backend does, so that copies know the guest.
    private func meet(_ backend: any TestBackend, _ guest: any TestGuest) throws {
        guest.grant(Self.ring, page: 0, to: MachineWorld.backendID, readOnly: false)
        try backend.unmap(try backend.map(Self.ring, of: MachineWorld.guestID))
    }

    private func copyOne(
        _ backend: any TestBackend, _ operation: GrantCopyOperation,
        _ direction: GrantCopyDirection, _ arena: borrowing PageArena
    ) throws -> Int16 {
        var batch = GrantCopyBatch(capacity: 1)
        batch.append(operation)
        try backend.copy(&batch, direction, arena: arena)
        return batch[0].status
    }

    @Test(
        "a copy is done exactly when the grant allows it",
        arguments: Machine.Form.allCases, CopyCase.all)
    private func copyChecks(form: Machine.Form, example: CopyCase) throws {
        let world = try MachineWorld(form)
        let (guest, backend) = (try world.guest(), try world.backend())
        try meet(backend, guest)
        guest.grant(Self.reference, page: 3, to: example.to, readOnly: example.readOnly)
        let table = guest.grantTable
        table.storeRelaxed(example.page, at: 17)
        table.storeRelease(table.loadRelaxed(at: 16) & example.flagsMask, at: 16)
        let page = guest.words(ofPage: min(Int(example.page), 15))
        for word in 0..<1024 { page.storeRelaxed(0x1111_1111, at: word) }
        let arena = PageArena(pageCount: 2)
        for offset in 0..<8192 { arena.setByte(0x22, at: offset) }

        let status = try copyOne(
            backend,
            GrantCopyOperation(
                domain: example.domain, reference: GrantReference(example.reference),
                pageOffset: example.offset, count: example.count, arenaOffset: 1000),
            example.direction, arena)
        #expect(status == example.status)

        let copied = status == 0 ? Int(example.count) : 0
        let isReading = example.direction == .fromGuest
        for offset in 0..<8192 {
            let isInside = isReading && offset >= 1000 && offset < 1000 + copied
            guard arena.byte(at: offset) == (isInside ? 0x11 : 0x22) else {
                Issue.record("arena byte \(offset) is \(arena.byte(at: offset))")
                return
            }
        }
        for offset in 0..<4096 {
            let byte = UInt8(
                truncatingIfNeeded: page.loadRelaxed(at: offset / 4) >> UInt32(offset % 4 * 8))
            let start = Int(example.offset)
            let isInside = !isReading && offset >= start && offset < start + copied
            guard byte == (isInside ? 0x22 : 0x11) else {
                Issue.record("page byte \(offset) is \(byte)")
                return
            }
        }
    }

    @Test(
        "a refused copy disturbs no other of its batch", arguments: Machine.Form.allCases)
    func batch(form: Machine.Form) throws {
        let world = try MachineWorld(form)
        let (guest, backend) = (try world.guest(), try world.backend())
        try meet(backend, guest)
        guest.grant(Self.reference, page: 5, to: MachineWorld.backendID, readOnly: true)
        for word in 0..<4 { guest.words(ofPage: 5).storeRelaxed(UInt32(word), at: word) }
        var batch = GrantCopyBatch(capacity: 3)
        for (position, reference) in [Self.reference, GrantReference(99), Self.reference]
            .enumerated()
        {
            batch.append(
                GrantCopyOperation(
                    domain: MachineWorld.guestID, reference: reference,
                    pageOffset: UInt16(4 * position), count: 4, arenaOffset: 16 * position))
        }
        let arena = PageArena(pageCount: 1)
        try backend.copy(&batch, .fromGuest, arena: arena)
        #expect((0..<3).map { batch[$0].status } == [0, -1, 0])
        #expect(arena.byte(at: 32) == 2)
    }

    @Test("a mapped page is the guest's page", arguments: Machine.Form.allCases)
    func mapping(form: Machine.Form) throws {
        let world = try MachineWorld(form)
        let (guest, backend) = (try world.guest(), try world.backend())
        guest.grant(Self.ring, page: 7, to: MachineWorld.backendID, readOnly: false)
        let pages = try backend.map(Self.ring, of: MachineWorld.guestID)
        let mapped = unsafe MappedWords(at: pages.base, wordCount: 1024)
        guest.words(ofPage: 7).storeRelease(42, at: 1023)
        #expect(mapped.loadAcquire(at: 1023) == 42)
        mapped.storeRelease(43, at: 0)
        #expect(guest.words(ofPage: 7).loadAcquire(at: 0) == 43)
        try backend.unmap(pages)
    }

    @Test(
        "a map is refused unless the grant is ours, writable, and of a page that exists",
        arguments: Machine.Form.allCases)
    func mapChecks(form: Machine.Form) throws {
        let world = try MachineWorld(form)
        let (guest, backend) = (try world.guest(), try world.backend())
        let refusal = PlatformError("GNTTABOP_map_grant_ref", errno: 22)
        func refuses(_ reference: UInt32, _ domain: DomainID = MachineWorld.guestID) {
            #expect(throws: refusal) {
                try backend.unmap(try backend.map(GrantReference(reference), of: domain))
            }
        }
        refuses(8)
        guest.grant(GrantReference(9), page: 1, to: MachineWorld.strangerID, readOnly: false)
        refuses(9)
        guest.grant(GrantReference(10), page: 1, to: MachineWorld.backendID, readOnly: true)
        refuses(10)
        guest.grant(GrantReference(11), page: 1, to: MachineWorld.backendID, readOnly: false)
        guest.grantTable.storeRelaxed(16, at: 23)
        refuses(11)
        refuses(.max)
        refuses(8, DomainID(77))
        #expect(guest.endAccess(GrantReference(10)))
    }

    @Test(
        "a mapped grant cannot be taken back until the last mapping is gone",
        arguments: Machine.Form.allCases)
    func pins(form: Machine.Form) throws {
        let world = try MachineWorld(form)
        let (guest, backend, sibling) = (
            try world.guest(), try world.backend(), try world.backend()
        )
        guest.grant(Self.ring, page: 7, to: MachineWorld.backendID, readOnly: false)
        let first = try backend.map(Self.ring, of: MachineWorld.guestID)
        let second = try sibling.map(Self.ring, of: MachineWorld.guestID)
        let third = try sibling.map(Self.ring, of: MachineWorld.guestID)
        #expect(!guest.endAccess(Self.ring))
        try backend.unmap(first)
        #expect(!guest.endAccess(Self.ring))
        try sibling.unmap(second)
        #expect(!guest.endAccess(Self.ring))
        try sibling.unmap(third)
        #expect(guest.endAccess(Self.ring))
        #expect(throws: PlatformError.self) {
            try backend.unmap(try backend.map(Self.ring, of: MachineWorld.guestID))
        }
    }

    @Test(
        "the death of a backend undoes its mappings, not its sibling's",
        arguments: Machine.Form.allCases)
    func deathUnmaps(form: Machine.Form) throws {
        let world = try MachineWorld(form)
        let (guest, backend, sibling) = (
            try world.guest(), try world.backend(), try world.backend()
        )
        let other = GrantReference(21)
        guest.grant(Self.ring, page: 7, to: MachineWorld.backendID, readOnly: false)
        guest.grant(other, page: 8, to: MachineWorld.backendID, readOnly: false)
        // The process dies without giving its mappings back.
        try backend.map(Self.ring, of: MachineWorld.guestID).relinquish()
        try backend.map(other, of: MachineWorld.guestID).relinquish()
        let kept = try sibling.map(Self.ring, of: MachineWorld.guestID)
        backend.die()
        try world.settle { guest.endAccess(other) }
        #expect(!guest.endAccess(Self.ring))
        try sibling.unmap(kept)
        #expect(guest.endAccess(Self.ring))
    }

    @Test(
        "a destroyed domain is a bad domain, and the next of its id is another one",
        arguments: Machine.Form.allCases)
    func destroyedDomain(form: Machine.Form) throws {
        let world = try MachineWorld(form)
        let backend = try world.backend()
        let arena = PageArena(pageCount: 1)
        let operation = GrantCopyOperation(
            domain: MachineWorld.guestID, reference: Self.reference, pageOffset: 0, count: 4,
            arenaOffset: 0)
        for generation in UInt32(1)...3 {
            let guest = try world.guest()
            guest.grant(Self.reference, page: 2, to: MachineWorld.backendID, readOnly: false)
            guest.words(ofPage: 2).storeRelease(generation, at: 0)
            let ring = try backend.map(Self.reference, of: MachineWorld.guestID)
            #expect(try copyOne(backend, operation, .fromGuest, arena) == 0)
            #expect(arena.byte(at: 0) == UInt8(generation))
            try world.destroy(MachineWorld.guestID)
            #expect(try copyOne(backend, operation, .fromGuest, arena) == -2)
            // The page stays readable while it is mapped.
            let mapped = unsafe MappedWords(at: ring.base, wordCount: 1024)
            #expect(mapped.loadAcquire(at: 0) == generation)
            try backend.unmap(ring)
            try world.create("guest", id: MachineWorld.guestID)
        }
    }

    @Test(
        "a guest that scribbles over its grant table hurts itself alone",
        arguments: Machine.Form.allCases, 0..<4 as Range<UInt64>)
    func scribbling(form: Machine.Form, seed: UInt64) throws {
        let world = try MachineWorld(form)
        let (guest, backend) = (try world.guest(), try world.backend())
        try meet(backend, guest)
        let arena = PageArena(pageCount: 1)
        var random = SplitMix64(seed: seed)
        var mapped = 0
        for _ in 0..<300 {
            // Half of the words look like a grant to the backend.
            for word in 0..<32 {
                let noise = UInt32.random(in: 0 ... .max, using: &random)
                let isPlausible = Bool.random(using: &random)
                let likely = word % 2 == 0 ? noise & 0x1F | 2 << 16 | 1 : noise % 20
                guest.grantTable.storeRelaxed(isPlausible ? likely : noise, at: word)
            }
            let reference = GrantReference(.random(in: 0..<18, using: &random))
            var batch = GrantCopyBatch(capacity: 1)
            batch.append(
                GrantCopyOperation(
                    domain: MachineWorld.guestID, reference: reference,
                    pageOffset: .random(in: 0...4200, using: &random),
                    count: .random(in: 0...4096, using: &random), arenaOffset: 0))
            try backend.copy(&batch, .fromGuest, arena: arena)
            #expect([0, -1, -9, -10].contains(batch[0].status), "seed \(seed)")
            if let pages = try? backend.map(reference, of: MachineWorld.guestID) {
                mapped += 1
                guest.grantTable.storeRelaxed(0, at: Int(reference.rawValue) * 2)
                try backend.unmap(pages)
            }
        }
        #expect(mapped > 0, "seed \(seed)")
    }
}
