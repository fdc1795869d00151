// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

extension AllPrograms {
    /// The short form of `make chaos`; it makes its own namespaces.
    @Suite("netbackd chaos")
    struct ChaosTests {
        @Test("a pair loses nothing to kills, stops, hangs and handovers", arguments: [1])
        func passes(seed: Int) throws {
            // Slow enough for a debug build: what it cannot carry would count as lost.
            let result = try ChildProcess.run(
                [
                    "\(ProgramRun.folder)/netbackd", "chaos", "--seed", "\(seed)",
                    "--kills", "12", "--stops", "3", "--hangs", "4", "--handovers", "3",
                    "--crashes", "2", "--controls", "2", "--rate", "500", "--tcp", "20",
                ],
                environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], timeoutSeconds: 100)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            #expect(result.output.contains("faults=26 seed=\(seed) failures=0"))
        }
    }
}
