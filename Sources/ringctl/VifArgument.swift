// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Platform

/// A vif as it is named on the command line: `vif3.0`, `3.0` or `3/0` by the guest's number,
/// `g1/0` by its name.
enum VifArgument: ExpressibleByArgument, Equatable, CustomStringConvertible {
    case number(VifID)
    case name(String, device: UInt32)

    init?(argument: String) {
        let isVif = argument.hasPrefix("vif") && argument.dropFirst(3).first?.isNumber == true
        let text = isVif ? argument.dropFirst(3) : argument[...]
        guard let mark = text.lastIndex(where: { $0 == "." || $0 == "/" }),
            let device = UInt32(plain: text[text.index(after: mark)...])
        else { return nil }
        let guest = text[..<mark]
        if let vif = VifID(domain: guest, device: "\(device)") {
            self = .number(vif)
        } else {
            let isNumber = guest.allSatisfy { $0.isNumber }
            guard text[mark] == "/", !guest.isEmpty, !isNumber, !guest.contains("/") else {
                return nil
            }
            self = .name(String(guest), device: device)
        }
    }

    var description: String {
        switch self {
        case .number(let vif): "\(vif)"
        case .name(let name, let device): "\(name)/\(device)"
        }
    }

    /// Whether a vif is meant, whose guest's name is known or not.
    func names(_ vif: VifID, guest: String?) -> Bool {
        switch self {
        case .number(let wanted): vif == wanted
        case .name(let name, let device): vif.device == device && guest == name
        }
    }
}

extension VifID {
    /// Reads the two components of a backend's path; nil unless both are plain numbers in range.
    init?(domain: some StringProtocol, device: some StringProtocol) {
        guard let domain = UInt32(plain: domain).flatMap(UInt16.init(exactly:)),
            domain < DomainID.firstReserved.rawValue, let device = UInt32(plain: device)
        else { return nil }
        self.init(domain: DomainID(domain), device: device)
    }
}

extension UInt32 {
    /// Reads decimal digits and nothing else: no sign, no space.
    init?(plain text: some StringProtocol) {
        guard (1...10).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else { return nil }
        self.init(text)
    }
}
