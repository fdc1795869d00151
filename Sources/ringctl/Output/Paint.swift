// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Colours, for a terminal alone.
enum Paint {
    private static let isTerminal = isatty(1) == 1

    /// What is wrong stands out.
    static func bad(_ text: String) -> String {
        isTerminal ? "\u{1B}[31m\(text)\u{1B}[0m" : text
    }

    /// What is right does so a little.
    static func good(_ text: String) -> String {
        isTerminal ? "\u{1B}[32m\(text)\u{1B}[0m" : text
    }
}
