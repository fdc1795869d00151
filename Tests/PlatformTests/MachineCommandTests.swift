// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Glibc
import Platform
import StoreClient
import TestSupport
import Testing

/// `emuxen machine` as a child, which `swift build --build-tests` has built beside the tests.
private struct RunningMachine: ~Copyable {
    static let program = "\(#filePath)".replacingTail(3, with: ".build/debug/emuxen")
    let directory: String
    let child: ChildProcess

    init(in directory: String, domains: [String] = []) throws {
        self.directory = directory
        child = try ChildProcess(
            [Self.program, "machine", "--dir", directory]
                + domains.flatMap { ["--domain", $0] })
        // The last socket is there before anything is served.
        while (try? MachineControl(directory: directory).domains().count) != domains.count + 1 {
            usleep(10_000)
        }
    }

    consuming func stop(_ signal: Int32) throws -> Int32 {
        kill(child.pid, signal)
        return try child.wait().status
    }
}

extension String {
    /// A path without its last `count` components, with another one in their place.
    fileprivate func replacingTail(_ count: Int, with tail: String) -> String {
        (split(separator: "/").dropLast(count).map { "/\($0)" } + ["/\(tail)"]).joined()
    }
}

@Suite("emuxen", .timeLimit(.minutes(10)))
struct MachineCommandTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/emuxen-XXXXXX".utf8CString)
        try #require(unsafe mkdtemp(&template) != nil)
        let path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unsafe rmdir(path) }
        try body(path)
    }

    private func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    @Test(
        "SIGTERM and SIGINT end a machine with 0 and leave nothing", arguments: [SIGTERM, SIGINT])
    func ends(signal: Int32) throws {
        try withDirectory { directory in
            let machine = try RunningMachine(in: directory, domains: ["net:4", "web:4"])
            #expect(exists("\(directory)/dom2/xenstored.sock"))
            #expect(try machine.stop(signal) == 0)
            #expect(!exists("\(directory)/dom0"))
            #expect(exists(directory))
        }
    }

    @Test("what a killed machine left is removed, what a live one uses is refused")
    func staleAndLive() throws {
        try withDirectory { directory in
            let killed = try RunningMachine(in: directory, domains: ["net:4"])
            #expect(try killed.stop(SIGKILL) == 128 + SIGKILL)
            #expect(exists("\(directory)/dom1/hypervisor.sock"))
            let machine = try RunningMachine(in: directory)
            #expect(!exists("\(directory)/dom1"))
            let second = try ChildProcess.run(
                [RunningMachine.program, "machine", "--dir", directory])
            #expect(second.status == 1)
            #expect(second.errors.contains("in use by a machine that runs"))
            #expect(try MachineControl(directory: directory).domains().count == 1)
            #expect(try machine.stop(SIGTERM) == 0)
        }
    }

    @Test("the store is taken from one domain and given back, with its nodes")
    func store() throws {
        try withDirectory { directory in
            let machine = try RunningMachine(in: directory, domains: ["net:4", "web:4"])
            func store(_ verb: String, _ domain: String) throws -> Int32 {
                try ChildProcess.run(
                    [RunningMachine.program, "store", verb, domain, "--dir", directory]
                ).status
            }
            func read(as domain: Int) throws -> String {
                let result = try ChildProcess.run(
                    ["xenstore-read", "name"],
                    environment: ["XENSTORED_PATH": "\(directory)/dom\(domain)/xenstored.sock"])
                return result.status == 0 ? result.output : "nobody"
            }
            var client = try LibXenStore(socketPath: "\(directory)/dom1/xenstored.sock")
            #expect(try client.read("name") == "net")
            #expect(try read(as: 1) == "net\n")
            #expect(try store("stop", "net") == 0)
            #expect(throws: PlatformError.self) { try client.read("name") }
            #expect(try read(as: 1) == "nobody")
            #expect(try read(as: 2) == "web\n")
            for _ in 0..<2 { #expect(try store("start", "net") == 0) }
            #expect(try read(as: 1) == "net\n")
            #expect(try store("stop", "nobody") == 1)
            #expect(try machine.stop(SIGTERM) == 0)
            #expect(!exists("\(directory)/dom1"))
        }
    }

    @Test("a vif is plugged in and unplugged by the commands")
    func commands() throws {
        try withDirectory { directory in
            let machine = try RunningMachine(in: directory, domains: ["net:4"])
            func run(_ arguments: String...) throws -> (status: Int32, output: String) {
                let result = try ChildProcess.run(
                    [RunningMachine.program] + arguments + ["--dir", directory])
                return (result.status, result.output + result.errors)
            }
            #expect(try run("create", "web:4", "--id", "7").output == "7\n")
            #expect(
                try run(
                    "attach", "--guest", "web", "--backend", "net", "--mac",
                    "00:16:3e:00:00:01", "--timeout", "0"
                ).status == 0)
            #expect(try run("list").output == "0\t4\tDomain-0\n1\t4\tnet\n7\t4\tweb\n")
            #expect(try run("detach", "--guest", "web", "--timeout", "0").status == 1)
            #expect(
                try run("detach", "--guest", "web", "--timeout", "0", "--force").status == 0)
            #expect(
                try run("detach", "--guest", "web").output.contains("web has no device 0"))
            #expect(try run("destroy", "web").status == 0)
            #expect(try run("destroy", "web").output.contains("no domain is called web"))
            #expect(try machine.stop(SIGTERM) == 0)
        }
    }
}
