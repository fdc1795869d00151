// SPDX-License-Identifier: Apache-2.0
public import Platform
public import SharedMemory

/// The other side of a proof: a domain that grants pages and makes ports, a guest's part.
public protocol GrantingPeer: AnyObject {
    /// The domain whose pages and ports these are.
    var domain: DomainID { get }

    /// Grants a page to the backend.
    func share(readOnly: Bool) throws -> SharedPage

    /// Takes a page back that nobody has mapped.
    func endSharing(_ page: SharedPage) throws

    /// Makes a port that the backend alone may bind to.
    func allocateUnbound() throws -> EventChannelPort

    /// Raises the backend's end.
    func notify(_ port: EventChannelPort) throws

    /// Takes the next pending port; nil when none is.
    func nextPending() throws -> EventChannelPort?

    /// Lets a port be pending again.
    func unmask(_ port: EventChannelPort) throws

    /// Closes a port.
    func close(_ port: EventChannelPort) throws
}

/// A granted page as its owner sees it.
public struct SharedPage {
    /// What the backend is told.
    public var reference: GrantReference
    /// The page's 1024 words.
    public var words: MappedWords

    /// Takes the parts as they are.
    public init(reference: GrantReference, words: MappedWords) {
        self.reference = reference
        self.words = words
    }

    func fill(_ word: UInt32) {
        for index in 0..<words.wordCount { words.storeRelaxed(word, at: index) }
    }

    func byte(at offset: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: words.loadRelaxed(at: offset / 4) >> UInt32(offset % 4 * 8))
    }
}
