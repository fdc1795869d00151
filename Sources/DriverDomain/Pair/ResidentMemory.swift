// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Memory that is mapped before it is needed, to spare a takeover page faults: each costs as much
/// as several packets. A kernel that cannot do so (before 5.14) does it later, by itself.
enum ResidentMemory {
    /// Maps shared memory that this process may write.
    ///
    /// Corresponds to `MADV_POPULATE_WRITE` (madvise(2)).
    @unsafe
    static func map(_ start: UnsafeMutableRawPointer, byteCount: Int) {
        _ = unsafe clinux_populate_write(start, byteCount)
    }

    /// Maps the program's own file, as far as it is only read. Not the libraries: what a takeover
    /// calls of them has run before, and each mapped page makes the process's end longer.
    static func mapProgram() {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        // SAFETY: the buffer is as long as is said, and a zero stays at its end.
        let count = unsafe readlink("/proc/self/exe", &path, path.count - 1)
        guard count > 0,
            let text = try? SystemFile.bytes(of: "/proc/self/maps", countMax: 1 << 20)
        else { return }
        let bytes = path.prefix(count).map(UInt8.init(bitPattern:))
        let program = String(decoding: bytes, as: UTF8.self)
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            guard let range = readOnlyRange(of: program, in: line),
                let start = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound)
            else { continue }
            // SAFETY: it is mapped, and nothing of it changes.
            _ = unsafe clinux_populate_read(start, range.count)
        }
    }

    /// The addresses of a line of /proc/PID/maps (proc(5)), if they are those of a file's code or
    /// constants.
    static func readOnlyRange(of path: String, in line: Substring) -> Range<UInt>? {
        let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        guard fields.count == 6, fields[1] == "r-xp" || fields[1] == "r--p",
            fields[5].drop(while: { $0 == " " }) == path
        else { return nil }
        let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }
}
