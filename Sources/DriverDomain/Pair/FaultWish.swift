// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform

/// Something that is to go wrong, asked for on purpose.
enum FaultWish: Equatable {
    /// SIGKILL to the primary, or to the shadow.
    case kill(shadow: Bool)
    /// SIGSTOP to the primary, or to the shadow.
    case stop(shadow: Bool)
    /// A fault of one of the primary's workers.
    case worker(Int, InjectedFault)
    /// A half of a vif's queue that does no more.
    case stall(VifID, QueueDirection)
    /// Bits of a vif's journal turned around.
    case corrupt(VifID)
    /// No fault: the shadow serves on.
    case handOver

    /// Reads `kill`, `kill shadow`, `stop`, `stop shadow`, `sleep N`, `spin N`, `crash N`,
    /// `stall VIF tx`, `stall VIF rx`, `corrupt VIF`, `handover`; nil for anything else.
    init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("kill", 1): self = .kill(shadow: false)
        case ("kill", 2) where words[1] == "shadow": self = .kill(shadow: true)
        case ("stop", 1): self = .stop(shadow: false)
        case ("stop", 2) where words[1] == "shadow": self = .stop(shadow: true)
        case ("handover", 1): self = .handOver
        case ("sleep", 2), ("spin", 2), ("crash", 2):
            guard let worker = UInt8(words[1]) else { return nil }
            let fault: InjectedFault =
                words[0] == "sleep" ? .sleep : words[0] == "spin" ? .spin : .crash
            self = .worker(Int(worker), fault)
        case ("stall", 3):
            guard let vif = VifID(text: words[1]), ["tx", "rx"].contains(words[2]) else {
                return nil
            }
            self = .stall(vif, words[2] == "tx" ? .transmit : .receive)
        case ("corrupt", 2):
            guard let vif = VifID(text: words[1]) else { return nil }
            self = .corrupt(vif)
        default: return nil
        }
    }
}

extension VifID {
    /// Reads `vif1.0`.
    init?(text: String) {
        let parts = text.dropFirst(3).split(separator: ".")
        guard text.hasPrefix("vif"), parts.count == 2, let domain = UInt16(parts[0]),
            let device = UInt32(parts[1])
        else { return nil }
        self.init(domain: DomainID(domain), device: device)
    }
}
