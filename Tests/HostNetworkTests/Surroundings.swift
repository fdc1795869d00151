// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork

/// Runs a test's body on this thread inside a new network namespace and returns.
///
/// Without the right to make one the test fails with the error's own remedy.
func inFreshNamespace(_ body: () throws -> Void) throws {
    let namespace = try NetworkNamespace.fresh()
    let outcome = try namespace.within { Result(catching: body) }
    try outcome.get()
}

/// Runs `body` on a thread of its own that ends with it, for what a thread cannot undo.
func onThreadOfItsOwn<Outcome>(_ body: @escaping () throws -> Outcome) throws -> Outcome {
    var outcome: Result<Outcome, any Error>?
    let work = Work { outcome = Result(catching: body) }
    var thread = pthread_t()
    // SAFETY: the work is retained for the thread, which releases it; the thread is joined here.
    let result = unsafe pthread_create(
        &thread, nil,
        { argument in
            if let argument = unsafe argument {
                unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
            }
            return nil
        }, Unmanaged.passRetained(work).toOpaque())
    guard result == 0 else { throw NoThread(errno: result) }
    pthread_join(thread, nil)
    guard let outcome else { throw NoThread(errno: 0) }
    return try outcome.get()
}

private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

private struct NoThread: Error { var errno: Int32 }

/// Gives this thread, which must be one of its own, mounts that nobody else sees.
func enterPrivateMounts() throws {
    struct Refused: Error { var errno: Int32 }
    guard clinux_unshare(CLONE_NEWNS) == 0,
        unsafe mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0
    else { throw Refused(errno: errno) }
}

/// What a shell command prints, run as a child of this thread and so in its namespaces.
struct CommandOutput {
    var text: String
    var status: Int32
}

func shell(_ command: String) throws -> CommandOutput {
    struct CannotRun: Error { var command: String }
    // SAFETY: the stream is closed here; the buffer outlives each read into it.
    guard let stream = unsafe popen("{ " + command + "; } 2>&1", "re") else {
        throw CannotRun(command: command)
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = unsafe fread(&buffer, 1, buffer.count, stream)
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    let status = unsafe pclose(stream)
    return CommandOutput(
        text: String(decoding: bytes, as: UTF8.self),
        status: clinux_exited(status) != 0 ? clinux_exit_status(status) : -1)
}

/// Runs a command that must succeed.
@discardableResult
func run(_ command: String) throws -> String {
    struct Failed: Error {
        var command: String
        var output: String
    }
    let output = try shell(command)
    guard output.status == 0 else { throw Failed(command: command, output: output.text) }
    return output.text
}

/// The kernel's own view of a link, as compact JSON.
func kernelView(of name: String) throws -> String {
    try run("ip -d -j link show dev \(name)")
}

/// Whether the kernel knows a link of this name here.
func exists(_ name: String) throws -> Bool {
    try shell("ip link show dev \(name)").status == 0
}

/// Names of all links here, loopback included.
func linkNames() throws -> [String] {
    // Of a peer in a namespace that just came to be, `ip` may say that it cannot be named.
    try run("ip -o link show 2>/dev/null").split(separator: "\n").map { line in
        let name = line.split(separator: ":")[1].dropFirst()
        return String(name.prefix { $0 != "@" })
    }
}

/// Which network namespace this thread is in.
func namespaceOfThread() -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    // SAFETY: at most the given number of bytes is written.
    let count = unsafe readlink("/proc/thread-self/ns/net", &buffer, buffer.count)
    return String(
        decoding: buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
