// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Times of the monotonic clock as the time of day, UTC.
struct WallClock {
    /// Seconds since 1970 less those of the monotonic clock, in nanoseconds.
    private let offset: Int64

    /// By our clocks, or by those of the report that is looked at.
    init(of subject: Subject) {
        let then = subject.about.first { $0.key == "time" }.flatMap { Int64($0.value) }
        if let then, let at = subject.copiedAt.flatMap(Int64.init(exactly:)) {
            offset =
                then.multipliedReportingOverflow(by: 1_000_000_000).partialValue
                .subtractingReportingOverflow(at).partialValue
            return
        }
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        let real = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
        offset = real - Int64(clamping: subject.now)
    }

    /// `2026-11-25 09:51:30.123456`, or the number itself where that is no time.
    func text(_ nanoseconds: UInt64) -> String {
        let (real, isTooMuch) = offset.addingReportingOverflow(Int64(clamping: nanoseconds))
        guard !isTooMuch, real >= 0 else { return "\(nanoseconds) ns" }
        var seconds = time_t(real / 1_000_000_000)
        var parts = unsafe tm()
        guard unsafe gmtime_r(&seconds, &parts) != nil else { return "\(nanoseconds) ns" }
        func padded(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = "\(number)"
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let (year, month, day) = unsafe (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
        let (hour, minute, second) = unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec)
        let date = "\(year)-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2))"
        return "\(date) \(time).\(padded(real % 1_000_000_000 / 1000, 6))"
    }
}
