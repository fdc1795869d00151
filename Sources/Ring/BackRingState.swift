// SPDX-License-Identifier: Apache-2.0

/// A backend half as plain data, for the one who continues it. Untrusted until a `BackRing`
/// accepted it.
public struct BackRingState: Equatable, Sendable {
    /// `req_cons`.
    public var requestConsumer: RingIndex
    /// `rsp_prod_pvt`.
    public var privateResponseProducer: RingIndex
    /// The last value stored in `rsp_prod`.
    public var publishedResponses: RingIndex

    /// Takes the parts as they are.
    @inlinable
    public init(
        requestConsumer: RingIndex, privateResponseProducer: RingIndex,
        publishedResponses: RingIndex
    ) {
        self.requestConsumer = requestConsumer
        self.privateResponseProducer = privateResponseProducer
        self.publishedResponses = publishedResponses
    }
}
