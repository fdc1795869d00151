// SPDX-License-Identifier: Apache-2.0
public import Platform

// What is done when the store went away and came back.
extension Backend where Store: ~Copyable {
    /// Goes on with a new connection after the last one was lost: watches anew, takes up what
    /// changed meanwhile, and writes what the last one did not take.
    ///
    /// - Throws: when this connection failed too; all that is known is kept for the next one.
    public mutating func reconnect(_ store: consuming Store) throws(PlatformError) {
        self.store = store
        // Each watch fires at once: every node that is there, or was known, is looked at.
        try self.store.watch(Self.root, token: Self.root)
        for vif in vifs.keys.sorted() {
            guard let path = vifs[vif]?.frontendPath else { continue }
            try self.store.watch("\(path)/state", token: "\(vif)")
            // First what the toolstack did: our state must not stand above a node that is gone.
            handleBackendNode(vif, key: nil)
            resume(vif)
        }
        let events = waitingEvents
        waitingEvents = []
        for event in events { handle(event) }
    }

    /// Does what the last connection failed to do for a vif.
    private mutating func resume(_ vif: VifID) {
        guard store.isConnected, let known = vifs[vif] else { return }
        if let state = known.unwrittenState { writeState(state, of: vif) }
        if known.isOpeningPutOff && known.machine.phase == .opening { openQueues(of: vif) }
    }
}
