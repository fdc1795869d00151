// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform
import TestSupport
import Testing

@Suite("The xenbus life of a vif")
struct VifStateMachineTests {
    /// Where a machine can stand when the frontend's state changes, and how it came there.
    enum Place: String, CaseIterable, Sendable {
        case waiting, opening, connected, releasing, refused, closing, closed, removed, gone

        func make() -> VifStateMachine {
            var (machine, _) = VifStateMachine.start(at: .initialising)
            func feed(_ events: [VifEvent]) {
                for event in events { _ = machine.handle(event) }
            }
            let open: [VifEvent] = [.frontendState(.connected)]
            switch self {
            case .waiting: break
            case .opening: feed(open)
            case .connected: feed(open + [.queuesOpened])
            case .releasing: feed(open + [.queuesOpened, .frontendState(.closing)])
            case .refused: feed(open + [.connectFailed("no"), .queuesClosed])
            case .closing: feed([.frontendState(.closing)])
            case .closed: feed([.frontendState(.closing), .frontendState(.closed)])
            case .removed:
                feed(open)
                _ = machine.nodeRemoved()
            case .gone: _ = machine.nodeRemoved()
            }
            return machine
        }
    }

    /// For each place the answers to the nine states of a frontend, 0 (unknown) to 8: digits are
    /// states written, `o` opens the queues, `c` closes them, `r` reconfigures, `-` is nothing.
    static let table: [(Place, [String])] = [
        (.waiting, ["-", "-", "-", "o", "o", "5", "56", "-", "-"]),
        (.opening, ["-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (.connected, ["c", "c", "-", "-", "-", "c", "c", "r8", "-"]),
        (.releasing, ["-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (.refused, ["6", "62", "6", "-", "-", "-", "6", "6", "6"]),
        (.closing, ["6", "62", "6", "6", "-", "-", "6", "6", "6"]),
        (.closed, ["-", "2", "-", "-", "-", "-", "-", "-", "-"]),
        (.removed, ["-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (.gone, ["-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ]

    static func letters(_ actions: [VifAction]) -> String {
        let text = actions.map { action in
            switch action {
            case .writeState(let state): "\(state.rawValue)"
            case .readFrontend: "?"
            case .openQueues: "o"
            case .closeQueues: "c"
            case .reportError: "e"
            case .reconfigure: "r"
            case .awaitRemoval: "w"
            case .removeNode: "x"
            case .forget: "f"
            }
        }.joined()
        return text.isEmpty ? "-" : text
    }

    @Test("each state of the frontend has its answer wherever the vif stands")
    func nineByNine() throws {
        #expect(Self.table.map(\.0) == Place.allCases)
        for (place, answers) in Self.table {
            #expect(answers.count == XenbusState.allCases.count)
            for (state, answer) in zip(XenbusState.allCases, answers) {
                var machine = place.make()
                let actions = machine.handle(.frontendState(state))
                #expect(Self.letters(actions) == answer, "\(place), frontend \(state)")
            }
        }
    }

    @Test("a frontend's state that is told twice changes nothing", arguments: Place.allCases)
    func repetition(place: Place) {
        for state in XenbusState.allCases {
            var machine = place.make()
            _ = machine.handle(.frontendState(state))
            let before = machine.phase
            let again = machine.handle(.frontendState(state))
            // Asking to be reconfigured twice is two requests.
            guard state != .reconfiguring else { continue }
            #expect(Self.letters(again) == "-", "\(place), frontend \(state)")
            #expect(machine.phase == before)
        }
    }

    @Test(
        "a node that is found goes on from where it was left",
        arguments: [
            (XenbusState.unknown, "2"), (.initialising, "2"), (.initWait, "2"),
            (.initialised, "2"), (.connected, "o"), (.closing, "-"), (.closed, "-"),
            (.reconfiguring, "o"), (.reconfigured, "o"),
        ])
    func found(state: XenbusState, answer: String) {
        #expect(Self.letters(VifStateMachine.start(at: state).1) == answer)
    }

    @Test("a running vif is taken over without any state but Connected")
    func takeOver() {
        var (machine, actions) = VifStateMachine.start(at: .connected)
        #expect(actions == [.openQueues])
        #expect(machine.handle(.online(true)) == [])
        #expect(machine.handle(.frontendState(.connected)) == [])
        #expect(machine.handle(.queuesOpened) == [.writeState(.connected)])
    }

    @Test("Windows closes and comes back before it connects, and gets each answer")
    func windows() {
        var (machine, _) = VifStateMachine.start(at: .initialising)
        let walk: [(XenbusState, String)] = [
            (.closing, "5"), (.closed, "6"), (.initialising, "2"), (.connected, "o"),
        ]
        for (state, answer) in walk {
            #expect(Self.letters(machine.handle(.frontendState(state))) == answer)
        }
        #expect(machine.handle(.queuesOpened) == [.writeState(.connected)])
    }

    @Test("a frontend that jumps to Closed or vanishes is let go of")
    func jumps() {
        for state in [XenbusState.closed, .unknown] {
            var machine = Place.connected.make()
            #expect(machine.handle(.frontendState(state)) == [.closeQueues])
            #expect(Self.letters(machine.handle(.queuesClosed)) == "56")
            #expect(Self.letters(machine.handle(.online(false))) == "w")
            #expect(machine.phase == .closed)
            #expect(Self.letters(machine.handle(.removalDue)) == "xf")
            #expect(machine.phase == .gone)
        }
    }

    @Test("a node is removed only while its vif is closed and offline")
    func removalIsPutOff() {
        for place in Place.allCases {
            var machine = place.make()
            #expect(machine.handle(.removalDue) == [], "\(place)")
        }
        var machine = Place.closed.make()
        #expect(machine.handle(.online(false)) == [.awaitRemoval])
        #expect(machine.handle(.frontendState(.unknown)) == [])
        #expect(machine.handle(.online(true)) == [])
        #expect(machine.handle(.removalDue) == [])
        #expect(machine.handle(.online(false)) == [.awaitRemoval])
        // Plugged in again meanwhile.
        #expect(machine.handle(.online(true)) == [])
        #expect(Self.letters(machine.handle(.ownStateOverwritten(.initialising))) == "2?")
        #expect(machine.handle(.removalDue) == [])
        #expect(machine.handle(.frontendState(.connected)) == [.openQueues])
    }

    @Test("a vif that the toolstack has removed by itself is forgotten")
    func toolstackRemoves() {
        var machine = Place.closed.make()
        #expect(machine.handle(.online(false)) == [.awaitRemoval])
        #expect(machine.nodeRemoved() == [.forget])
        #expect(machine.handle(.removalDue) == [])
    }

    @Test("what the toolstack unplugs is closed whatever the frontend does")
    func detach() {
        for place in [Place.waiting, .connected, .refused, .closing, .closed] {
            for state in XenbusState.allCases {
                var machine = place.make()
                var letters = Self.letters(machine.handle(.frontendState(state)))
                letters += Self.letters(machine.handle(.online(false)))
                letters += Self.letters(machine.handle(.ownStateOverwritten(.closing)))
                if machine.phase == .opening {
                    letters += Self.letters(machine.handle(.queuesOpened))
                }
                if machine.phase == .releasing {
                    letters += Self.letters(machine.handle(.queuesClosed))
                }
                letters += Self.letters(machine.handle(.removalDue))
                #expect(machine.phase == .gone, "\(place), frontend \(state): \(letters)")
                letters.removeAll { $0 == "-" }
                #expect(letters.hasSuffix("wxf"), "\(place), frontend \(state): \(letters)")
            }
        }
    }

    @Test("a vif that is removed while its queues open is forgotten when they are closed")
    func removalWhileOpening() {
        var machine = Place.opening.make()
        #expect(machine.nodeRemoved() == [.closeQueues])
        #expect(machine.nodeRemoved() == [])
        #expect(machine.handle(.queuesOpened) == [])
        #expect(machine.handle(.connectFailed("late")) == [])
        #expect(machine.handle(.queuesClosed) == [.forget])
    }

    @Test("a toolstack that starts over is followed without a word of Closing")
    func restart() {
        let expected: [(Place, String)] = [
            (.waiting, "2?"), (.opening, "c?"), (.connected, "c?"), (.releasing, "?"),
            (.refused, "2?"), (.closing, "2?"), (.closed, "2?"), (.removed, "?"), (.gone, "-"),
        ]
        #expect(expected.map(\.0) == Place.allCases)
        for (place, answer) in expected {
            var machine = place.make()
            let letters = Self.letters(machine.handle(.ownStateOverwritten(.initialising)))
            #expect(letters == answer, "\(place)")
            guard machine.phase == .releasing, place != .removed else { continue }
            #expect(machine.handle(.frontendState(.initialising)) == [], "\(place)")
            #expect(machine.handle(.queuesClosed) == [.writeState(.initWait)], "\(place)")
            #expect(machine.handle(.frontendState(.connected)) == [.openQueues], "\(place)")
        }
    }

    @Test("a toolstack that starts over above a frontend that stays opens its rings again")
    func restartAlone() {
        var machine = Place.connected.make()
        #expect(
            machine.handle(.ownStateOverwritten(.initialising)) == [.closeQueues, .readFrontend])
        #expect(machine.handle(.frontendState(.connected)) == [])
        #expect(machine.handle(.queuesClosed) == [.writeState(.initWait), .openQueues])
        #expect(machine.handle(.queuesOpened) == [.writeState(.connected)])
    }

    @Test("a refused frontend that begins anew is waited for, and connects")
    func recovery() {
        var machine = Place.refused.make()
        #expect(machine.handle(.frontendState(.connected)) == [])
        #expect(machine.handle(.frontendState(.initialising)).last == .writeState(.initWait))
        #expect(machine.handle(.frontendState(.connected)) == [.openQueues])
        #expect(machine.handle(.queuesOpened) == [.writeState(.connected)])
    }

    @Test(
        "whatever happens, queues open and close in turn and the end is the end", arguments: 0..<400
    )
    func properties(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<20 {
            let found = try #require(XenbusState.allCases.randomElement(using: &random))
            var (machine, actions) = VifStateMachine.start(at: found)
            var model = QueueModel()
            try model.take(actions, seed)
            for _ in 0..<60 {
                actions = Self.randomStep(&machine, model, &random)
                #expect(actions.count <= 8, "seed \(seed)")
                try model.take(actions, seed)
            }
            // An end that is asked for is reached.
            _ = try model.take(machine.handle(.frontendState(.closed)), seed)
            _ = try model.take(machine.handle(.shutdown), seed)
            if machine.phase == .opening { try model.take(machine.handle(.queuesOpened), seed) }
            if machine.phase == .releasing { try model.take(machine.handle(.queuesClosed), seed) }
            try model.take(machine.handle(.removalDue), seed)
            #expect(machine.phase == .gone, "seed \(seed)")
            #expect(model.state == .none, "seed \(seed)")
        }
    }

    private static func randomStep(
        _ machine: inout VifStateMachine, _ model: QueueModel, _ random: inout SplitMix64
    ) -> [VifAction] {
        let state = XenbusState.allCases.randomElement(using: &random) ?? .unknown
        switch Int.random(in: 0..<24, using: &random) {
        case 0..<10: return machine.handle(.frontendState(state))
        case 10: return machine.handle(.online(Bool.random(using: &random)))
        case 11: return machine.handle(.ownStateOverwritten(state))
        case 12..<16 where model.state == .open: return machine.handle(.queuesOpened)
        case 16 where model.state == .open: return machine.handle(.connectFailed("no"))
        case 17..<21 where model.state == .closing: return machine.handle(.queuesClosed)
        case 21 where Int.random(in: 0..<8, using: &random) == 0:
            return machine.handle(.shutdown)
        case 22 where Int.random(in: 0..<8, using: &random) == 0: return machine.nodeRemoved()
        case 23: return machine.handle(.removalDue)
        default: return []
        }
    }

    /// What the queues must look like to somebody who sees only the actions.
    private struct QueueModel {
        enum State { case none, open, closing }
        var state = State.none
        var isForgotten = false

        mutating func take(_ actions: [VifAction], _ seed: UInt64) throws {
            for action in actions {
                try #require(!isForgotten, "after the end: \(action), seed \(seed)")
                switch action {
                case .openQueues:
                    #expect(state != .open, "opened twice, seed \(seed)")
                    state = .open
                case .closeQueues:
                    #expect(state == .open, "closed without need, seed \(seed)")
                    state = .closing
                case .writeState(.connected), .writeState(.reconfigured):
                    #expect(state == .open, "connected without queues, seed \(seed)")
                case .writeState(let written):
                    #expect(state != .open, "\(written) with queues, seed \(seed)")
                    state = .none
                case .forget:
                    #expect(state != .open, "forgotten with queues, seed \(seed)")
                    state = .none
                    isForgotten = true
                case .removeNode: #expect(state == .none, "removed with queues, seed \(seed)")
                case .reportError, .reconfigure, .awaitRemoval, .readFrontend: break
                }
            }
        }
    }
}
