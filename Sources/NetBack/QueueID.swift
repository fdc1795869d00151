// SPDX-License-Identifier: Apache-2.0
public import Platform

/// One queue of a vif: one Tx and one Rx ring, owned by exactly one worker.
public struct QueueID: Hashable, Sendable, CustomStringConvertible {
    /// The vif it belongs to.
    public var vif: VifID
    /// Its number within the vif, from 0.
    public var index: UInt32
    /// Which of the vif's connections it belongs to: a late answer about an earlier one is known.
    public var generation: UInt32

    /// Names a queue by its parts.
    public init(vif: VifID, index: UInt32, generation: UInt32) {
        self.vif = vif
        self.index = index
        self.generation = generation
    }

    /// As an operator reads it in a log.
    public var description: String { "\(vif)-q\(index)" }
}
