// SPDX-License-Identifier: Apache-2.0
internal import Netif
internal import Platform

extension NetFront {
    /// Reads what the backend offers. A key that is absent or no number means no.
    func readOffer(
        _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> BackendOffer {
        var features = FrontendFeatures.defaults
        for key in [
            NetifKey.featureSG, NetifKey.featureGSOTCPv4, NetifKey.featureGSOTCPv6,
            NetifKey.featureNoChecksumOffload, NetifKey.featureIPv6ChecksumOffload,
        ] {
            _ = features.note(key, isSet: try readNumber(key, &store) ?? 0 != 0)
        }
        let copies = try readNumber(NetifKey.featureRxCopy, &store) ?? 0 != 0
        _ = features.note(NetifKey.requestRxCopy, isSet: copies)
        let splits = try readNumber(NetifKey.featureSplitEventChannels, &store) ?? 0 != 0
        return BackendOffer(
            domain: backendDomain, features: features, splitsEventChannels: splits,
            queuesMax: try readNumber(NetifKey.multiQueueMaxQueues, &store) ?? 1)
    }

    /// Writes rings, ports and features in one transaction; false when it lost a race.
    func writeKeys(
        _ queues: [FrontendQueueKeys], _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> Bool {
        let transaction = try store.beginTransaction()
        do throws(PlatformError) {
            for (key, value) in keys(queues) {
                try store.write(directory + "/" + key, value, in: transaction)
            }
        } catch {
            _ = try store.endTransaction(transaction, commit: false)
            throw error
        }
        return try store.endTransaction(transaction, commit: true)
    }

    private func keys(_ queues: [FrontendQueueKeys]) -> [(String, String)] {
        var pairs: [(String, String)] = []
        if queues.count > 1 { pairs.append((NetifKey.multiQueueNumQueues, "\(queues.count)")) }
        for (index, queue) in queues.enumerated() {
            let prefix = queues.count > 1 ? NetifKey.queue(index) + "/" : ""
            pairs.append((prefix + NetifKey.txRingRef, "\(queue.transmitRing)"))
            pairs.append((prefix + NetifKey.rxRingRef, "\(queue.receiveRing)"))
            if queue.transmitPort == queue.receivePort {
                pairs.append((prefix + NetifKey.eventChannel, "\(queue.transmitPort)"))
            } else {
                pairs.append((prefix + NetifKey.eventChannelTx, "\(queue.transmitPort)"))
                pairs.append((prefix + NetifKey.eventChannelRx, "\(queue.receivePort)"))
            }
        }
        let features = options.features
        let switches: [(String, FrontendFeatures)] = [
            (NetifKey.requestRxCopy, .receiveCopy),
            (NetifKey.featureRxNotify, .receiveNotify),
            (NetifKey.featureSG, .scatterGather),
            (NetifKey.featureGSOTCPv4, .segmentationTCPv4),
            (NetifKey.featureGSOTCPv6, .segmentationTCPv6),
            (NetifKey.featureIPv6ChecksumOffload, .checksumIPv6),
        ]
        for (key, feature) in switches {
            pairs.append((key, features.contains(feature) ? "1" : "0"))
        }
        // Linux writes this key only to say no.
        if !features.contains(.checksumIPv4) {
            pairs.append((NetifKey.featureNoChecksumOffload, "1"))
        }
        return pairs
    }

    private func readNumber(
        _ key: String, _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> Int? {
        try store.read(backendDirectory + "/" + key).flatMap { Int($0) }
    }
}
