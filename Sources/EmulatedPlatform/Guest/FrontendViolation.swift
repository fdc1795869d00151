// SPDX-License-Identifier: Apache-2.0

/// Which of a queue's two rings.
public enum FrontendRing: String, Sendable {
    /// From the guest.
    case tx
    /// To the guest.
    case rx
}

/// One breach of a rule: where, and the value that breaks it.
public struct FrontendViolation: Equatable, Sendable, CustomStringConvertible {
    /// What was broken.
    public var rule: FrontendRule
    /// On which ring.
    public var ring: FrontendRing
    /// At which position of `rsp_cons`.
    public var index: UInt32
    /// The offending value: the sentence says what it is.
    public var value: Int
    /// The bound or expectation that it misses; 0 if there is none.
    public var bound: Int

    /// As an operator reads it in a log.
    public var description: String {
        "\(rule) on the \(ring.rawValue) ring at rsp_cons \(index): "
            + "\(value) \(rule.sentence) (bound \(bound))"
    }
}
