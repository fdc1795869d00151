// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What the kernel says of a thread of another process.
struct ThreadState: Equatable {
    /// `R` for one that runs or would, `S` and `D` for one that sleeps, `T` for a stopped one.
    var letter: UInt8
    /// Nanoseconds that it has run.
    var runNanoseconds: UInt64

    /// Asks /proc; nil when there is no such thread, or nothing to be had of it.
    init?(process: Int32, thread: Int32) {
        let folder = "/proc/\(process)/task/\(thread)"
        guard let status = try? SystemFile.text(of: "\(folder)/stat"),
            let run = try? SystemFile.text(of: "\(folder)/schedstat"),
            let parsed = Self.parse(status: status, run: run)
        else { return nil }
        self = parsed
    }

    init(letter: UInt8, runNanoseconds: UInt64) {
        self.letter = letter
        self.runNanoseconds = runNanoseconds
    }

    /// Reads `NUMBER (NAME) STATE ...`, where the name may hold anything, and `RUN WAIT SLICES`.
    static func parse(status: String, run: String) -> ThreadState? {
        guard let end = status.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let rest = status.utf8[status.utf8.index(after: end)...]
        guard let letter = rest.first(where: { $0 != UInt8(ascii: " ") }),
            let field = run.split(separator: " ").first, let nanoseconds = UInt64(field)
        else { return nil }
        return ThreadState(letter: letter, runNanoseconds: nanoseconds)
    }

    /// Who has run for less without a word may be one that lives and is kept from running.
    static let stuckNanoseconds: UInt64 = 5_000_000

    /// True for a thread that has hardly run since `earlier`, and would if it could: it works when
    /// it gets a processor, and a takeover would take nothing from what keeps it waiting.
    func isStarving(since earlier: ThreadState?) -> Bool {
        guard letter == UInt8(ascii: "R") else { return false }
        guard let earlier else { return true }
        let run = runNanoseconds - min(runNanoseconds, earlier.runNanoseconds)
        return run < Self.stuckNanoseconds
    }
}
