// SPDX-License-Identifier: Apache-2.0
public import Platform

extension EmulatedStore {
    /// Starts a transaction, which sees the store as it is now and its own changes.
    ///
    /// - Throws: `StoreError.noSpace` when the domain has too many open.
    public func beginTransaction(
        by connection: StoreConnectionID
    ) throws(StoreError) -> StoreTransaction {
        let domain = try domain(of: connection)
        guard
            domain == .control
                || count(of: domain, { $0.transactions.count }) < quota.transactionsPerDomainMax
        else { throw .noSpace }
        repeat {
            lastTransaction = lastTransaction == .max ? 1 : lastTransaction + 1
        } while transactions[lastTransaction] != nil
        let view = StoreView(live.tree, isTransaction: true, quota: quota)
        transactions[lastTransaction] = (connection, view)
        clients[connection]?.transactions.insert(lastTransaction)
        return StoreTransaction(lastTransaction)
    }

    /// Ends a transaction. With `commit` its changes are made at once, and watches fire.
    ///
    /// - Throws: `StoreError.again` if a node it depends on is another now, `noSpace` if the
    ///   domain would own too many nodes, `notFound` if there is no such transaction. It has
    ///   ended in any case.
    public func endTransaction(
        _ transaction: StoreTransaction, commit: Bool, by connection: StoreConnectionID
    ) throws(StoreError) {
        let domain = try domain(of: connection)
        guard clients[connection]?.transactions.remove(transaction.rawValue) != nil,
            let ended = transactions.removeValue(forKey: transaction.rawValue)
        else { throw .notFound }
        guard commit else { return }
        try live.commit(ended.view, as: access(of: domain))
        fireChanges()
    }

    /// A sum over a domain's connections.
    func count(of domain: DomainID, _ part: (StoreClientRecord) -> Int) -> Int {
        clients.values.reduce(0) { $0 + ($1.domain == domain ? part($1) : 0) }
    }
}
