// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import DriverDomain

@Suite("The version of Xen")
struct XenVersionTests {
    /// A folder like /sys/hypervisor.
    private static func withFolder<T>(
        type: String, major: String, minor: String, _ body: (String) throws -> T
    ) throws -> T {
        let run = try ChildProcess.run([
            "bash", "-c",
            """
            folder=$(mktemp -d); mkdir "$folder/version"
            echo "$1" >"$folder/type"; echo "$2" >"$folder/version/major"
            echo "$3" >"$folder/version/minor"; echo "$folder"
            """,
            "test", type, major, minor,
        ])
        let folder = String(run.output.split(separator: "\n")[0])
        defer { _ = try? ChildProcess.run(["rm", "-r", folder]) }
        return try body(folder)
    }

    @Test(
        "one that is too old is refused, one that does not tell is tried",
        arguments: [
            ("4", "17", false), ("4", "7", false), ("5", "0", false), ("4", "6", true),
            ("3", "17", true), ("", "", false), ("four", "2", false), ("-4", "2", true),
            ("99999999999999999999", "1", false),
        ])
    func versions(major: String, minor: String, isRefused: Bool) throws {
        try Self.withFolder(type: "xen", major: major, minor: minor) { folder in
            if isRefused {
                let complaint = #expect(throws: Complaint.self) {
                    try XenVersion.check(folder: folder)
                }
                let text = "this is Xen \(major).\(minor), and netbackd needs Xen 4.7 or later: "
                #expect(complaint?.description.hasPrefix(text) == true)
            } else {
                try XenVersion.check(folder: folder)
            }
        }
    }

    @Test("another hypervisor's version is no version of Xen, and none is none")
    func others() throws {
        try Self.withFolder(type: "kvm", major: "1", minor: "0") { folder in
            #expect(XenVersion.running(folder: folder) == nil)
        }
        #expect(XenVersion.running(folder: "/nowhere") == nil)
    }
}
