// SPDX-License-Identifier: Apache-2.0

/// What a backend owes a frontend: the rules by which real netfronts judge one.
public enum FrontendRule: Int, CaseIterable, Sendable {
    /// More responses are claimed than requests were published.
    case responsesOverrun
    /// `rsp_prod` went back.
    case responsesMovedBack
    /// A Tx response has an id that no frontend of 256 slots uses.
    case transmitIDOutOfRange
    /// A Tx response has an id that was never sent, or was not published yet.
    case transmitIDNotPending
    /// A Tx response has an id that was answered before.
    case transmitIDAnsweredTwice
    /// The grant of an answered Tx request is still mapped.
    case transmitGrantInUse
    /// The grant of an answered Rx request is still mapped.
    case receiveGrantInUse

    /// A Tx response without an id for a data slot: that id is lost for ever.
    case transmitNullOnData
    /// The answers for extra slots do not follow their packet's first answer in the same step.
    case transmitNullNotAdjacent
    /// An Rx response has another id than the request in the same slot.
    case receiveIDMismatch
    /// A large Rx packet does not say both that its checksum is blank and its data valid.
    case receiveSegmentWithoutChecksum
    /// An Rx packet uses what this frontend did not say that it understands.
    case receiveNotNegotiated

    /// An Rx response with an error status.
    case receiveErrorStatus
    /// An Rx response whose bytes lie outside of its page.
    case receivePageCrossed
    /// An Rx packet announces an extra info that is not published.
    case receiveExtraCut
    /// An Rx extra info has an unknown type, or there are too many.
    case receiveExtraInvalid
    /// An Rx packet announces data in a slot that is not published.
    case receiveChainCut
    /// An Rx packet has more slots than a frontend takes.
    case receiveTooManySlots
    /// A large Rx packet is to be cut into segments of nothing.
    case receiveSegmentSizeZero
    /// A large Rx packet of an unknown protocol, or of another than its headers say.
    case receiveSegmentKindInvalid
    /// An Rx packet with a blank checksum has no TCP or UDP header to put it in.
    case receiveChecksumUnplaceable
    /// An Rx packet without even an Ethernet header.
    case receiveTooShort

    /// What breaking a rule does to the vif.
    public enum Severity: Sendable {
        /// Linux's netfront disables the vif until it is connected anew.
        case broken
        /// Linux goes on, but the ring starves or another frontend (Windows, mini-os) fails.
        case incompatible
        /// The packet is dropped and counted, the vif lives.
        case dropped
    }

    /// What breaking this rule does.
    public var severity: Severity {
        switch self {
        case .responsesOverrun, .responsesMovedBack, .transmitIDOutOfRange,
            .transmitIDNotPending, .transmitIDAnsweredTwice, .transmitGrantInUse,
            .receiveGrantInUse:
            .broken
        case .transmitNullOnData, .transmitNullNotAdjacent, .receiveIDMismatch,
            .receiveSegmentWithoutChecksum, .receiveNotNegotiated:
            .incompatible
        case .receiveErrorStatus, .receivePageCrossed, .receiveExtraCut, .receiveExtraInvalid,
            .receiveChainCut, .receiveTooManySlots, .receiveSegmentSizeZero,
            .receiveSegmentKindInvalid, .receiveChecksumUnplaceable, .receiveTooShort:
            .dropped
        }
    }

    /// The rule in words: what must not be.
    var sentence: StaticString {
        switch self {
        case .responsesOverrun: "responses claimed, more than requests outstanding"
        case .responsesMovedBack: "positions that rsp_prod went back"
        case .transmitIDOutOfRange: "as the id of a response, past the largest there is"
        case .transmitIDNotPending: "as the id of a response, but no such request is published"
        case .transmitIDAnsweredTwice: "as the id of a response, which was answered before"
        case .transmitGrantInUse, .receiveGrantInUse:
            "as the grant of an answered request, which is still mapped"
        case .transmitNullOnData: "as a NULL status, but no extra info is outstanding"
        case .transmitNullNotAdjacent:
            "NULL answers that do not follow their packet's first answer at once"
        case .receiveIDMismatch: "as the id of a response, not that of the request in its slot"
        case .receiveSegmentWithoutChecksum:
            "as the flags of a large packet, without csum_blank and data_validated"
        case .receiveNotNegotiated: "as what a packet uses, which was not offered"
        case .receiveErrorStatus: "as the status of a response"
        case .receivePageCrossed: "as the end of the bytes in a page, past the page's"
        case .receiveExtraCut: "responses published, but an extra info is announced after them"
        case .receiveExtraInvalid: "as the type of an extra info"
        case .receiveChainCut: "responses published, but more_data is announced after them"
        case .receiveTooManySlots: "slots in a packet, more than a frontend takes"
        case .receiveSegmentSizeZero: "as the size of segments"
        case .receiveSegmentKindInvalid: "as the type of a large packet, not what it holds"
        case .receiveChecksumUnplaceable: "bytes of a packet, in which no checksum field is"
        case .receiveTooShort: "bytes of a packet, less than an Ethernet header"
        }
    }
}
