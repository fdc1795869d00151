// SPDX-License-Identifier: Apache-2.0

/// What to do with a packet that was read from the transmit ring.
public enum AssemblyOutcome: Equatable, Sendable {
    /// Copy the pieces and pass the frame on.
    case forward
    /// Answer every slot of the packet with an error and drop it; the vif lives.
    case answer(NetifFault)
    /// Disable the vif: nothing that its ring says can be trusted any more.
    case close(NetifFault)
}
