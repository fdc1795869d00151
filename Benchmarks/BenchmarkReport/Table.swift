// SPDX-License-Identifier: Apache-2.0

/// Rows of cells, printed as a Markdown table whose columns also line up as plain text.
public struct Table: Sendable {
    private var rows: [[String]]

    /// An empty table with these headings; the first column is text, the others are numbers.
    public init(_ headings: [String]) {
        rows = [headings]
    }

    /// Adds a row.
    public mutating func append(_ row: [String]) {
        rows.append(row)
    }

    /// The table's lines, each with its end.
    public var markdown: String {
        let columnCount = rows.map(\.count).max() ?? 0
        var widths = [Int](repeating: 3, count: columnCount)
        for row in rows {
            for (column, cell) in row.enumerated() {
                widths[column] = max(widths[column], cell.count)
            }
        }
        var text = ""
        for (number, row) in rows.enumerated() {
            text += line(row, widths)
            if number == 0 {
                let rules = widths.enumerated().map { column, width in
                    column == 0
                        ? String(repeating: "-", count: width)
                        : String(repeating: "-", count: width - 1) + ":"
                }
                text += line(rules, widths)
            }
        }
        return text
    }

    private func line(_ row: [String], _ widths: [Int]) -> String {
        var text = "|"
        for (column, width) in widths.enumerated() {
            let cell = column < row.count ? row[column] : ""
            let padding = String(repeating: " ", count: width - cell.count)
            text += " " + (column == 0 ? cell + padding : padding + cell) + " |"
        }
        return text + "\n"
    }
}
