// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import Ring

/// How a frontend numbers its Rx requests.
public enum ReceiveIDs: Sendable {
    /// By slot, as Linux and Windows do.
    case slot
    /// By something else, as mini-os and mirage may: every id is larger than any slot, and no
    /// two that are out at once are equal.
    case scattered

    @inline(__always)
    func id(of slot: Int) -> UInt16 {
        switch self {
        case .slot: UInt16(slot)
        case .scattered: UInt16(slot * 251 + 1000)
        }
    }
}

/// What a queue owns of the guest, and what both ends agreed on.
public struct NetFrontQueueConfiguration: Sendable {
    /// The domain that the grants are for.
    public var backend: DomainID
    /// The first of `NetFrontQueue.pageCount` guest pages that belong to this queue.
    public var firstPage: Int
    /// The first of `NetFrontQueue.grantCount` grant references that belong to this queue.
    public var firstGrant: GrantReference
    /// What this frontend said that it understands: anything else towards it is a breach.
    public var features: FrontendFeatures
    /// What the backend said that it understands: nothing else is sent to it.
    public var offer: FrontendFeatures
    /// Where both rings start; 0 in a real frontend.
    public var start = RingIndex(0)
    /// How Rx requests are numbered.
    public var receiveIDs = ReceiveIDs.slot

    /// Takes the parts as they are.
    public init(
        backend: DomainID, firstPage: Int, firstGrant: GrantReference,
        features: FrontendFeatures, offer: FrontendFeatures
    ) {
        self.backend = backend
        self.firstPage = firstPage
        self.firstGrant = firstGrant
        self.features = features
        self.offer = offer
    }
}
