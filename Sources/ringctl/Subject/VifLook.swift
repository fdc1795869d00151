// SPDX-License-Identifier: Apache-2.0
import Platform

/// One vif, as found at one moment.
struct VifLook {
    var vif: VifID
    /// What the store says; nil where no store can be asked, as of a report.
    var nodes: VifNodes?
    /// The host's interface, as the journal has it.
    var interfaceName: String?
    var queues: [QueueLook]

    /// `g1/0` where the guest's name is known, else `vif1.0`.
    var title: String {
        guard let name = nodes?.name else { return "\(vif)" }
        return "\(TextTable.printable(name))/\(vif.device)"
    }
}
