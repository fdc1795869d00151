// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc

/// Real work by real programs through a scenario's vifs: each step is one row of the result.
struct DemoSteps: ~Copyable {
    var scenario: Scenario
    private(set) var rows: [DemoRow] = []
    /// Seconds that each throughput run takes.
    let seconds: Int
    let guests: (ScenarioGuest, ScenarioGuest)
    private var first: ScenarioGuest { guests.0 }
    private var second: ScenarioGuest { guests.1 }

    init(_ scenario: consuming Scenario, guests: (ScenarioGuest, ScenarioGuest), seconds: Int) {
        self.scenario = scenario
        self.guests = guests
        self.seconds = seconds
    }

    /// Every step in order, with a word of progress for each.
    mutating func runAll() throws {
        try ping(from: first.name, to: second.address, "ping g1 → g2")
        try ping(from: second.name, to: first.address, "ping g2 → g1")
        try ping(from: first.name, to: Scenario.hostAddress, "ping g1 → host")
        try iperf("TCP g1 → g2", from: first.name, at: second, [])
        try iperf("TCP g2 → g1", from: first.name, at: second, ["-R"])
        try iperf("TCP g1 → host", from: first.name, at: nil, [])
        try iperf("TCP host → g1", from: first.name, at: nil, ["-R"])
        try iperf("UDP 100 Mbit/s g1 → g2", from: first.name, at: second, ["-u", "-b", "100M"])
        try iperf(
            "UDP 100 Mbit/s host → g2", from: second.name, at: nil, ["-u", "-b", "100M", "-R"])
        try download()
        try queries()
        try kills()
    }

    mutating func finish(_ row: DemoRow) throws {
        var row = row
        // Guests are domains 2 and 3; a state that is not 4/4 is a broken vif.
        row.states = try [2, 3].map { domain in
            let backend = try scenario.read("/local/domain/1/backend/vif/\(domain)/0/state")
            let frontend = try scenario.read("/local/domain/\(domain)/device/vif/0/state")
            return "\(backend)/\(frontend)"
        }.joined(separator: " ")
        if row.states != "4/4 4/4" { row.isGood = false }
        rows.append(row)
        print("  \(row.isGood ? "done" : "FAILED")  \(row.what): \(row.result)")
        fflush(nil)
    }

    private mutating func ping(from guest: String, to address: String, _ what: String) throws {
        let exit = try scenario.run(
            in: guest, ["ping", "-n", "-c", "50", "-i", "0.02", "-W", "2", address])
        let average =
            JSONNumbers.find(after: "rtt min/avg/max/mdev = ", in: exit.output) != nil
            ? exit.output.split(separator: "/").dropFirst(4).first.map(String.init) ?? "?" : "?"
        let received = JSONNumbers.find(after: "transmitted, ", in: exit.output) ?? 0
        let hasDuplicates = exit.output.contains("DUP!")
        try finish(
            DemoRow(
                what: what, result: "\(average) ms average", lost: "\(50 - Int(received))",
                duplicated: hasDuplicates ? "some" : "0",
                isGood: exit.code == 0 && received == 50 && !hasDuplicates))
    }

    /// iperf3 with the server in `at` (nil: on the host).
    private mutating func iperf(
        _ what: String, from guest: String, at server: ScenarioGuest?, _ flags: [String]
    ) throws {
        let listener = try scenario.start(
            in: server?.name, ["iperf3", "-s", "-1"], log: "iperf3-server")
        try waitForListener(in: server?.name, port: 5201)
        let exit = try scenario.run(
            in: guest,
            ["iperf3", "-J", "-c", server?.address ?? Scenario.hostAddress, "-t", "\(seconds)"]
                + flags, seconds: Int32(seconds) + 20)
        _ = listener.stop(milliseconds: 1000)
        let isUDP = flags.contains("-u")
        let total = isUDP ? "sum" : "sum_received"
        let rate = JSONNumbers.find("bits_per_second", in: total, of: exit.output) ?? 0
        var row = DemoRow(
            what: what, result: Self.rate(rate), isGood: exit.code == 0 && rate > 0)
        if isUDP {
            let lost = JSONNumbers.find("lost_packets", in: "sum", of: exit.output) ?? 0
            let packets = JSONNumbers.find("packets", in: "sum", of: exit.output) ?? 0
            row.lost = "\(Int(lost)) of \(Int(packets))"
        } else {
            let again = JSONNumbers.find("retransmits", in: "sum_sent", of: exit.output) ?? 0
            row.retransmitted = "\(Int(again))"
        }
        try finish(row)
    }

    /// 100 MB by HTTP from the host's nginx, compared by checksum.
    private mutating func download() throws {
        let root = Sandbox.directory + "/www"
        let setup = """
            mkdir -p \(root) && head -c 100000000 /dev/urandom > \(root)/file && \
            printf 'user root; daemon off; \
            master_process off; error_log stderr; pid \(root)/pid;\\n\
            events {}\\nhttp { access_log off; client_body_temp_path \(root); \
            proxy_temp_path \(root); fastcgi_temp_path \(root); uwsgi_temp_path \(root); \
            scgi_temp_path \(root); sendfile on; server { listen \(Scenario.hostAddress):80; \
            root \(root); } }\\n' > \(root)/nginx.conf && chmod 755 \(root) && \
            sha256sum < \(root)/file
            """
        let original = try scenario.run(["sh", "-c", setup])
        let server = try scenario.start(
            in: nil, ["nginx", "-e", "stderr", "-c", "\(root)/nginx.conf"], log: "nginx")
        try waitForListener(in: nil, port: 80)
        let fetch =
            "curl -sS -w '%{stderr}speed: %{speed_download}\\n' "
            + "http://\(Scenario.hostAddress)/file "
            + "| sha256sum"
        let exit = try scenario.run(in: first.name, ["sh", "-c", fetch])
        _ = server.stop(milliseconds: 3000)
        let speed = JSONNumbers.find(after: "speed: ", in: exit.output) ?? 0
        let sum = original.output.trimmed.prefix { $0 != " " }
        let isSame = !sum.isEmpty && exit.output.contains(sum)
        try finish(
            DemoRow(
                what: "HTTP 100 MB host → g1",
                result: "\(Self.rate(speed * 8)), checksum \(isSame ? "same" : "DIFFERS")",
                isGood: isSame && original.code == 0))
    }

    /// DNS-sized requests and responses: dnsperf in one guest asks dnsmasq in the other.
    private mutating func queries() throws {
        let server = try scenario.start(
            in: second.name,
            [
                "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
                "--no-hosts", "--pid-file=", "--port=5353", "--cache-size=0",
                "--address=/test/10.1.2.3",
            ], log: "dnsmasq")
        try waitForListener(in: second.name, port: 5353)
        let ask = """
            printf 'www.test A\\nmail.test A\\n' > \(Sandbox.directory)/queries && \
            dnsperf -s \(second.address) -p 5353 -d \(Sandbox.directory)/queries \
            -l \(seconds) -c 1 -q 20
            """
        let exit = try scenario.run(
            in: first.name, ["sh", "-c", ask], seconds: Int32(seconds) + 20)
        _ = server.stop(milliseconds: 3000)
        let perSecond = JSONNumbers.find(after: "Queries per second:", in: exit.output) ?? 0
        let latency = JSONNumbers.find(after: "Average Latency (s):", in: exit.output) ?? 0
        let lost = JSONNumbers.find(after: "Queries lost:", in: exit.output) ?? -1
        try finish(
            DemoRow(
                what: "DNS g1 ⇄ g2",
                result: "\(Int(perSecond)) queries/s, \(Int(latency * 1_000_000)) µs average",
                lost: "\(Int(lost))", isGood: exit.code == 0 && perSecond > 0 && lost == 0))
    }

    /// Waits until something listens, so that no client comes too early.
    func waitForListener(in guest: String?, port: Int) throws {
        let prefix = guest.map { ["ip", "netns", "exec", $0] } ?? []
        for _ in 0..<100 {
            let exit = try scenario.run(prefix + ["ss", "-Hltun", "sport = :\(port)"])
            if !exit.output.trimmed.isEmpty { return }
            usleep(50_000)
        }
        throw Complaint("nothing listens on port \(port)", remedy: "see the program's log")
    }

    static func rate(_ bitsPerSecond: Double) -> String {
        if bitsPerSecond >= 1e9 { return "\(Double(Int(bitsPerSecond / 1e7)) / 100) Gbit/s" }
        return "\(Double(Int(bitsPerSecond / 1e5)) / 10) Mbit/s"
    }
}
