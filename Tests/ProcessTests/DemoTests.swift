// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

extension AllPrograms {
    /// Each runs in namespaces that stand for the host: what a demo leaves would be seen there.
    @Suite("netbackd demo")
    struct DemoTests {
        /// Starts a demo as a shell's job, and looks at what is left of it when it has ended.
        private func run(_ how: String) throws -> ProgramRun.Result {
            try ProgramRun.script(
                """
                # Jobs get process groups of their own, as in a terminal.
                set -m
                netbackd demo --seconds 1 > /run/t/log 2>&1 &
                demo=$!
                has() { grep -q -- "$1" /run/t/log; }
                \(how)
                wait $demo 2> /run/t/wait
                code=$?
                # The kernel kills the rest of a killed demo by and by.
                until_true 10 eval '! programs > /run/t/left' || fail "left: $(cat /run/t/left)"
                same "links left" "$(links)" ""
                same "namespaces left" "$(ls /run/netns)" ""
                same "files left" "$(ls -d /run/netback-demo 2> /run/t/none)" ""
                cat /run/t/log
                """)
        }

        @Test("passes all its steps and leaves nothing")
        func passes() throws {
            let result = try run("until_true 45 eval 'has passed; [ $? = 0 ] || has FAILED'")
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let good = result.output.split(separator: "\n").count { $0.hasSuffix("  ok") }
            #expect(good == 13, "\(result.output)")
            #expect(result.output.contains("all 13 steps passed"), "\(result.output)")
        }

        @Test("leaves nothing when interrupted")
        func interrupted() throws {
            let result = try run(
                """
                until_true 20 has "done .*g1 → host" || fail "the demo did not get that far"
                kill -INT -- -$demo
                wait $demo
                same "exit code" $? 130
                """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            #expect(result.output.contains("interrupted: everything is removed"))
        }

        @Test("leaves nothing when killed")
        func killed() throws {
            let result = try run(
                """
                all="emuxen iperf3 netbackd unshare"
                until_true 10 eval '[ "$(programs | sort -u | xargs)" = "$all" ]' ||
                    fail "not running: $all"
                kill -KILL $demo
                """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }
    }
}
