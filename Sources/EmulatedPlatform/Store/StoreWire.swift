// SPDX-License-Identifier: Apache-2.0
public import Platform
import StoreClient

/// One connection of xenstored's wire protocol without the socket: bytes in, bytes out.
///
/// A client that sends a payload over 4096 bytes has lost its place in the stream and is dropped;
/// anything else that is wrong gets an error reply. A client that does not read its replies is
/// not served until it does.
public struct StoreWire {
    /// Bytes that may wait for the client before its requests have to.
    static let outputSizePause = 65_536

    /// How the store knows the connection.
    public let connection: StoreConnectionID
    /// The client broke the protocol or lost watch events: nothing more is to be served.
    public private(set) var isBroken = false
    private var input = ByteQueue()
    private var output = ByteQueue()

    /// Opens a connection of the store that acts for a domain.
    public init(_ store: EmulatedStore, as domain: DomainID) {
        connection = store.open(as: domain)
    }

    /// Whether to leave the client's bytes in the socket for now.
    public var isPaused: Bool { output.count >= StoreWire.outputSizePause }

    /// What the client is to be sent, oldest byte first.
    public var pendingOutput: ArraySlice<UInt8> { output.pending }

    /// Notes that the first so many bytes of `pendingOutput` are on their way.
    public mutating func consumeOutput(_ count: Int) { output.removeFirst(count) }

    /// Takes bytes of the client; `serve` answers them.
    public mutating func receive(_ bytes: some Collection<UInt8>) { input.append(bytes) }

    /// Answers the complete requests that were received, unless replies pile up.
    ///
    /// - Returns: whether there was any.
    @discardableResult
    public mutating func serve(_ store: EmulatedStore) -> Bool {
        var hasAnswered = false
        while !isBroken, !isPaused, let header = StoreMessageHeader(input.pending) {
            guard header.payloadSize <= UInt32(StoreMessageHeader.payloadSizeMax) else {
                isBroken = true
                return hasAnswered
            }
            let size = StoreMessageHeader.size + Int(header.payloadSize)
            guard input.count >= size else { return hasAnswered }
            let payload = Array(
                input.pending.prefix(size).dropFirst(StoreMessageHeader.size))
            input.removeFirst(size)
            answer(header, payload, store)
            hasAnswered = true
        }
        return hasAnswered
    }

    /// Appends the watch events that wait in the store, as far as there is room.
    public mutating func deliverEvents(from store: EmulatedStore) {
        guard store.isOpen(connection) else {
            isBroken = true
            return
        }
        while !isPaused, let event = store.nextWatchEvent(for: connection) {
            append(
                StoreMessageHeader(
                    type: StoreMessageType.watchEvent.rawValue, request: 0, transaction: 0,
                    payloadSize: 0),
                Array(event.path.utf8) + [0] + Array(event.token.utf8) + [0])
        }
    }

    private mutating func answer(
        _ header: StoreMessageHeader, _ payload: [UInt8], _ store: EmulatedStore
    ) {
        var reply = header
        do throws(StoreError) {
            let request = StoreRequest(
                type: StoreMessageType(rawValue: header.type),
                transaction: StoreTransaction(header.transaction), payload: payload,
                connection: connection)
            let bytes = try request.perform(store)
            guard bytes.count <= StoreMessageHeader.payloadSizeMax else {
                throw StoreError.tooBig
            }
            append(reply, bytes)
        } catch {
            reply.type = StoreMessageType.error.rawValue
            append(reply, Array(error.rawValue.utf8) + [0])
        }
    }

    private mutating func append(_ header: StoreMessageHeader, _ payload: [UInt8]) {
        var header = header
        header.payloadSize = UInt32(payload.count)
        output.append(header.bytes)
        output.append(payload)
    }
}
