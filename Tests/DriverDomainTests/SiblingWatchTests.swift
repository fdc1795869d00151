// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Platform
import Testing

@testable import DriverDomain

struct SiblingWatchTests {
    /// Looks as long as it takes to be thought quiet, and no more.
    private static let quietLooks = 250

    @Test("a sibling that does nothing is quiet after a second, and not once it has beaten")
    func quietness() throws {
        let region = try StateRegion(
            making: StateLayout(workers: 2, queues: 4), for: .xen)
        var watch = try SiblingWatch(region: region, detection: .standard)
        var pulse = region.heartbeat.pulse(ofSlot: 1)
        var now: UInt64 = 1_000_000_000
        /// Whether it is quiet after one more look.
        func look() -> Bool {
            now += 4_000_000
            if let finding = watch.look(at: Instant(nanoseconds: now)) {
                Issue.record("given up: \(finding.reason)")
            }
            return watch.isQuiet
        }
        for _ in 1..<Self.quietLooks { #expect(look() == false) }
        #expect(look())

        pulse.beat(at: now)
        #expect(look() == false)
        for _ in 1..<Self.quietLooks { #expect(look() == false) }
        #expect(look())
    }
}
