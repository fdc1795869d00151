// SPDX-License-Identifier: Apache-2.0

/// An error for a person: what is wrong, and what to do about it.
public struct Complaint: Error, CustomStringConvertible {
    /// What is wrong, naming the thing.
    public var message: String
    /// What to do about it; nil where the message says all there is.
    public var remedy: String?

    /// Takes the parts as they are.
    public init(_ message: String, remedy: String?) {
        self.message = message
        self.remedy = remedy
    }

    /// The message and the remedy on one line.
    public var description: String { remedy.map { "\(message): \($0)" } ?? message }
}
