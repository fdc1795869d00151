// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc
import NetBack
import Ring

/// `ringctl kick`: the one command that does something.
struct KickCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kick",
        abstract: "Let the backend look at a vif's rings, as if its guest had notified.",
        discussion: """
            The one command that does something, so it asks first. A pair is asked over its
            socket or its vchan; the kernel's backend through its io_ring_qN files in debugfs, in
            the domain that serves the vif. If the rings move afterwards, an event was lost.
            """)

    @Argument(help: "The vif: vif3.0, or g1/0.")
    var vif: VifArgument

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var options: SubjectOptions

    func run() throws {
        guard options.report == nil else {
            throw Complaint("a report is nothing that could be kicked", remedy: nil)
        }
        let subject = try options.open()
        let looks = try subject.named(vif, rings: true)
        guard yes || isConfirmed() else { throw Complaint("nothing was done", remedy: nil) }
        for look in looks {
            for queue in look.queues { try kick(look, queue, subject) }
        }
        usleep(100_000)
        for after in try subject.named(vif, rings: true) {
            let old = looks.first { $0.vif == after.vif }
            for queue in after.queues {
                let before = old?.queues.first { $0.index == queue.index }
                let transmit = moved(
                    before?.transmit.image?.indices.responseProducer,
                    queue.transmit.image?.indices.responseProducer, "Tx")
                let receive = moved(
                    before?.receive.image?.indices.responseProducer,
                    queue.receive.image?.indices.responseProducer, "Rx")
                print("\(after.vif) queue \(queue.index): \(transmit), \(receive)")
            }
        }
    }

    private func moved<Index: Equatable>(_ old: Index?, _ new: Index?, _ name: String) -> String {
        guard let old, let new else { return "\(name) cannot be seen" }
        return old == new ? "\(name) did not move" : "\(name) moved"
    }

    private func isConfirmed() -> Bool {
        print("let the backend look at \(vif) as if its guest had notified? [y/N] ", terminator: "")
        fflush(nil)
        return readLine().map { ["y", "yes"].contains($0.lowercased()) } ?? false
    }

    private func kick(_ look: VifLook, _ queue: QueueLook, _ subject: Subject) throws {
        if let slot = queue.slot {
            if let connection = subject.files as? DomainConnection {
                _ = try connection.ask("kick \(slot)")
                return
            }
            guard let choice = subject.choice, var client = InspectionClient(of: choice) else {
                throw Complaint(
                    "nobody answers for the pair that serves \(look.vif)",
                    remedy: "a `netbackd run`, and a pair without its parent, cannot be asked")
            }
            _ = try client.ask("kick \(slot)")
            return
        }
        let path = "/sys/kernel/debug/xen-netback/\(look.vif)/io_ring_q\(queue.index)"
        let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard look.nodes?.backend == nil, descriptor >= 0 else {
            throw Complaint(
                "no backend in this domain serves \(look.vif) and can be asked",
                remedy: "run ringctl in the domain that serves it, or --via that domain; for the "
                    + "kernel's backend debugfs must be mounted")
        }
        defer { close(descriptor) }
        guard unsafe write(descriptor, "kick", 4) == 4 else {
            throw Complaint("\(path): errno \(errno)", remedy: nil)
        }
    }
}
