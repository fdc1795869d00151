// SPDX-License-Identifier: Apache-2.0
import Glibc
import NetBack
import Platform
import XenPlatform

/// What outlives the members of a pair.
struct PairEstate: ~Copyable {
    let region: StateRegion
    /// Listens for those who want to take the pair over.
    let requests: Int32
    /// The right to serve the domain.
    let claim: Int32
    /// Xen's event channels, one descriptor for each worker; none on the emulated machine.
    let channels: [Int32]

    /// Makes a new one.
    init(
        _ options: DriverOptions, claim: consuming DomainClaim
    ) throws {
        let queues = options.limits.vifs * Int(options.limits.queuesPerVif)
        let region = try StateRegion(
            making: StateLayout(workers: 2 * options.workers, queues: min(queues, 4096)),
            for: options.hypervisor)
        region.note(.started) { $0.text = options.hypervisor.identity }
        let requests = try HandoverRequest.listen(for: options.hypervisor)
        var channels: [Int32] = []
        if options.hypervisor == .xen {
            for _ in 0..<region.layout.workers { channels.append(try XenHypervisor.openChannels()) }
        }
        self.region = region
        self.requests = requests
        self.claim = claim.release()
        self.channels = channels
    }

    /// Takes one over, with all its descriptors.
    init(region: StateRegion, requests: Int32, claim: Int32, channels: [Int32]) {
        self.region = region
        self.requests = requests
        self.claim = claim
        self.channels = channels
    }

    deinit {
        for descriptor in [requests, claim] + channels { close(descriptor) }
    }

    /// The journal's version, which whoever takes over must know.
    var version: UInt32 { JournalLayout.version }

    /// Its descriptors.
    var handles: PairHandles {
        PairHandles(
            region: region.descriptor, requests: requests, claim: claim, channels: channels)
    }

    /// What a member finds open at its start, by place.
    var inherited: [Int32: Int32] {
        var given = [
            MemberDescriptors.region: region.descriptor, MemberDescriptors.requests: requests,
            MemberDescriptors.claim: claim,
        ]
        for (position, channel) in channels.enumerated() {
            given[MemberDescriptors.channels + Int32(position)] = channel
        }
        return given
    }
}

/// The descriptors of what outlives the members of a pair, whoever they belong to.
struct PairHandles {
    var region: Int32
    var requests: Int32
    var claim: Int32
    var channels: [Int32]

    /// Those that a member found open at its start.
    static func inherited(workers: Int, on choice: HypervisorChoice) -> PairHandles {
        PairHandles(
            region: MemberDescriptors.region, requests: MemberDescriptors.requests,
            claim: MemberDescriptors.claim,
            channels: choice == .xen
                ? (0..<Int32(workers)).map { MemberDescriptors.channels + $0 } : [])
    }
}

/// How a pair ended.
enum PairEnding: Equatable {
    /// A signal asked for it.
    case ended
    /// Another pair serves on.
    case handedOver
    /// The primary cannot be killed: only a restart of the domain helps.
    case mustRestartDomain
}
