// SPDX-License-Identifier: Apache-2.0
public import Heartbeat

/// What a pair is told beside what every driver domain is.
public struct PairOptions: Sendable {
    /// How the shadow decides that the primary is dead.
    public var detection = DetectionMode.standard
    /// Faults may be asked for by a node of the store.
    public var allowsFaults = false
    /// Take over a pair that runs, if there is one, in place of being refused.
    public var takesOver = false
    /// Where a folder is left for each death of a primary; nil for none.
    public var crashFolder: String?
    /// How many of them are kept.
    public var crashReportsMax = 8
    /// Where metrics are served, as `ADDRESS:PORT`; nil for nowhere.
    public var metricsAddress: String?
    /// Milliseconds at most before a member is started anew, however often members end.
    public var longestRestartPause = RestartPolicy.usualLongestPause
    /// The command line of a member of the pair, its name first.
    public var memberArguments: [String]

    /// Everything but the command line is as it is by default.
    public init(memberArguments: [String]) { self.memberArguments = memberArguments }
}

/// The descriptors that a member finds open at its start.
enum MemberDescriptors {
    /// The pair's memory.
    static let region: Int32 = 3
    /// The parent.
    static let parent: Int32 = 4
    /// Where someone asks to take over the pair: a member listens there once it has no parent.
    static let requests: Int32 = 5
    /// The right to serve the domain, which lasts for as long as any process of the pair does.
    static let claim: Int32 = 6
    /// The first of Xen's event channels, one descriptor for each worker.
    static let channels: Int32 = 7
}
