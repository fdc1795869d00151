// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import netdd

@Suite("The memory that the image uses")
struct MemoryUseTests {
    @Test("it is what is there without what is available")
    func used() throws {
        let text = """
            MemTotal:         223764 kB
            MemFree:          180000 kB
            MemAvailable:     179500 kB
            """
        let use = try #require(MemoryUse(meminfo: text))
        #expect(use.totalKiB == 223_764)
        #expect(use.usedKiB == 44_264)
    }

    @Test(
        "a text that makes no sense tells nothing",
        arguments: [
            "", "MemTotal: 5 kB", "MemTotal: x kB\nMemAvailable: 1 kB",
            "MemTotal: 5 kB\nMemAvailable: 6 kB", "MemTotal: 5 kB\nMemAvailable: -6 kB",
            "MemTotal:\nMemAvailable:",
        ])
    func nonsense(text: String) { #expect(MemoryUse(meminfo: text) == nil) }

    @Test("this machine tells")
    func here() throws {
        let use = try #require(MemoryUse.now())
        #expect(use.totalKiB > 0)
    }
}
