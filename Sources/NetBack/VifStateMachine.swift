// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What happened to a vif, seen from its backend.
public enum VifEvent: Equatable, Sendable {
    /// The frontend's `state` node was read; a missing node is `unknown`.
    case frontendState(XenbusState)
    /// The toolstack's `online` node was read; a missing node is false.
    case online(Bool)
    /// The backend's own `state` node holds something that we did not write.
    case ownStateOverwritten(XenbusState)
    /// Every queue is open.
    case queuesOpened
    /// Opening a queue, or reading what the frontend wrote, failed; the sentence says why.
    case connectFailed(String)
    /// Every queue is closed and nothing of the guest's is mapped or bound any more.
    case queuesClosed
    /// The toolstack had its time to see `Closed`, and the backend's node is still there.
    case removalDue
    /// We are asked to stop serving, properly.
    case shutdown
}

/// What the backend must do about it, in this order.
public enum VifAction: Equatable, Sendable {
    /// Write the backend's `state` node.
    case writeState(XenbusState)
    /// Read the frontend's `state` node anew: what was known of it is of a life before.
    case readFrontend
    /// Read the frontend's nodes, make the port, map the rings, bind the ports.
    case openQueues
    /// Undo `openQueues`.
    case closeQueues
    /// Write the sentence into the vif's error node.
    case reportError(String)
    /// Take up what the frontend changed at run time.
    case reconfigure
    /// Remove the backend's node, or let the toolstack do so; a `removalDue` later, if it has not.
    case awaitRemoval
    /// Remove the backend's node: the toolstack waits for that.
    case removeNode
    /// Forget the vif.
    case forget
}

/// The xenbus life of one vif, as seen from its backend: events in, actions out.
///
/// It reads nothing and writes nothing. Queues open and close elsewhere and take their time, so
/// there are two phases in which it waits for them; what the frontend does meanwhile is looked at
/// when they are done. docs/PROTOCOL.md has the picture.
public struct VifStateMachine: Equatable, Sendable {
    /// Where the vif stands.
    public enum Phase: Equatable, Sendable {
        /// `InitWait` is written; the frontend has not connected.
        case waiting
        /// The queues are being opened.
        case opening
        /// Packets flow; `Connected` is written.
        case connected
        /// The queues are being closed.
        case releasing
        /// `Closing` is written; nothing is open.
        case closing
        /// `Closed` is written; nothing is open.
        case closed
        /// The vif is forgotten.
        case gone
    }

    /// Where the vif stands.
    public private(set) var phase: Phase
    private var frontend = XenbusState.unknown
    private var isOnline = true
    private var toolstackCloses = false
    private var isShuttingDown = false
    /// The frontend's nodes were refused; it must go back to Initialising or close first.
    private var isRefused = false
    /// The toolstack starts over; the vif waits for its frontend as soon as nothing is open.
    private var isRestarting = false
    /// The backend's node is gone; the vif is forgotten as soon as nothing of it is open.
    private var isRemoved = false
    /// `awaitRemoval` was said, and the vif has been closed and offline ever since.
    private var awaitsRemoval = false

    /// Takes up a backend node that holds `state`.
    ///
    /// A node at `Connected` was left by a backend that is gone: its rings are running, so the
    /// machine opens them as they are and changes no state (docs/TAKEOVER.md).
    /// - Returns: the machine and the first actions.
    public static func start(at state: XenbusState) -> (VifStateMachine, [VifAction]) {
        switch state {
        case .connected, .reconfiguring, .reconfigured:
            return (VifStateMachine(phase: .opening), [.openQueues])
        case .closing, .closed:
            return (VifStateMachine(phase: .closing), [])
        default:
            return (VifStateMachine(phase: .waiting), [.writeState(.initWait)])
        }
    }

    private init(phase: Phase) { self.phase = phase }

    /// True while a queue may be open.
    public var mayHoldQueues: Bool {
        phase == .opening || phase == .connected || phase == .releasing
    }

    /// Takes one event.
    public mutating func handle(_ event: VifEvent) -> [VifAction] {
        guard phase != .gone else { return [] }
        switch event {
        case .frontendState(let state):
            frontend = state
            if state != .initialised && state != .connected { isRefused = false }
        case .online(let online):
            isOnline = online
        case .ownStateOverwritten(let state):
            // The toolstack asks for the end by writing Closing (xl network-detach) into our node.
            if state == .closing || state == .closed { toolstackCloses = true }
            // A toolstack that starts over writes Initialising.
            if state == .initialising { return restart() }
        case .queuesOpened:
            guard phase == .opening else { return [] }
            phase = .connected
            return [.writeState(.connected)] + settle()
        case .connectFailed(let reason):
            guard phase == .opening else { return [] }
            isRefused = true
            phase = .releasing
            return [.reportError(reason), .closeQueues]
        case .queuesClosed:
            guard phase == .releasing else { return [] }
            if isRemoved {
                phase = .gone
                return [.forget]
            }
            if isRestarting {
                isRestarting = false
                phase = .waiting
                return [.writeState(.initWait)] + settle()
            }
            phase = .closing
            return [.writeState(.closing)] + settle()
        case .removalDue:
            guard awaitsRemoval else { return [] }
            phase = .gone
            return [.removeNode, .forget]
        case .shutdown:
            isShuttingDown = true
        }
        return settle()
    }

    /// The backend's node is gone: whatever is open is closed, then the vif is forgotten.
    public mutating func nodeRemoved() -> [VifAction] {
        guard !isRemoved, phase != .gone else { return [] }
        isRemoved = true
        switch phase {
        case .opening, .connected:
            phase = .releasing
            return [.closeQueues]
        case .releasing:
            return []
        default:
            phase = .gone
            return [.forget]
        }
    }

    /// A frontend that is plugged in again must not see Closing: Linux gives its interface up for
    /// good. So the queues are closed without a word, and then it is invited.
    private mutating func restart() -> [VifAction] {
        awaitsRemoval = false
        toolstackCloses = false
        isRefused = false
        frontend = .unknown
        switch phase {
        case .opening, .connected:
            phase = .releasing
            isRestarting = true
            return [.closeQueues, .readFrontend]
        case .releasing:
            isRestarting = true
            return [.readFrontend]
        default:
            phase = .waiting
            let actions = [.writeState(.initWait)] + settle()
            return phase == .gone ? actions : actions + [.readFrontend]
        }
    }

    /// Walks from where the vif stands to where the frontend and the toolstack want it.
    private mutating func settle() -> [VifAction] {
        var actions: [VifAction] = []
        // Each step moves along waiting, opening | connected, releasing | closing, closed, waiting:
        // the walk ends after one round at most.
        for _ in 0..<4 {
            guard let step = nextStep() else { break }
            actions += step
        }
        return actions
    }

    private mutating func nextStep() -> [VifAction]? {
        let ends = toolstackCloses || isShuttingDown
        switch phase {
        case .waiting:
            if ends || frontend == .closing || frontend == .closed {
                // Windows closes before its first connect, and waits for each of our answers.
                phase = .closing
                return [.writeState(.closing)]
            }
            if frontend == .initialised || frontend == .connected {
                phase = .opening
                return [.openQueues]
            }
            return nil
        case .connected:
            switch frontend {
            case .connected, .initialised, .reconfigured, .initWait: break
            case .reconfiguring:
                // Once per request: the next state we see is the frontend's own answer.
                frontend = .reconfigured
                return [.reconfigure, .writeState(.reconfigured)]
            case .unknown, .initialising, .closing, .closed:
                phase = .releasing
                return [.closeQueues]
            }
            if ends {
                phase = .releasing
                return [.closeQueues]
            }
            return nil
        case .closing:
            let frontendIsDone = frontend != .closing && frontend != .connected
            guard ends || (frontendIsDone && !isRefused) else { return nil }
            phase = .closed
            return [.writeState(.closed)]
        case .closed:
            if !isOnline {
                guard !awaitsRemoval else { return nil }
                awaitsRemoval = true
                return [.awaitRemoval]
            }
            awaitsRemoval = false
            if isShuttingDown {
                phase = .gone
                return [.forget]
            }
            if frontend == .initialising && !toolstackCloses {
                phase = .waiting
                return [.writeState(.initWait)]
            }
            return nil
        case .opening, .releasing, .gone:
            return nil
        }
    }
}
