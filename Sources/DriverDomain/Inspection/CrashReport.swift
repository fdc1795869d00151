// SPDX-License-Identifier: Apache-2.0
import Glibc
import NetBack
import Platform

/// The death of a process, of which a folder is kept: the pair's memory and rings right after it.
///
/// | file | |
/// |---|---|
/// | `state` | the memory that an inspector may see, byte for byte |
/// | `ring-SLOT-tx`, `ring-SLOT-rx` | a ring's page, of each queue whose ring can be had |
/// | `log` | the last lines that were logged |
/// | `about` | lines `key=value` |
struct CrashReport {
    /// The process that died.
    let pid: Int32
    /// Of what.
    let cause: String
    /// What it was.
    let role: String
    /// When, by the wall clock in seconds since 1970.
    let seconds: Int
    /// The same instant, by the monotonic clock.
    let instant: Instant

    /// Takes the parts as they are; now, unless told otherwise.
    init(
        pid: Int32, cause: String, role: String, seconds: Int = time(nil), instant: Instant = .now
    ) {
        self.pid = pid
        self.cause = cause
        self.role = role
        self.seconds = seconds
        self.instant = instant
    }

    /// The folder's name: `20260726T095500Z-123`. By name is by time, to the second.
    var name: String {
        var wall = unsafe tm()
        var seconds = time_t(self.seconds)
        // SAFETY: both are local to this call, and the one pointer in `tm` is not looked at.
        unsafe gmtime_r(&seconds, &wall)
        let date = unsafe [wall.tm_mon + 1, wall.tm_mday]
        let clock = unsafe [wall.tm_hour, wall.tm_min, wall.tm_sec]
        let year = unsafe Int(wall.tm_year) + 1900
        let digits = { (numbers: [Int32]) in numbers.map { Self.padded(Int($0), 2) }.joined() }
        return "\(Self.padded(year, 4))\(digits(date))T\(digits(clock))Z-\(pid)"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Whether a folder has such a name: others are none of ours.
    static func isName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard bytes.count > 17 else { return false }
        return bytes.enumerated().allSatisfy { position, byte in
            switch position {
            case 8: byte == UInt8(ascii: "T")
            case 15: byte == UInt8(ascii: "Z")
            case 16: byte == UInt8(ascii: "-")
            default: (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
        }
    }

    /// The file `about`. `rings` is how many ring pages lie beside it; nil when they were left out
    /// because there is no room for them.
    func about(domain: String, rings: Int?) -> String {
        let fields = [
            ("format", "1"), ("journal", "\(JournalLayout.version)"), ("pid", "\(pid)"),
            ("cause", cause), ("role", role), ("time", "\(seconds)"),
            ("monotonic_ns", "\(instant.nanoseconds)"), ("domain", domain),
            ("rings", rings.map { "\($0)" } ?? "left out: no room for them"),
        ]
        return fields.map { "\($0.0)=\(Self.onOneLine($0.1))\n" }.joined()
    }

    private static func onOneLine(_ text: String) -> String {
        text.unicodeScalars.map { $0.value < 0x20 ? " " : "\($0)" }.joined()
    }
}
