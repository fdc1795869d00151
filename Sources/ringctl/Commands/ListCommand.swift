// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc

/// `ringctl list`: every vif.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show every vif: states, rates, health, and who serves it since when.",
        discussion: """
            One line for each vif of the domain that we act as; as dom0 of Xen, for each vif of
            any domain. vif3.0 is device 0 of domain 3. Both ends of a working vif are Connected;
            a vif that waits has its backend at InitWait, one that is going away at Closing or
            Closed. ERROR is what the backend last complained about. A dash stands for what is
            missing.

            TX/S and RX/S are packets a second from and to the guest; of a backend that keeps no
            counters for us they are answered slots, with a ~. WAIT is Tx requests without an
            answer, FREE the buffers that the guest has posted. HEALTH is `ok` or the rules of
            `ringctl check` that do not hold.
            """)

    @Option(help: "Milliseconds between the two looks that rates are made of; 0 for none.")
    var interval: UInt32 = 200

    @OptionGroup var options: SubjectOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard interval <= 60_000 else {
            throw ValidationError("--interval is 60000 ms at most")
        }
    }

    func run() throws {
        let subject = try options.open()
        let isStill = subject.copiedAt != nil && subject.files?.isLive != true
        let pause = isStill ? 0 : interval
        let before = pause > 0 ? try subject.vifs(rings: true) : []
        usleep(pause * 1000)
        try subject.refresh()
        let rows = try subject.vifs(rings: true).map { look in
            VifRow(
                look, since: before.first { $0.vif == look.vif }, seconds: Double(pause) / 1000,
                subject)
        }
        if output.json {
            try output.print(ListDocument(rows))
        } else {
            for line in VifRow.table(rows).lines { print(line) }
            if let failure = subject.imageFailure {
                throw Complaint("the backend's memory was not seen: \(failure)", remedy: nil)
            }
        }
    }
}
