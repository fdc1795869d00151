// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Platform
internal import SharedMemory

/// The memory of other domains that one handle may copy to and from, of fixed capacity.
///
/// The machine gives the memory away freely, as this library plays the hypervisor's part in a
/// copy: each one is checked against the grant table.
@safe
struct PeerTable: ~Copyable {
    static var capacity: Int { 256 }

    private let peers: UnsafeMutablePointer<Peer>
    private var count = 0
    /// Where the last peer was found: a batch seldom has more than one.
    private var recent = 0

    init() { unsafe peers = .allocate(capacity: PeerTable.capacity) }

    // SAFETY: the first `count` elements are initialised, all others are not.
    deinit {
        unsafe peers.deinitialize(count: count)
        unsafe peers.deallocate()
    }

    /// Performs one grant copy on behalf of `caller` and returns its `GNTST_` code.
    @_noAllocation @_noLocks
    mutating func copy(
        _ operation: GrantCopyOperation, _ direction: GrantCopyDirection, caller: DomainID,
        arena: borrowing PageArena
    ) -> Int16 {
        guard let position = find(operation.domain), unsafe peers[position].isAlive else {
            return GrantStatus.badDomain
        }
        return unsafe peers[position].granted.copy(
            operation, direction, caller: caller, arena: arena)
    }

    /// Maps a page of a peer once more, apart from the table.
    @unsafe
    mutating func mapAgain(
        page: UInt32, of domain: DomainID
    ) throws(PlatformError) -> UnsafeMutableRawPointer {
        guard let position = find(domain) else { throw PlatformError("mmap", errno: ESRCH) }
        return unsafe try peers[position].memory.mapAgain(page: page)
    }

    /// Whether the domain of this generation is known, and not destroyed.
    mutating func knows(_ domain: DomainID, generation: UInt32) -> Bool {
        guard let position = find(domain) else { return false }
        return unsafe peers[position].generation == generation && peers[position].isAlive
    }

    /// Adds a peer in place of an earlier domain of its id, or of any that was destroyed.
    ///
    /// - Throws: `PlatformError` with ENOSPC when the table is full of live domains.
    mutating func add(_ peer: consuming Peer) throws(PlatformError) {
        let old = find(peer.domain) ?? (0..<count).first { unsafe !peers[$0].isAlive }
        if let old {
            unsafe peers[old] = peer
            return
        }
        guard count < PeerTable.capacity else { throw PlatformError("open", errno: ENOSPC) }
        unsafe (peers + count).initialize(to: peer)
        count += 1
    }

    @inline(__always)
    private mutating func find(_ domain: DomainID) -> Int? {
        if recent < count, unsafe peers[recent].domain.rawValue == domain.rawValue {
            return recent
        }
        var position = 0
        while position < count {
            if unsafe peers[position].domain.rawValue == domain.rawValue {
                recent = position
                return position
            }
            position += 1
        }
        return nil
    }
}

/// Another domain as one handle sees it.
struct Peer: ~Copyable {
    let domain: DomainID
    let generation: UInt32
    let memory: SharedRegion
    let granted: GrantedMemory
    private let grants: SharedRegion
    private let status: SharedRegion
    private let generationWord: MappedWords
    /// A domain with more memory than this is mapped page by page, as it is touched.
    private static var residentPagesMax: UInt32 { 4096 }

    /// Maps what the machine sent.
    init(_ reply: consuming MachineReply) throws(PlatformError) {
        var reply = reply
        let pageCount = reply.value(1)
        domain = DomainID(UInt16(truncatingIfNeeded: reply.value(0)))
        generation = reply.value(2)
        // A hypervisor copies from and to a guest without page faults of the one who asks for it.
        let memory = try SharedRegion(
            mapping: reply.takeDescriptor(), pageCount: Int(pageCount), writable: true,
            resident: pageCount <= Self.residentPagesMax)
        let grants = try SharedRegion(
            mapping: reply.takeDescriptor(), pageCount: GrantEntry.tablePageCount, writable: true)
        let status = try SharedRegion(
            mapping: reply.takeDescriptor(), pageCount: MachineLimits.statusPageCount,
            writable: false)
        // SAFETY: the peer owns both regions and is dropped with the view.
        granted = unsafe GrantedMemory(
            memory: memory.base, pageCount: pageCount, grants: grants.words)
        generationWord = status.words
        self.memory = memory
        self.grants = grants
        self.status = status
    }

    /// False once the machine has destroyed the domain.
    var isAlive: Bool {
        @_noAllocation @_noLocks get {
            // acquire: pairs with the release in Machine.destroyDomain.
            generationWord.loadAcquire(at: 0) == generation
        }
    }
}
