// SPDX-License-Identifier: Apache-2.0

/// What a message asks or says. Corresponds to `enum xsd_sockmsg_type` (xen/io/xs_wire.h).
public enum StoreMessageType: UInt32, Sendable, CaseIterable {
    /// `XS_CONTROL`, once `XS_DEBUG`.
    case control = 0
    case directory = 1
    case read = 2
    /// `XS_GET_PERMS`.
    case getPermissions = 3
    case watch = 4
    case unwatch = 5
    case transactionStart = 6
    case transactionEnd = 7
    case introduce = 8
    case release = 9
    case getDomainPath = 10
    case write = 11
    /// `XS_MKDIR`.
    case makeDirectory = 12
    /// `XS_RM`.
    case remove = 13
    /// `XS_SET_PERMS`.
    case setPermissions = 14
    case watchEvent = 15
    case error = 16
    case isDomainIntroduced = 17
    case resume = 18
    case setTarget = 19
    case resetWatches = 21
    case directoryPart = 22
}

/// The 16 bytes before each payload, little endian. Corresponds to `struct xsd_sockmsg`.
public struct StoreMessageHeader: Equatable, Sendable {
    /// Size on the wire in bytes.
    public static let size = 16
    /// Bytes of a payload; a longer one ends the connection.
    /// Corresponds to `XENSTORE_PAYLOAD_MAX`.
    public static let payloadSizeMax = 4096

    /// A `StoreMessageType`, if it is a known one.
    public var type: UInt32
    /// The client's number for the request, returned in the reply.
    public var request: UInt32
    /// The transaction, 0 for none.
    public var transaction: UInt32
    /// Bytes that follow.
    public var payloadSize: UInt32

    /// Takes the parts as they are.
    public init(type: UInt32, request: UInt32, transaction: UInt32, payloadSize: UInt32) {
        self.type = type
        self.request = request
        self.transaction = transaction
        self.payloadSize = payloadSize
    }

    /// Reads a header; nil unless all of its bytes are there.
    public init?(_ bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count >= StoreMessageHeader.size else { return nil }
        var words: InlineArray<4, UInt32> = .init(repeating: 0)
        for (position, byte) in bytes.prefix(StoreMessageHeader.size).enumerated() {
            words[position / 4] |= UInt32(byte) << UInt32(8 * (position % 4))
        }
        self.init(
            type: words[0], request: words[1], transaction: words[2], payloadSize: words[3])
    }

    /// As it goes over the wire.
    public var bytes: [UInt8] {
        [type, request, transaction, payloadSize].flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
        }
    }
}
