// SPDX-License-Identifier: Apache-2.0
import DriverDomain

/// What the domain's memory is used for, as the kernel tells in /proc/meminfo.
struct MemoryUse: Equatable {
    /// What the kernel manages, in KiB: the domain's memory without the kernel's own image.
    var totalKiB: Int
    /// What programs could still get without swapping, in KiB.
    var availableKiB: Int

    /// In use, in KiB.
    var usedKiB: Int { totalKiB - availableKiB }

    /// Reads the text of /proc/meminfo; nil if a line that is needed is missing or no number.
    init?(meminfo: String) {
        func value(_ key: String) -> Int? {
            for line in meminfo.split(separator: "\n") where line.hasPrefix(key) {
                return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            }
            return nil
        }
        guard let total = value("MemTotal:"), let available = value("MemAvailable:"),
            available >= 0, available <= total
        else { return nil }
        totalKiB = total
        availableKiB = available
    }

    /// What is used now; nil where the kernel does not tell.
    static func now() -> MemoryUse? {
        (try? SystemFile.text(of: "/proc/meminfo")).flatMap { MemoryUse(meminfo: $0) }
    }
}
