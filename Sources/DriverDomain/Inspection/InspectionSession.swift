// SPDX-License-Identifier: Apache-2.0
import HostNetwork
import Platform

/// One inspector's connection: what it asks of the service, and the capture that it has begun.
///
/// | question | answer |
/// |---|---|
/// | `capture SLOT SNAPLENGTH` | nothing: packets of the queue's vif are captured from now on |
/// | `packets` | those since the last time, after a fifth of a second at most |
/// | `captured` | `SEEN DROPPED`, counted by the kernel since the beginning |
struct InspectionSession: ~Copyable {
    private let service: InspectionService
    private var capture: PacketCapture?
    /// An answer with more bytes waits for the next question.
    private static var answerMax: Int { 1 << 20 }

    init(_ service: InspectionService) { self.service = service }

    /// The whole answer to a question, its first line included.
    mutating func answer(_ question: String) -> [UInt8] {
        if question.hasPrefix("capture ") { return begin(question) }
        switch question {
        case "packets": return packets()
        case "captured": return statistics()
        default: return service.answer(question)
        }
    }

    private mutating func begin(_ question: String) -> [UInt8] {
        let words = question.split(separator: " ")
        guard words.count == 3, let slot = Int(words[1]), let snapLength = Int(words[2]),
            snapLength > 0, snapLength <= PacketCapture.snapLengthMax,
            let interface = service.interfaceName(ofSlot: slot)
        else { return InspectionService.refused("there is no such queue") }
        do throws(HostNetworkError) {
            capture = try PacketCapture(of: interface, snapLength: snapLength)
            return InspectionService.framed([])
        } catch {
            return InspectionService.refused("\(error)")
        }
    }

    private mutating func packets() -> [UInt8] {
        var bytes: [UInt8] = []
        do throws(HostNetworkError) {
            var milliseconds: Int32 = 200
            while bytes.count < Self.answerMax {
                let count = try capture?.read(milliseconds: milliseconds) { packet in
                    CaptureRecord.append(packet, to: &bytes)
                }
                guard let count else { return InspectionService.refused("nothing is captured") }
                if count == 0 { break }
                milliseconds = 0
            }
        } catch {
            return InspectionService.refused("\(error)")
        }
        return InspectionService.framed(bytes)
    }

    private mutating func statistics() -> [UInt8] {
        do throws(HostNetworkError) {
            guard let counted = try capture?.statistics() else {
                return InspectionService.refused("nothing is captured")
            }
            return InspectionService.framed(Array("\(counted.seen) \(counted.dropped)".utf8))
        } catch {
            return InspectionService.refused("\(error)")
        }
    }
}
