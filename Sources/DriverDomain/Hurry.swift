// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform

/// For a while a worker that has taken over runs before others: what its predecessor's end and its
/// own process's new part take of the processors is not to keep packets waiting.
struct Hurry {
    var end: Instant
    /// What it leaves to others afterwards.
    var share: ProcessorShare?
    /// Whether it has the priority at all.
    var isUrgent: Bool
}
