// SPDX-License-Identifier: Apache-2.0
import Netif
import TestSupport
import Testing

/// A backend is ended at every effect that anybody can see, and the ones that follow too; what the
/// guest and the host see must be as if nothing had happened (docs/TAKEOVER.md, rules R1 to R5).
@Suite struct CrashEnumerationTests {
    static let transmits: [Scenario] = [
        Scenario(
            name: "Tx of one slot", transmits: [.small, .small, .small, .small, .small],
            burst: 3, isPairEnumerated: true),
        Scenario(name: "Tx of pages", transmits: [.pages, .small, .pages, .pages], burst: 2),
        Scenario(name: "Tx to be segmented", transmits: [.large, .large, .small], burst: 2),
        Scenario(
            name: "Tx with what is invalid",
            transmits: [.small, .tooShort, .small, .unusable, .large, .small], burst: 3),
        Scenario(
            name: "Tx with failing copies",
            transmits: [.ungranted, .small, .ungranted, .small, .pages], burst: 3),
        Scenario(
            name: "Tx with refusals", transmits: [.small, .refused, .small, .small, .refused],
            burst: 5),
    ]

    static let receives: [Scenario] = [
        Scenario(
            name: "Rx of one slot", receives: [.small, .small, .small, .small, .small],
            burst: 3, isPairEnumerated: true),
        Scenario(
            name: "Rx of pages", receives: [.pages, .small, .pages], burst: 2,
            frameSizeMax: 9000),
        Scenario(name: "Rx to be segmented", receives: [.large, .small, .large, .large]),
        Scenario(
            name: "Rx with what is dropped",
            receives: [.oversized, .small, .foreign, .small, .oversized, .pages, .foreign],
            burst: 3, features: [.scatterGather, .checksumIPv4, .receiveCopy, .receiveNotify],
            frameSizeMax: 9000),
        Scenario(
            name: "Rx with sums to compute", receives: [.blank, .small, .blank, .blank],
            features: [.scatterGather, .checksumIPv4, .receiveCopy, .receiveNotify]),
        Scenario(
            name: "Rx with failing copies", receives: [.small, .small, .small, .small],
            ungranted: [1]),
        Scenario(
            name: "Rx short of buffers",
            receives: [.pages, .small, .pages, .pages, .small, .pages], burst: 6,
            features: [.scatterGather, .checksumIPv4, .receiveCopy, .receiveNotify],
            frameSizeMax: 9000, buffersMax: 4),
    ]

    static let both: [Scenario] = [
        Scenario(
            name: "two queues", queueCount: 2, transmits: [.small, .large, .small],
            receives: [.small, .large, .small], burst: 2)
    ]

    /// Slots are reused as soon as they are answered: whoever writes old answers again destroys
    /// new requests.
    static let full = Scenario(
        name: "a full Tx ring", transmits: Array(repeating: .pieces, count: 20), burst: 20)

    static let all = transmits + receives + both

    @Test("no crash: the scenario itself comes to its end", arguments: all + [full])
    func scenarioIsPlayable(_ scenario: Scenario) throws {
        for played in [scenario, scenario.eager, scenario.blind] {
            let world = try CrashWorld(played, on: CrashStage(queueCount: played.queueCount))
            try world.play(crashes: [])
            #expect(world.violations == [], "\(played.testDescription)")
        }
    }

    @Test("R1-R5: one crash at every effect", arguments: all)
    func oneCrash(_ scenario: Scenario) throws {
        var coverage = Coverage()
        for played in [scenario, scenario.eager, scenario.blind] {
            try Self.enumerate(played, &coverage)
        }
        print("one crash, \(scenario.name): \(coverage)")
    }

    @Test("R1-R5: a crash of the successor too, at every effect or a sample", arguments: all)
    func twoCrashes(_ scenario: Scenario) throws {
        var coverage = Coverage()
        var random = SplitMix64(seed: 2)
        let stage = try CrashStage(queueCount: scenario.queueCount)
        for played in [scenario, scenario.eager, scenario.blind] {
            let isSampled = !played.isPairEnumerated || played.isEager || !played.tellsTraffic
            let most = try Self.effects(played, crashes: [], on: stage)
            for first in 0..<most {
                if isSampled, Int.random(in: 0..<8, using: &random) > 0 { continue }
                let rest = try Self.effects(played, crashes: [first], on: stage)
                for second in 0..<rest {
                    // The successor's first effects are the takeover; the rest is like one crash.
                    let isLate = isSampled || second > 60
                    if isLate, Int.random(in: 0..<8, using: &random) > 0 { continue }
                    try Self.run(played, [first, second], on: stage, &coverage)
                }
            }
        }
        print("two crashes, \(scenario.name): \(coverage)")
    }

    @Test("R4: new requests in reused slots survive a crash at every effect")
    func fullRing() throws {
        var coverage = Coverage()
        try Self.enumerate(Self.full, &coverage)
        try Self.enumerate(Self.full.eager, &coverage)
        print("one crash, \(Self.full.name): \(coverage)")
    }

    /// Effects of the last life of a run, which must have reached all its crashes.
    static func effects(
        _ scenario: Scenario, crashes: [Int], on stage: CrashStage
    ) throws -> Int {
        let world = try CrashWorld(scenario, on: stage)
        try world.play(crashes: crashes)
        return world.crashCount == crashes.count ? world.effectCounts.last ?? 0 : 0
    }

    static func enumerate(_ scenario: Scenario, _ coverage: inout Coverage) throws {
        let stage = try CrashStage(queueCount: scenario.queueCount)
        let most = try effects(scenario, crashes: [], on: stage)
        try #require(most > 10, "the backend does something")
        for crash in 0..<most { try run(scenario, [crash], on: stage, &coverage) }
    }

    static func run(
        _ scenario: Scenario, _ crashes: [Int], on stage: CrashStage, _ coverage: inout Coverage
    ) throws {
        let world = try CrashWorld(scenario, on: stage)
        try world.play(crashes: crashes)
        coverage.add(world)
        coverage.crashPoints += 1
        let violations = world.violations
        try #require(
            violations == [], "\(scenario.testDescription), crashes at \(crashes)")
        try #require(world.crashCount == crashes.count, "a crash that was not reached")
    }
}
