// SPDX-License-Identifier: Apache-2.0

/// Rows of cells whose columns line up as plain text; the first row is the titles.
enum TextTable {
    static func text(_ cells: [[String]]) -> String {
        let columns = cells.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            cells.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return cells.map { row in
            zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }.joined(separator: "  ").trimmed
        }.joined(separator: "\n")
    }
}
