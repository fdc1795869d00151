// SPDX-License-Identifier: Apache-2.0

/// Finds one link's counters in the text of /proc/net/dev, which comes in pieces.
///
/// A line that is not as the kernel writes it, or not ended, counts for nothing; of several good
/// ones the first does. Allocates nothing.
struct InterfaceCounters {
    /// Columns of a line after the name, as the kernel has written them since 1993.
    private enum Column {
        static let receivedPackets = 1
        static let transmittedBytes = 8
        static let transmittedPackets = 9
        /// With this many the line has all that is asked for.
        static let countMin = 10
    }

    private enum State {
        case indentation
        /// So many bytes of the name are there.
        case name(Int)
        case space
        case number
        /// The rest of a line that is another link's, or odd.
        case rest
        case found
    }

    private let wanted: [16 of UInt8]
    private let wantedCount: Int
    private var state = State.indentation
    private var column = 0
    private var number: UInt64 = 0

    /// Frames that came in through the link; valid once it was found.
    private(set) var receivedPackets: UInt64 = 0
    /// Frames that left through the link; valid once it was found.
    private(set) var transmittedPackets: UInt64 = 0
    /// Bytes that left through the link; valid once it was found.
    private(set) var transmittedBytes: UInt64 = 0

    /// Looks for a link's name, up to its first zero byte.
    init(of name: [16 of UInt8]) {
        wanted = name
        var count = 0
        while count < name.count, name[count] != 0 { count += 1 }
        wantedCount = count
    }

    /// True once the link's whole line has been taken; what comes after it is not looked at.
    var isFound: Bool {
        if case .found = state { true } else { false }
    }

    /// Takes the next byte of the text.
    mutating func take(_ byte: UInt8) {
        switch (state, byte) {
        case (.found, _): break
        case (.number, 0x0A):
            store()
            state = column >= Column.countMin ? .found : .indentation
        case (.space, 0x0A) where column >= Column.countMin: state = .found
        case (_, 0x0A): state = .indentation
        case (.indentation, 0x20): break
        case (.indentation, _): takeName(byte, 0)
        case (.name(let count), _): takeName(byte, count)
        case (.space, 0x20): break
        case (.number, 0x20):
            store()
            state = .space
        case (.space, 0x30...0x39):
            number = UInt64(byte - 0x30)
            state = .number
        case (.number, 0x30...0x39):
            let (tens, isOver) = number.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = tens.addingReportingOverflow(UInt64(byte - 0x30))
            number = sum
            if isOver || isOverToo { state = .rest }
        default: state = .rest
        }
    }

    private mutating func takeName(_ byte: UInt8, _ count: Int) {
        if count < wantedCount, byte == wanted[count] {
            state = .name(count + 1)
        } else if count == wantedCount, count > 0, byte == 0x3A {
            column = 0
            state = .space
        } else {
            state = .rest
        }
    }

    private mutating func store() {
        switch column {
        case Column.receivedPackets: receivedPackets = number
        case Column.transmittedPackets: transmittedPackets = number
        case Column.transmittedBytes: transmittedBytes = number
        default: break
        }
        column += 1
    }
}
