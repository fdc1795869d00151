// SPDX-License-Identifier: Apache-2.0

/// A rule that does not hold, in words.
struct Finding: Equatable, Hashable {
    /// The rule's name, which does not change from version to version.
    enum Rule: String, CaseIterable {
        case ringUnreadable = "ring-unreadable"
        case ringIndices = "ring-indices"
        case responseEvent = "ring-rsp-event"
        case journalOrder = "journal-order"
        case journalRing = "journal-ring"
        case journalDouble = "journal-double"
        case journalWorker = "journal-worker"
        case halfDisabled = "half-disabled"
        case halfStalls = "half-stalls"
        case stateMissing = "state-missing"
        case stateTruncated = "state-truncated"
        case beatBroken = "beat-broken"
        case workerGone = "worker-gone"
        case workerSilent = "worker-silent"
        case workerUnowned = "worker-unowned"
        case workerDeaths = "worker-deaths"
        case noShadow = "no-shadow"
        case notConnected = "not-connected"
        case noProgress = "no-progress"
    }

    var rule: Rule
    /// What it is about: a half, a worker, the backend.
    var place: String
    /// What is the matter, as a sentence.
    var text: String

    var line: String { "\(place): \(text) [\(rule.rawValue)]" }
}
