// SPDX-License-Identifier: Apache-2.0
import Netif
import Platform

@testable import DriverDomain
@testable import NetBack

/// A pair's memory, with queues in it that nobody serves.
enum SampleRegion {
    static func make(workers: Int = 2, queues: Int = 4) throws -> StateRegion {
        try StateRegion(making: StateLayout(workers: workers, queues: queues), for: .xen)
    }

    /// Describes a queue of vif DOMAIN.0, whose rings are grants 10 and 11 plus the slot's ten.
    static func describe(
        _ slot: Int, domain: UInt16, queue: UInt32 = 0, generation: UInt32 = 1,
        in region: StateRegion
    ) {
        let grant = UInt32(10 * slot)
        region.journal.queue(slot).describe(
            QueueOpening(
                id: QueueID(
                    vif: VifID(domain: DomainID(domain), device: 0), index: queue,
                    generation: generation),
                configuration: QueueConfiguration(
                    transmitRing: GrantReference(grant + 10),
                    receiveRing: GrantReference(grant + 11),
                    transmitPort: EventChannelPort(1), receivePort: EventChannelPort(2)),
                features: FrontendFeatures(rawValue: 0), frameSizeMax: 1514, slot: slot),
            interfaceName: "vif\(domain).0")
    }

    /// Keeps an event that happened at a time of the caller's choice, in milliseconds.
    static func note(
        _ kind: PairEvent.Kind, at milliseconds: UInt64, process: UInt32, in region: StateRegion,
        _ details: (inout PairEvent) -> Void = { _ in }
    ) {
        var event = PairEvent(kind, at: milliseconds * 1_000_000)
        event.process = process
        details(&event)
        region.view.events.append(event)
    }
}
