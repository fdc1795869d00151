// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Logging
import NetBack
import Platform

/// The parent of a pair: starts a primary and a shadow, replaces what died, and touches no packet.
///
/// It holds what must outlive both members: the memory that they share, Xen's event channels, and
/// the claim to the domain. Its own death disturbs no traffic.
struct PairParent: ~Copyable {
    private static var signalsNumber: UInt64 { 0 }
    private static var requestsNumber: UInt64 { 1 }
    private static var requestNumber: UInt64 { 2 }
    private static var faultsNumber: UInt64 { 3 }
    private static var kicksNumber: UInt64 { 4 }
    private static var firstMemberNumber: UInt64 { 16 }
    /// A member that was asked to end and has not by then is killed.
    private static var endNanoseconds: UInt64 { 13_000_000_000 }
    /// A new process takes a processor for some milliseconds: first the successor carries what has
    /// waited for it.
    private static var settlingNanoseconds: UInt64 { 50_000_000 }

    let logger: Logger
    let arguments: [String]
    let estate: PairEstate
    private let signals: SignalQueue
    private let poller: Poller
    /// The members by number, in the order of their starts.
    var members = Slab<MemberProcess>()
    private var policy: RestartPolicy
    /// When a member is to be started; nil while there are enough.
    private var nextStart: Instant?
    private var endDeadline: Instant?
    private var ending: PairEnding?
    private var isServed = false
    private let whenServing: () -> Void
    /// Someone who wants to take the pair over.
    private var request: HandoverRequest?
    var faults: FaultNode?
    /// Queues that an inspector wants to be looked at.
    private let kicks: Mailbox<UInt32>
    /// The pair whose place this one takes.
    private var predecessor: PairPredecessor?
    /// Where reports of primaries' deaths are kept, if they are.
    let reports: CrashReportFolder?
    let choice: HypervisorChoice

    init(
        estate: consuming PairEstate, following predecessor: consuming PairPredecessor?,
        on choice: HypervisorChoice,
        arguments: [String], signals: consuming SignalQueue, faults: consuming FaultNode?,
        kicks: Mailbox<UInt32>, reports: CrashReportFolder?, policy: RestartPolicy,
        logger: Logger, whenServing: @escaping () -> Void
    ) throws(PlatformError) {
        let poller = try Poller()
        try poller.add(signals.descriptor, number: Self.signalsNumber)
        try poller.add(estate.requests, number: Self.requestsNumber)
        if let descriptor = faults?.descriptor {
            try poller.add(descriptor, number: Self.faultsNumber)
        }
        try poller.add(kicks.descriptor, number: Self.kicksNumber)
        self.kicks = kicks
        self.reports = reports
        self.policy = policy
        self.choice = choice
        self.poller = poller
        self.estate = estate
        self.arguments = arguments
        self.signals = signals
        self.faults = faults
        self.predecessor = predecessor
        self.logger = logger
        self.whenServing = whenServing
    }

    /// Keeps two members until a signal asks for the end. The first one follows the pair whose
    /// place this one takes, if there is one.
    mutating func run() throws -> PairEnding {
        try startMember()
        if let channel = predecessor?.channel, let pidfd = predecessor?.pidfd {
            members[0].socket.send(.follow, [channel, pidfd])
        }
        while true {
            if let ending, members.count == 0 { return ending }
            _ = try poller.wait(milliseconds: patience())
            try takeSignals()
            hearMembers()
            hearRequests()
            obeyFaults()
            passKicks()
            try keepTwo()
            if let deadline = endDeadline, deadline <= .now { killAll() }
        }
    }

    private func patience() -> Int32 {
        let next = [request == nil ? nextStart : nil, endDeadline].compactMap { $0 }.min()
        return .milliseconds(until: next, from: .now)
    }

    // MARK: members

    /// The number of the member whose workers serve.
    var primary: Int? { number { $0.isServing && !$0.isSucceeded } }

    /// The number of the member that stands by.
    var shadow: Int? { number { !$0.isServing && !$0.isEnding } }

    private func number(_ isWanted: (borrowing MemberProcess) -> Bool) -> Int? {
        for number in 0..<members.capacity
        where members.isOccupied(number) && isWanted(members[number]) { return number }
        return nil
    }

    private mutating func startMember() throws(PlatformError) {
        let member = try MemberProcess(arguments: arguments, inherited: estate.inherited)
        let (pid, descriptor) = (member.pid, member.socket.descriptor)
        let number = members.insert(member)
        try poller.add(descriptor, number: Self.firstMemberNumber + UInt64(number))
        logger.info("started", metadata: ["member": "\(pid)"])
        estate.region.note(.memberStarted) { $0.process = UInt32(bitPattern: pid) }
    }

    /// Starts what is missing, and shows a new shadow to the primary.
    private mutating func keepTwo() throws {
        // Someone who asks for the pair brings a shadow of its own.
        guard ending == nil, request == nil, let due = nextStart, due <= .now else { return }
        nextStart = nil
        guard shadow == nil else { return }
        do throws(PlatformError) {
            try startMember()
            if let primary, let shadow { try connect(primary, shadow) }
        } catch {
            logger.error("no shadow can be started: \(error)")
            nextStart = Instant.now.advanced(byNanoseconds: 1_000_000_000)
        }
    }

    private mutating func connect(_ primary: Int, _ shadow: Int) throws(PlatformError) {
        let (one, other) = try MemberSocket.pair()
        members[primary].socket.send(.attend, [one])
        members[shadow].socket.send(.follow, [other, members[primary].pidfd])
        close(one)
        close(other)
    }

    private mutating func hearMembers() {
        for number in 0..<members.capacity where members.isOccupied(number) {
            var isMore = true
            while isMore, members.isOccupied(number) {
                switch members[number].socket.receive() {
                case .message(let message, let descriptors):
                    for descriptor in descriptors { close(descriptor) }
                    take(message, from: number)
                case .nothing: isMore = false
                case .end:
                    // Its death is told by a signal.
                    poller.remove(members[number].socket.descriptor)
                    isMore = false
                }
            }
        }
    }

    private mutating func take(_ message: MemberMessage, from number: Int) {
        let pid = "\(members[number].pid)"
        switch message {
        case .serving:
            if let old = primary { members[old].isSucceeded = true }
            members[number].isServing = true
            members[number].isStanding = false
            if !isServed { whenServing() }
            isServed = true
            logger.info("primary", metadata: ["member": "\(pid)"])
            let process = UInt32(bitPattern: members[number].pid)
            estate.region.note(.serving) { $0.process = process }
            if shadow == nil {
                nextStart = Instant.now.advanced(byNanoseconds: Self.settlingNanoseconds)
            }
        case .standing:
            members[number].isStanding = true
            logger.info("shadow", metadata: ["member": "\(pid)"])
            if primary == nil { predecessor?.isReady() }
        case .shadowHangs:
            if let shadow {
                logger.error("the shadow hangs: killed")
                members[shadow].send(SIGKILL)
            }
        case .primaryStuck:
            logger.critical(
                """
                the primary cannot be killed and nothing is taken over: restart this domain, \
                `xl reboot` or `xl destroy`
                """, metadata: ["member": "\(pid)"])
            faults?.say("primary-stuck")
            ending = .mustRestartDomain
            killAll()
        default: break
        }
    }

    private mutating func reap() throws {
        var status: Int32 = 0
        for number in 0..<members.capacity where members.isOccupied(number) {
            let pid = members[number].pid
            guard unsafe waitpid(pid, &status, WNOHANG) == pid else { continue }
            let member = members.remove(number)
            poller.remove(member.socket.descriptor)
            let cause =
                clinux_signaled(status) != 0
                ? "signal \(clinux_termination_signal(status))"
                : "exit code \(clinux_exit_status(status))"
            let isClean = cause == "exit code 0"
            let isCrash = member.isServing && !member.isEnding && !isClean
            try note(member, cause, isClean: isClean)
            if isCrash { report(deathOf: pid, cause) }
        }
    }

    private mutating func note(
        _ member: consuming MemberProcess, _ cause: String, isClean: Bool
    ) throws {
        let role = member.isServing ? "primary" : "shadow"
        logger.log(
            level: member.isEnding || isClean ? .info : .error, "\(role) ended",
            metadata: ["member": "\(member.pid)", "cause": "\(cause)"])
        let (process, isServing) = (UInt32(bitPattern: member.pid), member.isServing)
        estate.region.note(.ended) {
            $0.process = process
            $0.count = isServing ? 1 : 0
            $0.text = cause
        }
        let isSwitching = request?.isSwitching ?? false
        if isSwitching, member.isServing, !member.isSucceeded { ending = .handedOver }
        guard ending == nil else { return }
        let lived = Instant.now.nanoseconds(since: member.startedAt)
        let isUseful = member.isServing || member.isStanding
        switch policy.ended(afterServing: isUseful ? lived : nil) {
        case .restart(let milliseconds):
            let pause = member.isEnding ? 0 : UInt64(milliseconds) * 1_000_000
            let settling = members.count == 0 ? 0 : Self.settlingNanoseconds
            nextStart = Instant.now.advanced(byNanoseconds: max(pause, settling))
        case .giveUp:
            guard !isServed else {
                nextStart = Instant.now.advanced(byNanoseconds: 5_000_000_000)
                return
            }
            throw Complaint(
                "its members end again and again before they serve (\(cause))",
                remedy: "the lines above say why")
        }
    }

    // MARK: signals

    private mutating func takeSignals() throws {
        while let signal = signals.next() {
            switch signal {
            case SIGCHLD: try reap()
            case SIGHUP, SIGUSR1: if let primary { members[primary].send(signal) }
            case SIGUSR2: handOver()
            default: end(signal)
            }
        }
        // A signal stands for any number of children.
        try reap()
        // The shadow first: nobody is to take over what is closed on purpose.
        if endDeadline != nil, shadow == nil, let primary, !members[primary].isEnding {
            members[primary].isEnding = true
            members[primary].send(SIGTERM)
        }
    }

    private mutating func end(_ signal: Int32) {
        guard endDeadline == nil else { return }
        logger.info("closing", metadata: ["signal": "\(signal)"])
        ending = .ended
        endDeadline = Instant.now.advanced(byNanoseconds: Self.endNanoseconds)
        for number in 0..<members.capacity
        where members.isOccupied(number) && !members[number].isServing {
            members[number].isEnding = true
            members[number].send(SIGTERM)
        }
        faults = nil
    }

    private mutating func killAll() {
        endDeadline = nil
        for number in 0..<members.capacity where members.isOccupied(number) {
            members[number].send(SIGKILL)
        }
    }

    /// Lets the shadow serve, on purpose.
    mutating func handOver() {
        guard let primary, let shadow, members[shadow].isStanding else {
            logger.warning("no handover: no shadow stands by")
            return
        }
        logger.info(
            "handing over",
            metadata: ["from": "\(members[primary].pid)", "to": "\(members[shadow].pid)"])
        let process = UInt32(bitPattern: members[primary].pid)
        estate.region.note(.handover) { $0.process = process }
        members[primary].isEnding = true
        members[primary].socket.send(.handOver)
    }

    // MARK: someone takes over

    private mutating func hearRequests() {
        if request == nil {
            request = HandoverRequest(acceptingFrom: estate.requests)
            if let descriptor = request?.descriptor {
                try? poller.add(descriptor, number: Self.requestNumber)
            }
        }
        guard let news = request?.hear() else { return }
        switch news {
        case .nothing: return
        case .asks(let version): answer(version)
        case .ready:
            guard let primary else { return }
            logger.info("handing over to another pair")
            let process = UInt32(bitPattern: members[primary].pid)
            estate.region.note(.handover) { $0.process = process }
            members[primary].isEnding = true
            members[primary].socket.send(.handOver)
        case .end:
            if let descriptor = request?.descriptor { poller.remove(descriptor) }
            let isSwitching = request?.isSwitching ?? false
            request = nil
            if !isSwitching, ending == nil { nextStart = .now }
        }
    }

    private mutating func answer(_ version: UInt32) {
        guard let primary, version == estate.version else {
            logger.warning(
                "a handover is refused", metadata: ["journal_version": "\(version)"])
            request?.refuse(known: estate.version)
            return
        }
        // The one who asks brings a shadow of its own.
        if let shadow {
            members[shadow].isEnding = true
            members[shadow].send(SIGTERM)
        }
        guard let (one, other) = try? MemberSocket.pair() else { return }
        members[primary].socket.send(.attend, [one])
        request?.offer(estate.handles, channel: other, pidfd: members[primary].pidfd)
        close(one)
        close(other)
    }

    /// The primary looks; whoever is none has nothing to look at.
    private func passKicks() {
        for slot in kicks.takeAll() {
            if let primary { members[primary].socket.send(.kick(slot: slot)) }
        }
    }

    // MARK: faults on purpose

    private mutating func obeyFaults() {
        for wish in faults?.takeWishes() ?? [] { obey(wish) }
    }
}
