// SPDX-License-Identifier: Apache-2.0
// Roles: the frontend writes req_prod, rsp_event and the slots of requests; the backend writes
// rsp_prod, req_event and the slots of responses. This is the backend's half.
public import SharedMemory

/// The backend half of a ring: requests come out, responses go in.
///
/// It attaches to a running ring and never initialises one: the page belongs to the frontend.
/// Nothing that the frontend writes can make a method trap or loop.
public struct BackRing<Words: SharedWords, Format: RingFormat>: ~Copyable {
    /// The shared page.
    public let words: Words
    /// `req_cons`: the next request that we have not taken.
    public var requestConsumer: RingIndex
    /// `rsp_prod_pvt`: where the next response goes; staged but perhaps not yet published.
    public var privateResponseProducer: RingIndex
    /// What we last stored in `rsp_prod`. Ours: a guest that rewrites the word does not move us.
    public var publishedResponses: RingIndex

    /// Attaches to a running ring where its last backend left off publishing.
    ///
    /// Corresponds to `BACK_RING_ATTACH` at `rsp_prod`; takes up every unanswered request again.
    /// - Throws: `RingFault.producerOverrun` if more requests are claimed than the ring holds.
    @inlinable
    public init(attachingTo words: Words) throws(RingFault) {
        let responses = RingIndex(words.loadRelaxed(at: RingLayout.responseProducer))
        try self.init(
            resuming: BackRingState(
                requestConsumer: responses, privateResponseProducer: responses,
                publishedResponses: responses),
            over: words)
    }

    /// Holds a ring without looking at it, until it is replaced by one that is attached.
    @inlinable
    public init(unattached words: Words) {
        self.words = words
        requestConsumer = RingIndex(0)
        privateResponseProducer = RingIndex(0)
        publishedResponses = RingIndex(0)
    }

    /// Continues from saved state, which is checked as if a guest had written it.
    ///
    /// - Throws: `RingFault` if the state contradicts itself or the shared page.
    @inlinable
    public init(resuming state: BackRingState, over words: Words) throws(RingFault) {
        let (published, staged) = (state.publishedResponses, state.privateResponseProducer)
        let stagedCount = staged.distance(from: published)
        let consumedCount = state.requestConsumer.distance(from: published)
        guard stagedCount <= consumedCount, consumedCount <= Format.slotCount else {
            throw .impossibleState(
                requestConsumer: state.requestConsumer, privateResponseProducer: staged)
        }
        // acquire: pairs with the release in FrontRing.publishRequests.
        let producer = RingIndex(words.loadAcquire(at: RingLayout.requestProducer))
        let claimed = producer.distance(from: published)
        guard claimed <= Format.slotCount, consumedCount <= claimed else {
            throw .producerOverrun(
                producer: producer, consumer: state.requestConsumer, slotCount: Format.slotCount)
        }
        self.words = words
        requestConsumer = state.requestConsumer
        privateResponseProducer = staged
        publishedResponses = published
    }

    /// What a successor needs to continue here.
    public var state: BackRingState {
        BackRingState(
            requestConsumer: requestConsumer, privateResponseProducer: privateResponseProducer,
            publishedResponses: publishedResponses)
    }

    /// Caller: backend. How many published requests have not been taken.
    ///
    /// Corresponds to `RING_HAS_UNCONSUMED_REQUESTS` with the check of
    /// `RING_REQUEST_PROD_OVERFLOW`.
    /// - Throws: `RingFault.producerOverrun` if the frontend claims more than the ring holds, or
    ///   moved its index back behind what we took.
    @inlinable @inline(__always)
    public func unconsumedRequestCount() throws(RingFault) -> UInt32 {
        // acquire: pairs with the release in FrontRing.publishRequests; the slots are visible.
        let producer = RingIndex(words.loadAcquire(at: RingLayout.requestProducer))
        let claimed = producer.distance(from: privateResponseProducer)
        let taken = requestConsumer.distance(from: privateResponseProducer)
        guard claimed <= Format.slotCount, taken <= claimed else {
            throw .producerOverrun(
                producer: producer, consumer: requestConsumer, slotCount: Format.slotCount)
        }
        return producer.distance(from: requestConsumer)
    }

    /// Caller: backend. Copies the request `offset` positions after the consumer, each word once.
    ///
    /// Corresponds to `RING_COPY_REQUEST`, and is the only way to read a slot. Taking an offset
    /// past `unconsumedRequestCount()` yields stale words, never a fault.
    @inlinable @inline(__always)
    public func copyRequest(offset: UInt32) -> SlotWords {
        words.copySlot(
            at: Format.firstWord(of: requestConsumer.advanced(by: offset)),
            count: Format.wordsPerRequest)
    }

    /// Caller: backend. Takes `count` requests: their slots may now be overwritten by responses.
    @inlinable @inline(__always)
    public mutating func consumeRequests(_ count: UInt32) {
        requestConsumer = requestConsumer.advanced(by: count)
    }

    /// Caller: backend. Writes the next response into its slot; invisible until published.
    ///
    /// Corresponds to `RING_GET_RESPONSE` with `rsp_prod_pvt++`. Stores only the words of a
    /// response, so that the rest of the request survives in the slot (docs/TAKEOVER.md).
    @inlinable @inline(__always)
    public mutating func stageResponse(_ response: SlotWords) {
        precondition(
            privateResponseProducer != requestConsumer, "a response to a request never taken")
        words.writeSlot(
            response, at: Format.firstWord(of: privateResponseProducer),
            count: Format.wordsPerResponse)
        privateResponseProducer = privateResponseProducer.next
    }

    /// Caller: backend. Makes every staged response visible. True when the frontend asked to be
    /// notified; false also when nothing was staged.
    ///
    /// Corresponds to `RING_PUSH_RESPONSES_AND_CHECK_NOTIFY`.
    @inlinable @inline(__always)
    public mutating func publishResponses() -> Bool {
        let (old, new) = (publishedResponses, privateResponseProducer)
        if new == old { return false }
        publishedResponses = new
        // release: pairs with the acquire in FrontRing.unconsumedResponseCount; slots before index.
        words.storeRelease(new.rawValue, at: RingLayout.responseProducer)
        // Full fence: we store rsp_prod then load rsp_event, the frontend does the mirror image in
        // its final check. Without it both may read the old value: it sleeps, we stay silent.
        // HoldOffModelTests shows the losing interleaving.
        words.fence()
        // relaxed: one word, ordered by the fence.
        let event = RingIndex(words.loadRelaxed(at: RingLayout.responseEvent))
        return new.distance(from: event) < new.distance(from: old)
    }

    /// Caller: backend. Before sleeping: unless `count` requests wait to be taken, asks to be
    /// notified once they do (1: at the next one), then looks again.
    ///
    /// Corresponds to `RING_FINAL_CHECK_FOR_REQUESTS`. True when the wanted number is already
    /// there, so that sleeping would be wrong.
    /// - Throws: `RingFault.producerOverrun` as `unconsumedRequestCount()` does.
    @inlinable @inline(__always)
    public mutating func finalCheckForRequests(_ count: UInt32 = 1) throws(RingFault) -> Bool {
        if try unconsumedRequestCount() >= count { return true }
        // relaxed: one word, ordered by the fence below.
        words.storeRelaxed(
            requestConsumer.advanced(by: count).rawValue, at: RingLayout.requestEvent)
        // Full fence: we store req_event then load req_prod; FrontRing.publishRequests stores
        // req_prod then loads req_event.
        words.fence()
        return try unconsumedRequestCount() >= count
    }
}
