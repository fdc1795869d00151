// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestSupport
import Testing

/// How a job of boot/testbed ends, without a boot: the words of dom0's library, run right here.
@Suite struct TestbedJobTests {
    private static let library = "\(PackageTree.root)/boot/testbed/dom0/library"

    /// Runs lines as dom0 runs a job's file.
    private static func run(_ lines: String) throws -> (status: Int32, output: String) {
        let run = try ChildProcess.run([
            "bash", "-c",
            """
            job=$(mktemp); printf '%s\\n' "$2" >"$job"
            bash -c '. "$1"; run_job "$2"' job "$1" "$job" 2>&1; status=$?
            rm -f "$job"; exit $status
            """,
            "test", library, lines,
        ])
        return (run.status, run.output)
    }

    @Test("a job whose checks pass passes, and says how many there were")
    func passing() throws {
        let job = try Self.run("expect 'one' true\nexpect 'two' [ 1 = 1 ]")
        #expect(job.status == 0, "\(job.output)")
        #expect(job.output.contains("2 checks, 0 failed"))
    }

    @Test(
        "a job fails, whatever hides its failure",
        arguments: [
            "a check fails": "expect 'a' true\nexpect 'b' false",
            "an earlier check fails": "expect 'a' false\nexpect 'b' true",
            "it checks nothing": "true",
            "it ends itself before it checked anything": "exit 0",
            "it ends itself after a failure": "expect 'a' false\nexit 0",
            "a misspelt word": "expect 'a' true\nexpct 'b' true\nexpect 'c' true",
            "a misspelt word in a pipe": "expect 'a' true\nexpct 'b' | cat\nexpect 'c' true",
            "a word that bash cannot read": "expect 'a' true\nif true; then\nexpect 'b' true",
            "fail in a subshell": "expect 'a' true\n(fail 'b')\nexpect 'c' true",
            "a check in a pipe": "expect 'a' true\necho | while read -r _; do expect b false; done",
            "a check in the background": "expect 'a' true\nexpect 'b' false &\nwait",
            "a console that is not there": "expect 'a' no_console nobody level=error",
        ])
    func failing(name: String, lines: String) throws {
        let job = try Self.run(lines)
        #expect(job.status != 0, "\(name): \(job.output)")
        #expect(job.output.contains("FAILED: "), "\(name): \(job.output)")
    }

    @Test("a job says how it ended once, also when it calls finish")
    func finishes() throws {
        let job = try Self.run("expect 'a' true\nfinish\nexpect 'b' false")
        #expect(job.status == 0, "\(job.output)")
        #expect(job.output.components(of: "checks, ") == 1, "\(job.output)")
    }

    @Test("a console is searched for what it must not show")
    func consoles() throws {
        let lines = """
            echo 'level=info msg=serving' >"$record.console"
            console() { echo "$record.console"; }
            expect 'a' no_console x level=error
            """
        #expect(try Self.run(lines).status == 0)
        #expect(try Self.run(lines + "\nexpect 'b' no_console x level=info").status != 0)
    }

    @Test("every job of the testbed can be read by bash, and says a limit that is a number")
    func jobsAreReadable() throws {
        let found = try ChildProcess.run([
            "find", "\(PackageTree.root)/boot/testbed/jobs",
            "\(PackageTree.root)/boot/testbed/benchmarks", "-type", "f",
        ])
        let jobs = found.output.split(separator: "\n").map(String.init)
        #expect(jobs.count >= 4)
        for job in jobs {
            let check = try ChildProcess.run(["bash", "-n", job])
            #expect(check.status == 0, "\(job): \(check.errors)")
            let text = try PackageTree.file(String(job.dropFirst(PackageTree.root.count + 1))).text
            #expect(text.contains(#/(?m)^# limit: [1-9][0-9]*$/#), "\(job)")
        }
    }

    @Test("the runner refuses what it cannot run, and says why")
    func runnerRefuses() throws {
        let runner = "\(PackageTree.root)/boot/testbed/run"
        let unknown = try ChildProcess.run([runner, "no-such-job"])
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("no job no-such-job; there are: "))
        for (lines, reason) in [
            ("if true; then\n", "bash cannot read"), ("# limit: soon\n", "limit: soon"),
        ] {
            let refused = try ChildProcess.run([
                "bash", "-c",
                """
                file=$(mktemp); printf '%s' "$2" >"$file"
                "$1" "$file"; status=$?
                rm -f "$file"; exit $status
                """,
                "test", runner, lines,
            ])
            #expect(refused.status == 64, "\(refused.output)\(refused.errors)")
            #expect(refused.errors.contains(reason), "\(refused.errors)")
        }
    }
}

extension String {
    /// How many times a text is in this one.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
