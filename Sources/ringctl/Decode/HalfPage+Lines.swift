// SPDX-License-Identifier: Apache-2.0
import NetBack
import Ring

extension HalfPage {
    /// The indices that a backend keeps for itself, under the names of Xen's headers where those
    /// have one, as rows of a ring's table.
    func rows(_ text: (RingIndex) -> String) -> [[String?]] {
        var rows: [[String?]] = [["  req_cons", text(done), "rsp_prod_pvt", text(published)]]
        if let intended {
            rows.append(["  intended", text(intended), "channel", "\(channel)"])
        }
        rows.append(["  worker", "\(worker)", "frames", "\(frames)"])
        return rows
    }

    /// Its counters, and whatever is out of the ordinary.
    var notes: [String] {
        var lines: [String] = []
        let counted = statistics.named.filter { $0.value > 0 }
        if !counted.isEmpty {
            lines.append("  " + counted.map { "\($0.name)=\($0.value)" }.joined(separator: " "))
        }
        if isDisabled { lines.append("  DISABLED: no more ring work until the guest reconnects") }
        if isStalling { lines.append("  STALLS on purpose") }
        return lines
    }
}

extension HalfLook {
    /// The ring and what its backend keeps of it, as far as either can be had.
    var lines: [String] {
        guard let image else {
            var table = TextTable([])
            for row in journal?.rows({ "\($0)" }) ?? [] { table.append(row) }
            return Array(table.lines.dropFirst()) + (journal?.notes ?? [])
        }
        return image.lines(with: journal) + (journal?.notes ?? [])
    }
}
