// SPDX-License-Identifier: Apache-2.0
import Platform
import TestSupport
import Testing

extension StoreServerTests {
    @Suite("Xen's own tools against the emulated server")
    struct XenToolsTests {
        let server: StoreServerThread

        init() throws { server = try StoreServerThread() }

        private func environment(_ domain: UInt16) -> [String: String] {
            ["XENSTORED_PATH": server.socketPath(domain)]
        }

        private func run(
            _ tool: String, _ arguments: String..., domain: UInt16 = 0
        ) throws -> (status: Int32, output: String, errors: String) {
            try ChildProcess.run(
                ["xenstore-" + tool] + arguments, environment: environment(domain))
        }

        @Test("xenstore-write and xenstore-read", .timeLimit(.minutes(10)))
        func writeAndRead() throws {
            #expect(try run("write", "/a/b", "hello", "/a/c", "you").status == 0)
            let read = try run("read", "/a/b", "/a/c")
            #expect(read.status == 0)
            #expect(read.output == "hello\nyou\n")
            let missing = try run("read", "/none")
            #expect(missing.status != 0)
            #expect(missing.errors.contains("couldn't read path /none"))
        }

        @Test("xenstore-list and xenstore-ls", .timeLimit(.minutes(10)))
        func list() throws {
            #expect(try run("write", "/x/b", "2", "/x/a/k", "1").status == 0)
            #expect(try run("list", "/x").output == "a\nb\n")
            #expect(try run("ls", "/x").output == "a = \"\"\n k = \"1\"\nb = \"2\"\n")
            #expect(try run("ls", "-f", "/x").output.contains("/x/a/k = \"1\""))
        }

        @Test("xenstore-ls of everything", .timeLimit(.minutes(10)))
        func listAll() throws {
            let all = try run("ls")
            #expect(all.status == 0)
            #expect(all.output.contains("local = \"\"\n domain = \"\"\n  1 = \"\""))
        }

        @Test("xenstore-exists and xenstore-rm", .timeLimit(.minutes(10)))
        func existsAndRemove() throws {
            #expect(try run("exists", "/a").status == 1)
            #expect(try run("write", "/a/b/c", "1").status == 0)
            #expect(try run("exists", "/a").status == 0)
            #expect(try run("rm", "/a/b").status == 0)
            #expect(try run("exists", "/a/b/c").status == 1)
            #expect(try run("exists", "/a").status == 0)
            #expect(try run("rm", "-t", "/a").status == 0)
        }

        @Test("xenstore-chmod", .timeLimit(.minutes(10)))
        func chmod() throws {
            #expect(try run("write", "/a/b", "x").status == 0)
            #expect(try run("read", "/a/b", domain: 1).status != 0)
            #expect(try run("chmod", "-r", "/a", "n0", "r1").status == 0)
            #expect(try run("read", "/a/b", domain: 1).output == "x\n")
            #expect(try run("read", "/a/b", domain: 2).status != 0)
            #expect(try run("ls", "-p", "/a").output.contains("(n0,r1)"))
            #expect(try run("write", "/a/b", "y", domain: 1).status != 0)
        }

        @Test("a guest's tools see its home by relative paths", .timeLimit(.minutes(10)))
        func guest() throws {
            #expect(try run("write", "data/x", "1", domain: 1).status == 0)
            #expect(try run("read", "/local/domain/1/data/x").output == "1\n")
            #expect(try run("ls", "data", domain: 1).output == "x = \"1\"\n")
            #expect(try run("list", "/local/domain/1", domain: 2).status != 0)
        }

        @Test("xenstore-watch", .timeLimit(.minutes(10)))
        func watch() throws {
            let watcher = try ChildProcess(
                ["xenstore-watch", "-n", "3", "/a"], environment: environment(0))
            // The tool does not say when it is watching, so the node is changed until it has
            // seen enough; the first event is the one of the watch itself.
            var isDone = false
            for round in 0..<2000 where !isDone {
                #expect(try run("write", "/a/b", "\(round)").status == 0)
                isDone = watcher.hasExited()
            }
            let result = try watcher.wait()
            #expect(result.status == 0)
            #expect(result.output == "/a\n/a/b\n/a/b\n")
        }
    }
}
