// SPDX-License-Identifier: Apache-2.0

/// What an unprivileged domain may use up, and what bounds every connection.
public struct StoreQuota: Sendable {
    /// Nodes a domain may own.
    public var nodesPerDomainMax = 1000
    /// Watches a domain may have, over all of its connections.
    public var watchesPerDomainMax = 128
    /// Transactions a domain may have open, over all of its connections.
    public var transactionsPerDomainMax = 10
    /// Nodes a transaction of a domain may depend on.
    public var nodesPerTransactionMax = 1024
    /// Bytes of a value that a domain writes.
    public var valueSizeMax = 2048
    /// Permission entries of a node that a domain sets.
    public var permissionsPerNodeMax = 5
    /// Watch events that may wait for any one connection, dom0's too; one more and the
    /// connection is lost.
    public var pendingEventsMax = 65_536

    /// The defaults of xenstored, except for the last, which xenstored expresses as a time.
    public init() {}
}
