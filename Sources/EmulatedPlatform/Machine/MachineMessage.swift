// SPDX-License-Identifier: Apache-2.0

/// One datagram between the machine and a domain, in either direction: 64 bytes, little endian.
/// Bytes 0-3 code, 4-19 four values, 20-63 a name ended by a zero byte.
struct MachineMessage: Equatable {
    /// Bytes on the wire.
    static let size = 64
    /// Most bytes of a name.
    static let nameSizeMax = 43
    private static let nameOffset = 20

    /// In a request what is asked for, in a reply 0 or an errno.
    var code: UInt32
    /// What each means depends on the request.
    var values: [4 of UInt32]
    /// A domain's name.
    var name: String

    init(code: UInt32, _ a: UInt32 = 0, _ b: UInt32 = 0, _ c: UInt32 = 0, name: String = "") {
        self.code = code
        values = [a, b, c, 0]
        self.name = name
    }

    /// Reads a datagram; nil unless it has exactly the right size.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == MachineMessage.size else { return nil }
        let start = bytes.startIndex
        func word(_ index: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[start + index * 4 + $1]) << UInt32(8 * $1) }
        }
        code = word(0)
        values = [word(1), word(2), word(3), word(4)]
        let text = bytes.dropFirst(MachineMessage.nameOffset).prefix { $0 != 0 }
        name = String(decoding: text.prefix(MachineMessage.nameSizeMax), as: UTF8.self)
    }

    /// The datagram to send; a name that is too long is cut.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(MachineMessage.size)
        func append(_ word: UInt32) {
            for shift in 0..<UInt32(4) {
                bytes.append(UInt8(truncatingIfNeeded: word >> (8 * shift)))
            }
        }
        append(code)
        for index in values.indices { append(values[index]) }
        bytes += name.utf8.prefix(MachineMessage.nameSizeMax)
        bytes += repeatElement(0, count: MachineMessage.size - bytes.count)
        return bytes
    }

    static func == (left: MachineMessage, right: MachineMessage) -> Bool {
        left.bytes == right.bytes
    }
}
