// SPDX-License-Identifier: Apache-2.0
import Platform
import StoreClient

/// A store whose watch events can be waited for.
protocol WaitableStore: XenStore, ~Copyable {
    /// Connects to the store that serves this domain.
    static func connect(_ choice: HypervisorChoice) throws(PlatformError) -> Self
    /// Readable when a watch event may be there.
    var descriptor: Int32 { get }
    /// True while events wait of which the descriptor says nothing.
    var hasWaitingEvents: Bool { get }
}

extension XenbusStore: WaitableStore {
    static func connect(_ choice: HypervisorChoice) throws(PlatformError) -> XenbusStore {
        try XenbusStore(path: choice.storeSocket ?? XenbusStore.device)
    }
}

extension LibXenStore: WaitableStore {
    static func connect(_ choice: HypervisorChoice) throws(PlatformError) -> LibXenStore {
        try LibXenStore(socketPath: choice.storeSocket)
    }

    /// Never: its descriptor stays readable while an event waits.
    var hasWaitingEvents: Bool { false }
}
