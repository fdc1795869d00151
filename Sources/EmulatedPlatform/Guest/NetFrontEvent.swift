// SPDX-License-Identifier: Apache-2.0

/// What the owner of a frontend must do after a step.
public enum NetFrontEvent: Equatable, Sendable {
    /// Nothing.
    case none
    /// The backend waits: make rings and ports for the offer, then call `connect`.
    case prepare(BackendOffer)
    /// The backend does not offer `feature-rx-copy`: Linux refuses it, and so do we.
    case refused
    /// Both ends are connected: traffic may flow.
    case connected
    /// The backend closed and so did the frontend: give up the rings.
    case lost
    /// The close that the frontend asked for is complete: give up the rings.
    case closed
}
