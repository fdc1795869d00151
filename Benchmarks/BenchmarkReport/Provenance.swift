// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Where numbers come from: without this they mean nothing.
public enum Provenance {
    /// Header lines of a report, each with its end: machine, kernel, compiler, date, command.
    public static func header(command: String, compilers: [String]) -> String {
        let made = ([build] + compilers).joined(separator: ", ")
        return """
            command:  \(command)
            machine:  \(processor), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores
            kernel:   \(kernel)
            compiler: \(made)
            date:     \(date)

            """
    }

    /// The command line of this process.
    public static var command: String { CommandLine.arguments.joined(separator: " ") }

    /// What a Swift program knows of its own compiler, for when nobody says more.
    public static var swift: String { "Swift library \(_SwiftStdlibVersion.current)" }

    private static var build: String {
        #if DEBUG
            "debug build: these numbers mean nothing"
        #else
            "release build"
        #endif
    }

    private static var processor: String {
        let line = lines(of: "/proc/cpuinfo").first { $0.hasPrefix("model name") }
        guard let value = line?.split(separator: ":", maxSplits: 1).last else {
            return "unknown processor"
        }
        return String(value.drop { $0 == " " })
    }

    private static var kernel: String {
        let release = lines(of: "/proc/sys/kernel/osrelease").first ?? "unknown"
        return "Linux \(release)"
    }

    private static var date: String {
        var seconds = time(nil)
        var parts = unsafe tm()
        // SAFETY: both belong to this frame.
        guard unsafe gmtime_r(&seconds, &parts) != nil else { return "unknown" }
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
        let day = unsafe (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
        let minute = unsafe (parts.tm_hour, parts.tm_min)
        return "\(day.0)-\(two(day.1))-\(two(day.2)) \(two(minute.0)):\(two(minute.1)) UTC"
    }

    private static func lines(of path: String) -> [Substring] {
        guard let file = unsafe fopen(path, "r") else { return [] }
        defer { unsafe _ = fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        // SAFETY: reads at most what `bytes` holds.
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    }
}
