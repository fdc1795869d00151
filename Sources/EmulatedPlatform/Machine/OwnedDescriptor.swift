// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A file descriptor with one owner, closed with it.
struct OwnedDescriptor: ~Copyable {
    /// The number, to use while the owner lives.
    let number: Int32

    /// Takes over a descriptor that was just opened or received.
    init(taking number: Int32) { self.number = number }

    deinit { close(number) }

    /// Hands the descriptor over to someone who closes it.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}
