// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform
import Ring

/// How fast a vif's rings move, from two looks.
struct Rates: Equatable {
    /// Answers that the backend gave, each second: packets of one slot, or slots of large ones.
    var transmitSlots: Double
    var receiveSlots: Double
    /// Packets each second, where the backend counts them.
    var transmitPackets: Double?
    var receivePackets: Double?
    /// Unanswered Tx requests and free Rx buffers, of all queues, in the later look.
    var waiting: UInt32
    var buffers: UInt32

    /// `seconds` lie between the two; more than 0.
    init(from before: VifLook?, to after: VifLook, seconds: Double) {
        // Numbers out of memory that anybody may have broken: sums of them must not overflow.
        var (transmit, receive) = (0.0, 0.0)
        var packets: (Double, Double)?
        (waiting, buffers) = (0, 0)
        for queue in after.queues {
            let old = before?.queues.first { $0.index == queue.index }
            transmit += Self.moved(old?.transmit.image?.indices, queue.transmit.image?.indices)
            receive += Self.moved(old?.receive.image?.indices, queue.receive.image?.indices)
            // A broken ring's numbers are no counts.
            if let indices = queue.transmit.image?.indices, indices.isPlausible {
                waiting += indices.unansweredCount
            }
            if let indices = queue.receive.image?.indices, indices.isPlausible {
                buffers += indices.unansweredCount
            }
            guard let new = queue.transmit.journal, let fresh = queue.receive.journal else {
                continue
            }
            let (sent, given) = packets ?? (0, 0)
            let oldSent = old?.transmit.journal?.statistics.transmitPackets
            let oldGiven = old?.receive.journal?.statistics.receivePackets
            packets = (
                sent + Self.grown(oldSent, new.statistics.transmitPackets),
                given + Self.grown(oldGiven, fresh.statistics.receivePackets)
            )
        }
        transmitSlots = transmit / seconds
        receiveSlots = receive / seconds
        transmitPackets = packets.map { $0.0 / seconds }
        receivePackets = packets.map { $0.1 / seconds }
    }

    private static func moved(_ before: RingSnapshot?, _ after: RingSnapshot?) -> Double {
        guard let before, let after else { return 0 }
        let distance = after.responseProducer.distance(from: before.responseProducer)
        // A ring that was set up anew moves backwards.
        return distance < 1 << 31 ? Double(distance) : 0
    }

    private static func grown(_ before: UInt64?, _ after: UInt64) -> Double {
        guard let before, after >= before else { return 0 }
        return Double(after - before)
    }

    /// A rate for people: packets, or slots with a sign that they are slots.
    static func text(packets: Double?, slots: Double) -> String {
        // More than any interface has ever carried, and still an Int.
        let value = min(packets ?? slots, 1e15)
        let digits = value >= 10 || value == 0 ? "\(Int(value.rounded()))" : "\(Int(value * 10))"
        let text = value >= 10 || value == 0 ? digits : "\(Int(value)).\(Int(value * 10) % 10)"
        return packets == nil ? "~\(text)" : text
    }
}
