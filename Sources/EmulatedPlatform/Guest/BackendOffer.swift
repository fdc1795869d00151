// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform

/// What a backend wrote into its directory before it waited for the frontend.
public struct BackendOffer: Equatable, Sendable {
    /// The backend's domain.
    public var domain: DomainID
    /// What it understands; `receiveCopy` says that it offers `feature-rx-copy`.
    public var features: FrontendFeatures
    /// Each direction may have an event channel of its own.
    public var splitsEventChannels: Bool
    /// Most queues that it serves.
    public var queuesMax: Int

    /// Takes the parts as they are.
    public init(
        domain: DomainID, features: FrontendFeatures, splitsEventChannels: Bool, queuesMax: Int
    ) {
        self.domain = domain
        self.features = features
        self.splitsEventChannels = splitsEventChannels
        self.queuesMax = queuesMax
    }
}
