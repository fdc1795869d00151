// SPDX-License-Identifier: Apache-2.0
import Logging
import NetBack
import Platform
import StoreClient

/// The node in the driver domain's part of the store through which somebody with a right to it,
/// as dom0 has, makes things go wrong on purpose: `data/netdd/fault` takes the wishes, and
/// `data/netdd/state` tells what became of the pair.
struct FaultNode: ~Copyable {
    static var path: String { "data/netdd/fault" }
    static var statePath: String { "data/netdd/state" }

    private var store: XenbusStore
    private let logger: Logger
    /// To be waited on.
    let descriptor: Int32

    /// Watches the node.
    ///
    /// - Throws: when the store cannot be reached.
    init(_ choice: HypervisorChoice, logger: Logger) throws(PlatformError) {
        var store = try XenbusStore.connect(choice)
        try store.watch(Self.path, token: "fault")
        descriptor = store.descriptor
        self.store = store
        self.logger = logger
    }

    /// Says what became of the pair.
    mutating func say(_ state: String) {
        try? store.write(Self.statePath, state)
    }

    /// Takes what is wished for, and empties the node.
    mutating func takeWishes() -> [FaultWish] {
        var isChanged = false
        while (try? store.nextWatchEvent()) ?? nil != nil { isChanged = true }
        guard isChanged else { return [] }
        let text = (try? store.read(Self.path)) ?? nil
        guard let text, !text.isEmpty else { return [] }
        try? store.write(Self.path, "")
        guard let wish = FaultWish(text) else {
            logger.warning(
                """
                \(Self.path) is not understood: write kill, stop, sleep N, spin N, crash N, \
                stall VIF tx, stall VIF rx, corrupt VIF or handover
                """)
            return []
        }
        logger.warning("a fault on purpose: \(text)")
        return [wish]
    }
}
