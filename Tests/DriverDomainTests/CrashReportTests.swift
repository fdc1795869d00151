// SPDX-License-Identifier: Apache-2.0
import Glibc
import NetBack
import Platform
import TestSupport
import Testing

@testable import DriverDomain

@Suite("Crash reports")
struct CrashReportTests {
    /// 2026-07-26 09:55:00 UTC.
    private static let seconds = 1_785_059_700

    private static func withFolder<T>(_ body: (String) throws -> T) throws -> T {
        let run = try ChildProcess.run(["mktemp", "-d"])
        let folder = String(run.output.split(separator: "\n")[0])
        defer { _ = try? ChildProcess.run(["rm", "-rf", folder]) }
        return try body(folder)
    }

    private static func report(_ pid: Int32, after pause: Int = 0) -> CrashReport {
        CrashReport(
            pid: pid, cause: "signal\n11", role: "primary", seconds: seconds + pause,
            instant: Instant(nanoseconds: 5))
    }

    private static func bytes(_ path: String) -> [UInt8]? {
        try? SystemFile.bytes(of: path, countMax: 64 << 20)
    }

    private static func none(_: GrantReference, _: DomainID) -> [UInt8]? { nil }

    private static func page(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 4096) }

    /// Hidden names too.
    private static func names(in folder: String) throws -> [String] {
        try ChildProcess.run(["ls", "-A", folder]).output.split(separator: "\n").map(String.init)
    }

    @Test("it holds the memory byte for byte, the rings that can be had, the log and the facts")
    func contents() throws {
        try Self.withFolder { folder in
            let region = try SampleRegion.make()
            SampleRegion.describe(1, domain: 7, in: region)
            SampleRegion.describe(3, domain: 8, in: region)
            region.note(.isolated) { $0.text = "seen" }
            region.view.log.append("one")
            region.view.log.append("two")
            let root = "\(folder)/deep/crash"
            let name = try CrashReportFolder(root: root).write(
                Self.report(123), of: region
            ) { reference, domain in
                switch (reference.rawValue, domain.rawValue) {
                case (20, 7): Self.page(0xAA)
                case (21, 7): Self.page(0xBB)
                case (41, 8): Self.page(0xCC)
                // Half a page is none.
                case (40, 8): [1, 2, 3]
                default: nil
                }
            }
            #expect(name == "20260726T095500Z-123")
            let path = "\(root)/\(name)"
            #expect(
                try Self.names(in: path) == [
                    "about", "log", "ring-1-rx", "ring-1-tx", "ring-3-rx", "state",
                ])
            #expect(try Self.names(in: root) == [name])
            let state = try #require(Self.bytes("\(path)/state"))
            #expect(state.count == 4 * region.layout.inspectedWordCount)
            #expect(state == region.inspectedBytes)
            #expect(state.prefix(4) == [0x4E, 0x65, 0x74, 0x4A])
            #expect(Self.bytes("\(path)/ring-1-tx") == Self.page(0xAA))
            #expect(Self.bytes("\(path)/ring-1-rx") == Self.page(0xBB))
            #expect(Self.bytes("\(path)/ring-3-rx") == Self.page(0xCC))
            #expect(Self.bytes("\(path)/log") == Array("one\ntwo\n".utf8))
            let about = try #require(Self.bytes("\(path)/about"))
            #expect(
                String(decoding: about, as: UTF8.self) == """
                    format=1
                    journal=\(JournalLayout.version)
                    pid=123
                    cause=signal 11
                    role=primary
                    time=\(Self.seconds)
                    monotonic_ns=5
                    domain=xen
                    rings=3

                    """)
            var status = stat()
            #expect(unsafe stat(root, &status) == 0 && status.st_mode & 0o777 == 0o700)
        }
    }

    @Test("so many are kept, the newest ones, and nothing else is touched")
    func count() throws {
        try Self.withFolder { root in
            let region = try SampleRegion.make()
            let folder = CrashReportFolder(root: root, countMax: 3)
            for name in ["mine", "19990101T000000Z-x", ".tmp-old"] {
                _ = try ChildProcess.run(["mkdir", "\(root)/\(name)"])
            }
            _ = try ChildProcess.run(["touch", "-d", "2000-01-01", "\(root)/.tmp-old"])
            for pid in 1...5 {
                _ = try folder.write(
                    Self.report(Int32(pid), after: pid), of: region, ring: Self.none)
            }
            #expect(
                try Self.names(in: root).sorted() == [
                    "19990101T000000Z-x", "20260726T095503Z-3", "20260726T095504Z-4",
                    "20260726T095505Z-5", "mine",
                ])
        }
    }

    @Test("all together have so many bytes: older ones go first, then the rings")
    func room() throws {
        try Self.withFolder { root in
            let region = try SampleRegion.make()
            let state = 4 * region.layout.inspectedWordCount
            for slot in 0..<4 { SampleRegion.describe(slot, domain: 7, in: region) }
            let whole = state + 9 * 4096
            func write(_ pid: Int32, _ byteCountMax: Int) throws -> [String] {
                let folder = CrashReportFolder(root: root, byteCountMax: byteCountMax)
                let name = try folder.write(Self.report(pid, after: Int(pid)), of: region) {
                    _, _ in Self.page(1)
                }
                let about = try SystemFile.text(of: "\(root)/\(name)/about")
                return about.split(separator: "\n").map(String.init)
            }
            #expect(try write(1, 2 * whole).contains("rings=8"))
            #expect(try write(2, 2 * whole).contains("rings=8"))
            #expect(try SystemFile.names(in: root).count == 2)
            #expect(try write(3, 2 * whole).contains("rings=8"))
            #expect(try SystemFile.names(in: root) == ["20260726T095502Z-2", "20260726T095503Z-3"])
            #expect(try write(4, whole - 1).contains("rings=left out: no room for them"))
            #expect(try SystemFile.names(in: root) == ["20260726T095504Z-4"])
            #expect(
                try SystemFile.names(in: "\(root)/20260726T095504Z-4") == ["about", "log", "state"])
            #expect(throws: Complaint.self) { try write(5, state) }
            #expect(try SystemFile.names(in: root) == ["20260726T095504Z-4"])
        }
    }

    @Test("where nothing can be written, that is said, and nothing is left")
    func unwritable() throws {
        try Self.withFolder { folder in
            let region = try SampleRegion.make()
            _ = try ChildProcess.run(["touch", "\(folder)/file"])
            // Root may write in any folder, but none is made below a file or below /proc.
            for root in ["\(folder)/file", "\(folder)/file/crash", "/proc/netdd-crash"] {
                let complaint = #expect(throws: Complaint.self) {
                    try CrashReportFolder(root: root).write(
                        Self.report(1), of: region, ring: Self.none)
                }
                #expect(complaint?.description.hasPrefix("\(root)") == true)
            }
            // A report of that name is there: it stays, and the hidden one goes.
            let there = "\(folder)/\(Self.report(9).name)"
            _ = try ChildProcess.run(["mkdir", "-p", "\(there)/x"])
            #expect(throws: Complaint.self) {
                try CrashReportFolder(root: folder).write(
                    Self.report(9), of: region, ring: Self.none)
            }
            #expect(try Self.names(in: folder) == [Self.report(9).name, "file"])
        }
    }

    @Test("a full disk is said, and nothing is left")
    func fullDisk() throws {
        try Self.withFolder { folder in
            let region = try SampleRegion.make()
            let mount = try ChildProcess.run(
                ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder])
            guard mount.status == 0 else { return }
            defer { _ = try? ChildProcess.run(["umount", folder]) }
            let complaint = #expect(throws: Complaint.self) {
                try CrashReportFolder(root: folder).write(
                    Self.report(1), of: region, ring: Self.none)
            }
            #expect(complaint?.message.hasSuffix("No space left on device") == true)
            #expect(try Self.names(in: folder) == [])
        }
    }
}
