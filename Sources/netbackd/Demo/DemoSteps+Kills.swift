// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc

extension DemoSteps {
    private static var killCount: Int { 3 }

    /// The primary is killed under TCP and pings, each time once a new shadow stands by.
    mutating func kills() throws {
        let (first, second) = guests
        let listener = try scenario.start(
            in: second.name, ["iperf3", "-s", "-1"], log: "iperf3-server")
        try waitForListener(in: second.name, port: 5201)
        var log = PairLog(path: "\(Sandbox.directory)/netbackd.log")
        var news = log.take()
        var stream = try Child(
            ["ip", "netns", "exec", first.name, "iperf3", "-J", "-c", second.address]
                + ["-t", "\(2 * Self.killCount)"])
        var pings = try Child(
            ["ip", "netns", "exec", second.name, "ping", "-n", "-q", "-i", "0.01", "-W", "2"]
                + ["-c", "\(150 * Self.killCount)", first.address])
        var slowest: UInt64 = 0
        for _ in 0..<Self.killCount {
            usleep(500_000)
            slowest = max(slowest, try killPrimary(&log, &news))
        }
        let answered = try pings.wait(milliseconds: 30_000, signals: scenario.signals)
        let sent = try stream.wait(milliseconds: 30_000, signals: scenario.signals)
        _ = listener.stop(milliseconds: 1000)
        let output = sent?.output ?? ""
        let rate = JSONNumbers.find("bits_per_second", in: "sum_received", of: output) ?? 0
        let again = JSONNumbers.find("retransmits", in: "sum_sent", of: output) ?? 0
        try finish(
            DemoRow(
                what: "TCP g1 → g2, \(Self.killCount) kill -9", result: Self.rate(rate),
                retransmitted: "\(Int(again))", isGood: sent?.code == 0 && rate > 0))
        let pinged = answered?.output ?? ""
        let count = 150 * Self.killCount
        let received = Int(JSONNumbers.find(after: "transmitted, ", in: pinged) ?? 0)
        let hasDuplicates = pinged.contains("duplicates")
        try finish(
            DemoRow(
                what: "ping g2 → g1, meanwhile", result: "served again in \(slowest) µs or less",
                lost: "\(count - received)", duplicated: hasDuplicates ? "some" : "0",
                isGood: answered?.code == 0 && received == count && !hasDuplicates))
    }

    /// Kills the primary; returns the microseconds until all of its workers were succeeded.
    private func killPrimary(
        _ log: inout PairLog, _ news: inout PairLog.News
    ) throws -> UInt64 {
        let shadows = news.shadows.count
        guard let primary = news.primaries.last else {
            throw Complaint("no primary serves", remedy: "see netbackd's log")
        }
        let killedAt = Self.now()
        Glibc.kill(primary, SIGKILL)
        for _ in 0..<500 where news.shadows.count == shadows {
            usleep(10_000)
            news.add(log.take())
        }
        guard news.shadows.count > shadows, let last = news.starts.map(\.readyAt).max() else {
            throw Complaint("nobody took over", remedy: "see netbackd's log")
        }
        return last > killedAt ? (last - killedAt) / 1000 : 0
    }

    private static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
