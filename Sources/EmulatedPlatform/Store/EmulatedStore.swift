// SPDX-License-Identifier: Apache-2.0
public import Platform

/// One client of the store, as the store knows it.
public struct StoreConnectionID: Hashable, Sendable {
    let rawValue: UInt64
}

/// A whole xenstore without I/O and without a clock: nodes, rights, quotas, transactions, watches
/// and the life of domains, with xenstored's rules. Serves one thread.
///
/// A class, because the machine that owns it, its wire connections and connections within the
/// process share one store.
public final class EmulatedStore {
    let quota: StoreQuota
    var live: StoreView
    var clients: [StoreConnectionID: StoreClientRecord] = [:]
    var watches = StoreWatches()
    var transactions: [UInt32: (owner: StoreConnectionID, view: StoreView)] = [:]
    var lastTransaction: UInt32 = 0
    var domains: Set<DomainID> = [.control]
    var targets: [DomainID: DomainID] = [:]
    var specialPermissions: [String: [StorePermission]] = [:]
    private var lastConnection: UInt64 = 0

    /// An empty store, into which only the control domain may write.
    public init(quota: StoreQuota = StoreQuota()) {
        self.quota = quota
        live = StoreView(StoreTree(), isTransaction: false, quota: quota)
        let closed = [StorePermission(domain: .control, mayRead: false, mayWrite: false)]
        specialPermissions = [
            EmulatedStore.introduceEvent: closed, EmulatedStore.releaseEvent: closed,
        ]
    }

    /// Opens a connection that acts for a domain.
    public func open(as domain: DomainID) -> StoreConnectionID {
        lastConnection += 1
        let connection = StoreConnectionID(rawValue: lastConnection)
        clients[connection] = StoreClientRecord(domain: domain)
        return connection
    }

    /// Forgets a connection with its watches, events and transactions.
    public func close(_ connection: StoreConnectionID) {
        guard clients[connection] != nil else { return }
        reset(connection)
        clients[connection] = nil
    }

    /// Whether requests of a connection are still served: it is neither closed nor did it lose
    /// watch events.
    public func isOpen(_ connection: StoreConnectionID) -> Bool {
        clients[connection].map { !$0.hasLostEvents } ?? false
    }

    // MARK: The life of domains

    /// Fires when a domain appears.
    public static let introduceEvent = "@introduceDomain"
    /// Fires when a domain is gone or has shut down.
    public static let releaseEvent = "@releaseDomain"

    /// Makes a domain known. Corresponds to `XS_INTRODUCE`.
    public func introduce(_ domain: DomainID) {
        if domains.insert(domain).inserted { fire(EmulatedStore.introduceEvent) }
    }

    /// Forgets a domain and closes its connections; its nodes stay. Corresponds to `XS_RELEASE`.
    ///
    /// - Throws: `StoreError.notFound` if the domain is not known, `invalid` for dom0.
    public func release(_ domain: DomainID) throws(StoreError) {
        guard domain != .control else { throw .invalid }
        guard domains.remove(domain) != nil else { throw .notFound }
        for (connection, client) in clients where client.domain == domain { close(connection) }
        targets = targets.filter { $0.key != domain && $0.value != domain }
        fire(EmulatedStore.releaseEvent)
    }

    /// Tells watchers that a domain shut down, while it is still known.
    public func announceShutdown() { fire(EmulatedStore.releaseEvent) }

    /// Whether a domain is known.
    public func isIntroduced(_ domain: DomainID) -> Bool { domains.contains(domain) }

    /// Gives a domain another one's rights on top of its own. Corresponds to `XS_SET_TARGET`.
    ///
    /// - Throws: `StoreError.notFound` unless both are known.
    public func setTarget(of domain: DomainID, to target: DomainID) throws(StoreError) {
        guard domain != .control, target != .control else { throw .invalid }
        guard isIntroduced(domain), isIntroduced(target) else { throw .notFound }
        targets[domain] = target
    }

    // MARK: Whoever asks

    func access(of domain: DomainID) -> StoreAccess {
        StoreAccess(domain: domain, target: targets[domain])
    }

    /// The domain that a connection acts for.
    ///
    /// - Throws: `StoreError.notFound` if it is closed, `lostEvents` if it lost watch events.
    public func domain(of connection: StoreConnectionID) throws(StoreError) -> DomainID {
        guard let client = clients[connection] else { throw .notFound }
        guard !client.hasLostEvents else { throw .lostEvents }
        return client.domain
    }
}
