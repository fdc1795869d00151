// SPDX-License-Identifier: Apache-2.0
import Platform

// What the toolstack and the frontends wrote into the store.
extension Backend where Store: ~Copyable {
    /// A path below `backend/vif` changed: FE, FE/DEV or FE/DEV/key.
    mutating func handleBackendPath(_ path: String) {
        let parts = path.split(separator: "/").dropFirst(2).map(String.init)
        if parts.count >= 2 {
            guard let vif = Self.vif(parts[0], parts[1]) else { return }
            handleBackendNode(vif, key: parts.count > 2 ? parts[2] : nil)
        } else if parts.count == 1 {
            scan(domain: parts[0])
            removeVanished()
        } else {
            for domain in children(of: Self.root) { scan(domain: domain) }
            removeVanished()
            if store.isConnected { hasScanned = true }
        }
    }

    private mutating func scan(domain: String) {
        for device in children(of: "\(Self.root)/\(domain)") {
            guard let vif = Self.vif(domain, device) else { continue }
            handleBackendNode(vif, key: nil)
        }
    }

    private mutating func children(of path: String) -> [String] {
        do throws(PlatformError) {
            return try store.directory(path) ?? []
        } catch {
            report(.error, nil, "\(path) cannot be listed: \(error)")
            return []
        }
    }

    /// A removal of a parent is one event: every vif is looked for.
    private mutating func removeVanished() {
        for vif in vifs.keys.sorted() { handleBackendNode(vif, key: nil) }
    }

    mutating func handleBackendNode(_ vif: VifID, key: String?) {
        // Everything else below a vif is our own writing, or read when it is needed.
        guard key == nil || key == "state" || key == "online" || key == "frontend" else { return }
        if vifs[vif] == nil {
            appear(vif)
            return
        }
        do throws(PlatformError) {
            try readBackendNode(vif)
        } catch {
            // What cannot be read is not gone: a vif that runs goes on.
            report(.error, vif, "its node cannot be read: \(error)")
        }
    }

    private mutating func readBackendNode(_ vif: VifID) throws(PlatformError) {
        let path = Self.path(vif)
        let stateText = try store.read("\(path)/state")
        if stateText == nil, try store.read("\(path)/frontend") == nil {
            perform(vifs[vif]?.machine.nodeRemoved() ?? [], on: vif)
            return
        }
        let isOnline = try store.read("\(path)/online") == "1"
        apply(.online(isOnline), to: vif)
        let state = XenbusState(text: stateText)
        guard let written = vifs[vif]?.lastWrittenState, state != .unknown else { return }
        // A toolstack that unplugs writes Closing, which may be what stands there already.
        if state != written || (state == .closing && !isOnline) {
            vifs[vif]?.lastWrittenState = state
            vifs[vif]?.unwrittenState = nil
            apply(.ownStateOverwritten(state), to: vif)
        }
    }

    mutating func appear(_ vif: VifID) {
        let path = Self.path(vif)
        // The toolstack writes a device in one transaction: without a frontend it is not there yet.
        guard !isShuttingDown, let frontend = read(vif, "\(path)/frontend"),
            let stateText = read(vif, "\(path)/state")
        else { return }
        // The node is the toolstack's; still, a path of another domain would let one guest steer
        // another's vif.
        guard frontend.hasPrefix("/local/domain/\(vif.domain)/") else {
            report(.error, vif, "frontend=\(frontend) is not in domain \(vif.domain): ignored")
            return
        }
        guard vifs.count < limits.vifs else {
            report(.error, vif, "not served: the limit of \(limits.vifs) vifs is reached")
            return
        }
        let found = XenbusState(text: stateText)
        let (machine, actions) = VifStateMachine.start(at: found)
        vifs[vif] = Vif(
            machine: machine, frontendPath: frontend, pace: ChangePace(at: now),
            lastWrittenState: found)
        report(.info, vif, "appeared frontend=\(frontend) state=\(found.rawValue)")
        perform(actions, on: vif)
        do throws(PlatformError) {
            try store.watch("\(frontend)/state", token: "\(vif)")
        } catch {
            report(.error, vif, "cannot watch \(frontend)/state: \(error)")
        }
        handleBackendNode(vif, key: nil)
    }

    /// The frontend wrote its state, as often as it likes; we look as often as we can afford.
    mutating func frontendChanged(_ vif: VifID) {
        guard pausedFrontends[vif] == nil, let answer = vifs[vif]?.pace.ask(at: now) else { return }
        switch answer {
        case .look: readFrontendState(of: vif)
        case .wait(let end, let isFirst):
            pausedFrontends[vif] = end
            guard isFirst else { return }
            let milliseconds = ChangePace.interval / 1_000_000
            report(
                .warning, vif,
                "the frontend writes its state too often: looked at every \(milliseconds) ms")
        }
    }

    mutating func readFrontendState(of vif: VifID) {
        guard let path = vifs[vif]?.frontendPath else { return }
        do throws(PlatformError) {
            let text = try store.read("\(path)/state")
            apply(.frontendState(XenbusState(text: text)), to: vif)
        } catch {
            // What went with its domain is not missing to the store, but forbidden.
            if error.isPermissionDenied {
                apply(.frontendState(.unknown), to: vif)
            } else {
                report(.error, vif, "\(path)/state cannot be read: \(error)")
            }
        }
    }
}
