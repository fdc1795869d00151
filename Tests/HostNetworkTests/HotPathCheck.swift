// SPDX-License-Identifier: Apache-2.0
import HostNetwork
import Platform

/// Compiles only if both halves of the packet path stay free of allocation, reference counting,
/// locks and unspecialised generics when called from another module.
@_noAllocation @_noLocks
func serveOneFrame(
    from input: inout TapDevice, to output: inout TapDevice, over arena: borrowing PageArena,
    header: inout VnetHeader
) throws(PlatformError) -> Bool {
    let capacity = arena.size - VnetHeader.size
    guard
        let count = try input.receive(
            into: arena, at: 0, capacity: capacity, headerAt: capacity, header: &header)
    else { return false }
    var fragments = FrameFragments()
    fragments.append(FrameFragment(offset: 0, count: count))
    switch try output.transmit(fragments, header: header, from: arena) {
    case .sent: return true
    case .refused: return false
    }
}

/// The same for a batch.
@_noAllocation @_noLocks
func serveBatch(
    _ batch: inout FrameBatch, to output: inout TapDevice, over arena: borrowing PageArena
) throws(PlatformError) {
    try output.transmit(&batch, from: arena)
}
