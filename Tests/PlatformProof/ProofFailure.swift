// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Why a check failed.
public struct ProofFailure: Error, CustomStringConvertible {
    /// What was seen.
    public var description: String

    /// Takes a sentence.
    public init(_ description: String) { self.description = description }
}

/// Fails the check unless `condition` holds.
func hold(_ condition: Bool, _ seen: @autoclosure () -> String) throws {
    if !condition { throw ProofFailure(seen()) }
}

/// Fails the check unless `left` is `right`.
func equal<Value: Equatable>(_ left: Value, _ right: Value, _ what: String) throws {
    try hold(left == right, "\(what) is \(left), not \(right)")
}

/// Asks until there is an answer; an interrupt may take its time. Nil after some seconds.
func eventually<Value>(_ next: () throws -> Value?) throws -> Value? {
    for _ in 0..<3000 {
        if let value = try next() { return value }
        usleep(1000)
    }
    return nil
}

/// Asks once, when whatever was under way has had the time to arrive.
func afterAWhile<Value>(_ next: () throws -> Value?) throws -> Value? {
    usleep(20_000)
    return try next()
}
