// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc

/// What must be gone when everything has ended.
enum ChaosLeftovers {
    private static var sharedMemory: String { "/dev/shm" }

    /// Puts an empty file system where shared memory has its names, so that every name there is
    /// one of ours.
    static func prepare() {
        _ = unsafe mount("tmpfs", sharedMemory, "tmpfs", UInt(MS_NOSUID | MS_NODEV), nil)
    }

    /// Processes, links and names that are there.
    static func find() -> [String] {
        var found: [String] = []
        // A killed child of a killed member is reaped by and by.
        for _ in 0..<100 where !ProcessUse.running().isEmpty { usleep(20_000) }
        found += ProcessUse.running().map { "process \($0)" }
        let lines = (try? SystemFile.lines(of: "/proc/thread-self/net/dev")) ?? []
        for line in lines.dropFirst(2) where line.contains(":") {
            let name = String(line.split(separator: ":")[0]).trimmed
            if name != "lo" { found.append("link \(name)") }
        }
        let names = (try? SystemFile.names(in: sharedMemory)) ?? []
        return found + names.map { "\(sharedMemory)/\($0)" }
    }
}
