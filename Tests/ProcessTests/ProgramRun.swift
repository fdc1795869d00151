// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestSupport

/// Runs our own programs, each in namespaces of its own, so that a test sees exactly what they
/// leave behind and the host sees nothing of them.
enum ProgramRun {
    typealias Result = (status: Int32, output: String, errors: String)

    /// Mount, network and process namespaces, which end with the first process inside.
    private static let namespaces = [
        "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
    ]

    /// The folder of the test bundle: the programs are built beside it.
    static let folder: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
        let beside = path.lastIndex(of: UInt8(ascii: "/")).map { path[..<$0] } ?? []
        return String(decoding: beside, as: UTF8.self)
    }()

    /// What every script begins with.
    private static let sandbox = """
        set -u
        mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs tmpfs /run
        mkdir -p /run/netns /run/t
        ip link set lo up
        PATH="$PROGRAMS:$PATH"
        failures=0
        fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
        # expect SENTENCE COMMAND...: the command succeeds
        expect() { local what=$1; shift; "$@" || fail "$what"; }
        refuse() { local what=$1; shift; ! "$@" || fail "$what"; }
        same() { [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"; }
        # until SECONDS COMMAND...: waits for it to succeed, false when it never does
        until_true() {
            local left=$(($1 * 20)); shift
            until "$@"; do
                [ $((left -= 1)) -gt 0 ] || return 1
                sleep 0.05
            done
        }
        # Names of all links but the loopback, and of all processes but this one.
        links() { ip -j link | grep -o '"ifname":"[^"]*"' | cut -d'"' -f4 | grep -v '^lo$'; }
        programs() { cat /proc/[0-9]*/comm | grep -E '^(netbackd|emuxen|iperf3|unshare|nginx)'; }

        """

    /// Runs a shell script in the namespaces; it ends with the number of its failed expectations.
    static func script(_ body: String, timeoutSeconds: Int = 50) throws -> Result {
        try ChildProcess.run(
            namespaces + ["bash", "-c", sandbox + body + "\nexit $failures\n"],
            environment: ["PROGRAMS": folder, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            timeoutSeconds: timeoutSeconds)
    }

    /// Runs a program in the namespaces, then tells which links are there.
    static func once(
        _ arguments: String, before: String = "", behind prefix: String = ""
    ) throws -> (status: Int32, errors: String, links: String) {
        let result = try script(
            before + "\ntimeout -s KILL 15 \(prefix) $PROGRAMS/\(arguments)\ncode=$?\nlinks\n"
                + "exit $code")
        return (result.status, result.errors, result.output)
    }
}
