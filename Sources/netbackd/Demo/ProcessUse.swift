// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc

/// What a process holds.
struct ProcessUse: Sendable {
    var descriptors: Int
    /// Private memory in KiB.
    var memory: Int

    /// Nil when there is no such process.
    init?(of pid: Int32) {
        guard let folder = try? SystemFile.names(in: "/proc/\(pid)/fd"), !folder.isEmpty,
            let lines = try? SystemFile.lines(of: "/proc/\(pid)/smaps_rollup")
        else { return nil }
        descriptors = folder.count
        memory = 0
        for line in lines where line.hasPrefix("Private_") {
            let words = line.split(separator: " ")
            if words.count > 1 { memory += Int(words[1]) ?? 0 }
        }
    }

    /// User and system time of a process, in clock ticks.
    static func ticks(of pid: Int32) -> UInt64 {
        guard let text = try? SystemFile.text(of: "/proc/\(pid)/stat"),
            let end = text.lastIndex(of: ")")
        else { return 0 }
        // The fields after the name, which may hold anything; utime and stime are 14 and 15.
        let fields = text[end...].split(separator: " ").dropFirst()
        return fields.dropFirst(11).prefix(2).reduce(0) { $0 + (UInt64($1) ?? 0) }
    }

    /// Names of the processes that are here, but for this one and its parent.
    static func running() -> [String] {
        let own = [getpid(), getppid()]
        return ((try? SystemFile.names(in: "/proc")) ?? []).compactMap { name in
            guard let pid = Int32(name), !own.contains(pid) else { return nil }
            return (try? SystemFile.text(of: "/proc/\(pid)/comm"))?.trimmed
        }
    }
}
