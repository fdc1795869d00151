// SPDX-License-Identifier: Apache-2.0
// Roles: the frontend writes req_prod, rsp_event and the slots of requests; the backend writes
// rsp_prod, req_event and the slots of responses. This is the frontend's half.
public import SharedMemory

/// The frontend half of a ring: requests go in, responses come out.
///
/// For emulated guests, tests and benchmarks. It checks the backend as Linux's netfront does.
public struct FrontRing<Words: SharedWords, Format: RingFormat>: ~Copyable {
    /// The shared page.
    public let words: Words
    /// `req_prod_pvt`: where the next request goes.
    public var privateRequestProducer: RingIndex
    /// What we last stored in `req_prod`.
    public var publishedRequests: RingIndex
    /// `rsp_cons`: the next response that we have not taken.
    public var responseConsumer: RingIndex

    /// Takes a page into use as an empty ring whose indices start at `start`.
    ///
    /// Corresponds to `SHARED_RING_INIT` and `FRONT_RING_INIT` (with `start` 0, events 1).
    @inlinable
    public init(initializing words: Words, startingAt start: RingIndex = RingIndex(0)) {
        for word in 0..<RingLayout.pageWordCount { words.storeRelaxed(0, at: word) }
        words.storeRelaxed(start.rawValue, at: RingLayout.requestProducer)
        words.storeRelaxed(start.rawValue, at: RingLayout.responseProducer)
        words.storeRelaxed(start.next.rawValue, at: RingLayout.requestEvent)
        words.storeRelaxed(start.next.rawValue, at: RingLayout.responseEvent)
        self.words = words
        privateRequestProducer = start
        publishedRequests = start
        responseConsumer = start
    }

    /// Caller: frontend. Slots in which no request is outstanding. Corresponds to
    /// `RING_FREE_REQUESTS`.
    @inlinable @inline(__always)
    public var freeRequestCount: UInt32 {
        Format.slotCount - privateRequestProducer.distance(from: responseConsumer)
    }

    /// Caller: frontend. Writes the next request into its slot and returns its position.
    @inlinable @inline(__always)
    @discardableResult
    public mutating func stageRequest(_ request: SlotWords) -> RingIndex {
        precondition(freeRequestCount > 0, "a request into a full ring")
        let index = privateRequestProducer
        words.writeSlot(
            request, at: Format.firstWord(of: index), count: Format.wordsPerRequest)
        privateRequestProducer = index.next
        return index
    }

    /// Caller: frontend. Makes every staged request visible; true when the backend asked to be
    /// notified. Corresponds to `RING_PUSH_REQUESTS_AND_CHECK_NOTIFY`.
    @inlinable @inline(__always)
    public mutating func publishRequests() -> Bool {
        let (old, new) = (publishedRequests, privateRequestProducer)
        if new == old { return false }
        publishedRequests = new
        // release: pairs with the acquire in BackRing.unconsumedRequestCount; slots before index.
        words.storeRelease(new.rawValue, at: RingLayout.requestProducer)
        // Full fence: the mirror image of BackRing.finalCheckForRequests.
        words.fence()
        // relaxed: one word, ordered by the fence.
        let event = RingIndex(words.loadRelaxed(at: RingLayout.requestEvent))
        return new.distance(from: event) < new.distance(from: old)
    }

    /// Caller: frontend. How many published responses have not been taken.
    ///
    /// Corresponds to `RING_HAS_UNCONSUMED_RESPONSES` with `RING_RESPONSE_PROD_OVERFLOW`.
    /// - Throws: `RingFault.producerOverrun` when the backend answers more than was asked.
    @inlinable @inline(__always)
    public func unconsumedResponseCount() throws(RingFault) -> UInt32 {
        // acquire: pairs with the release in BackRing.publishResponses; the slots are visible.
        let producer = RingIndex(words.loadAcquire(at: RingLayout.responseProducer))
        let claimed = producer.distance(from: responseConsumer)
        guard claimed <= publishedRequests.distance(from: responseConsumer) else {
            throw .producerOverrun(
                producer: producer, consumer: responseConsumer, slotCount: Format.slotCount)
        }
        return claimed
    }

    /// Caller: frontend. Copies the response `offset` positions after the consumer.
    ///
    /// Corresponds to `RING_COPY_RESPONSE`.
    @inlinable @inline(__always)
    public func copyResponse(offset: UInt32) -> SlotWords {
        words.copySlot(
            at: Format.firstWord(of: responseConsumer.advanced(by: offset)),
            count: Format.wordsPerResponse)
    }

    /// Caller: frontend. Takes `count` responses: their slots are free again.
    @inlinable @inline(__always)
    public mutating func consumeResponses(_ count: UInt32) {
        responseConsumer = responseConsumer.advanced(by: count)
    }

    /// Caller: frontend. Before sleeping: unless a response waits, asks for a notification at the
    /// next one and looks again; true when one is there.
    ///
    /// Corresponds to `RING_FINAL_CHECK_FOR_RESPONSES`.
    /// - Throws: `RingFault.producerOverrun` as `unconsumedResponseCount()` does.
    @inlinable @inline(__always)
    public mutating func finalCheckForResponses() throws(RingFault) -> Bool {
        if try unconsumedResponseCount() > 0 { return true }
        // relaxed: one word, ordered by the fence below.
        words.storeRelaxed(responseConsumer.next.rawValue, at: RingLayout.responseEvent)
        // Full fence: the mirror image of BackRing.publishResponses.
        words.fence()
        return try unconsumedResponseCount() > 0
    }
}
