// SPDX-License-Identifier: Apache-2.0
import Platform
import StoreClient

/// A store whose watch events can be waited for.
protocol WaitableStore: XenStore, ~Copyable {
    /// Readable when a watch event may be there.
    var descriptor: Int32 { get }
    /// True while events wait of which the descriptor says nothing.
    var hasWaitingEvents: Bool { get }
}

extension XenbusStore: WaitableStore {}

extension LibXenStore: WaitableStore {
    /// Never: its descriptor stays readable while an event waits.
    var hasWaitingEvents: Bool { false }
}
