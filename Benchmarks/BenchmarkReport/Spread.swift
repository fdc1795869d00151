// SPDX-License-Identifier: Apache-2.0

/// The middle and the edges of some numbers.
public struct Spread: Equatable, Sendable {
    /// The smallest.
    public let minimum: Double
    /// The middle one, or the mean of the two in the middle.
    public let median: Double
    /// The largest.
    public let maximum: Double

    /// Nil without numbers.
    public init?(_ numbers: [Double]) {
        let sorted = numbers.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        let middle = sorted.count / 2
        minimum = first
        maximum = last
        median =
            sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The spread of `left` over `right`, pair by pair.
    public static func ratio(_ left: [Double], _ right: [Double]) -> Spread? {
        Spread(zip(left, right).filter { $0.1 > 0 }.map { $0.0 / $0.1 })
    }

    /// `median (minimum-maximum)` with so many digits behind the point.
    public func text(digits: Int) -> String {
        "\(Number.text(median, digits: digits)) "
            + "(\(Number.text(minimum, digits: digits))-\(Number.text(maximum, digits: digits)))"
    }
}
