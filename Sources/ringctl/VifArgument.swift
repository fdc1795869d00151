// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Platform

/// A vif as it is named on the command line: `vif3.0`, or `3.0`.
struct VifArgument: ExpressibleByArgument, Equatable {
    var vif: VifID

    init?(argument: String) {
        let name = argument.hasPrefix("vif") ? argument.dropFirst(3) : argument[...]
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let vif = VifID(domain: parts[0], device: parts[1]) else {
            return nil
        }
        self.vif = vif
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
