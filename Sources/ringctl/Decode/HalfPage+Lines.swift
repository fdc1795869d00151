// SPDX-License-Identifier: Apache-2.0
import NetBack
import Ring

extension HalfPage {
    /// What a backend keeps of its half, under the names of Xen's headers where those have one.
    func lines(_ indices: RingSnapshot?) -> [String] {
        func text(_ index: RingIndex) -> String {
            guard let base = indices?.responseProducer, index != base else {
                return indices == nil ? "\(index)" : "\(index) (base)"
            }
            let distance = Int32(bitPattern: index.distance(from: base))
            return "\(index) (\(distance > 0 ? "+" : "")\(distance))"
        }
        var table = TextTable(["  req_cons", text(done), "rsp_prod_pvt", text(published)])
        var more: [String?] = ["  worker", "\(worker)", "channel", "\(channel)"]
        if let intended {
            table.append(["  intended", text(intended), "frames", "\(frames)"])
        } else {
            more = ["  worker", "\(worker)", "frames", "\(frames)"]
        }
        table.append(more)
        var lines = table.lines
        let counted = statistics.named.filter { $0.value > 0 }
        if !counted.isEmpty {
            lines.append(
                "  " + counted.map { "\($0.name)=\($0.value)" }.joined(separator: " "))
        }
        if isDisabled { lines.append("  DISABLED: no more ring work until the guest reconnects") }
        if isStalling { lines.append("  STALLS on purpose") }
        return lines
    }
}
