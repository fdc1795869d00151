// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform

/// What a frontend published about one queue.
public struct QueueConfiguration: Equatable, Sendable {
    /// Grant of the Tx ring page.
    public var transmitRing: GrantReference
    /// Grant of the Rx ring page.
    public var receiveRing: GrantReference
    /// The frontend's port for the Tx ring.
    public var transmitPort: EventChannelPort
    /// The frontend's port for the Rx ring; the same one unless event channels are split.
    public var receivePort: EventChannelPort

    /// Each ring has a channel of its own, so that each may be served by another worker.
    public var isSplit: Bool { transmitPort != receivePort }

    /// Takes the parts as they are.
    public init(
        transmitRing: GrantReference, receiveRing: GrantReference,
        transmitPort: EventChannelPort, receivePort: EventChannelPort
    ) {
        self.transmitRing = transmitRing
        self.receiveRing = receiveRing
        self.transmitPort = transmitPort
        self.receivePort = receivePort
    }
}

/// What a frontend published about its vif, checked. Everything in it was written by the guest.
public struct VifConfiguration: Equatable, Sendable {
    /// The features that the frontend can take.
    public var features: FrontendFeatures
    /// Its queues, at least one.
    public var queues: [QueueConfiguration]
}

/// Why a frontend's nodes make no sense; the sentence goes into the vif's `error` node.
public enum VifConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A node that must be there is not.
    case missing(key: String)
    /// A node is not a decimal number of the range it must have.
    case notANumber(key: String, text: String, maximum: UInt32)
    /// `request-rx-copy` is absent: the frontend wants page flipping, which nobody offers.
    case receiveCopyNotRequested
    /// More queues than were offered, or none.
    case queueCount(requested: UInt32, maximum: UInt32)
    /// The store itself failed.
    case store(PlatformError)

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .missing(let key): "the frontend did not write \(key)"
        case .notANumber(let key, let text, let maximum):
            "the frontend wrote \(key)=\"\(Self.printable(text))\", not a number up to \(maximum)"
        case .receiveCopyNotRequested:
            "the frontend did not write \(NetifKey.requestRxCopy)=1, and only copying is offered"
        case .queueCount(let requested, let maximum):
            "the frontend asked for \(requested) queues where 1 to \(maximum) are offered"
        case .store(let error): "the frontend's nodes cannot be read: \(error)"
        }
    }

    /// The start of a guest's text with what is no printable ASCII replaced: the sentence goes
    /// into logs and into a node that operators read on terminals.
    private static func printable(_ text: String) -> String {
        var start = ""
        for character in text.unicodeScalars.prefix(40) {
            let isPrintable = (0x20..<0x7F).contains(character.value)
            start.unicodeScalars.append(isPrintable ? character : "?")
        }
        return start
    }
}

extension VifConfiguration {
    private static var featureKeys: [String] {
        [
            NetifKey.requestRxCopy, NetifKey.featureRxNotify, NetifKey.featureSG,
            NetifKey.featureGSOTCPv4, NetifKey.featureGSOTCPv6,
            NetifKey.featureNoChecksumOffload, NetifKey.featureIPv6ChecksumOffload,
        ]
    }

    /// Reads and checks what the frontend at `path` published for its connect.
    ///
    /// One read per node: whatever vanishes or changes midway is caught as missing or as a grant
    /// or port that does not work.
    public static func read<Store: XenStore & ~Copyable>(
        frontend path: String, maximumQueues: UInt32, from store: inout Store
    ) throws(VifConfigurationError) -> VifConfiguration {
        var features = FrontendFeatures.defaults
        for key in featureKeys {
            // A key that is not there is not set: the defaults are those of the protocol.
            let isSet = try flag(key, under: path, from: &store)
            _ = features.note(key, isSet: isSet)
        }
        guard features.contains(.receiveCopy) else { throw .receiveCopyNotRequested }
        let countKey = NetifKey.multiQueueNumQueues
        let count =
            try number(countKey, under: path, from: &store, ifMissing: 1) ?? 1
        guard count >= 1, count <= maximumQueues else {
            throw .queueCount(requested: count, maximum: maximumQueues)
        }
        var queues: [QueueConfiguration] = []
        for index in 0..<count {
            // One queue lives flat in the device's directory; several have one directory each.
            let directory = count == 1 ? path : "\(path)/queue-\(index)"
            queues.append(try readQueue(directory, from: &store))
        }
        return VifConfiguration(features: features, queues: queues)
    }

    private static func readQueue<Store: XenStore & ~Copyable>(
        _ directory: String, from store: inout Store
    ) throws(VifConfigurationError) -> QueueConfiguration {
        let transmitRing = try number(NetifKey.txRingRef, under: directory, from: &store)
        let receiveRing = try number(NetifKey.rxRingRef, under: directory, from: &store)
        let transmitPort: UInt32
        let receivePort: UInt32
        let split = try number(
            NetifKey.eventChannelTx, under: directory, from: &store, ifMissing: nil)
        if let split {
            transmitPort = split
            receivePort = try number(NetifKey.eventChannelRx, under: directory, from: &store)
        } else {
            transmitPort = try number(NetifKey.eventChannel, under: directory, from: &store)
            receivePort = transmitPort
        }
        return QueueConfiguration(
            transmitRing: GrantReference(transmitRing), receiveRing: GrantReference(receiveRing),
            transmitPort: EventChannelPort(transmitPort),
            receivePort: EventChannelPort(receivePort))
    }

    private static func text<Store: XenStore & ~Copyable>(
        _ key: String, under path: String, from store: inout Store
    ) throws(VifConfigurationError) -> String? {
        do throws(PlatformError) {
            return try store.read("\(path)/\(key)")
        } catch {
            throw .store(error)
        }
    }

    /// A feature node: set when it reads as a number other than 0.
    private static func flag<Store: XenStore & ~Copyable>(
        _ key: String, under path: String, from store: inout Store
    ) throws(VifConfigurationError) -> Bool {
        guard let text = try text(key, under: path, from: &store) else { return false }
        return StoreNumber.parse(text).map { $0 != 0 } ?? false
    }

    private static func number<Store: XenStore & ~Copyable>(
        _ key: String, under path: String, from store: inout Store, ifMissing fallback: UInt32?
    ) throws(VifConfigurationError) -> UInt32? {
        guard let text = try text(key, under: path, from: &store) else { return fallback }
        guard let value = StoreNumber.parse(text) else {
            throw .notANumber(key: key, text: text, maximum: .max)
        }
        return value
    }

    private static func number<Store: XenStore & ~Copyable>(
        _ key: String, under path: String, from store: inout Store
    ) throws(VifConfigurationError) -> UInt32 {
        let value = try number(key, under: path, from: &store, ifMissing: nil)
        guard let value else { throw .missing(key: key) }
        return value
    }
}

/// Numbers as guests write them into the store.
enum StoreNumber {
    /// Plain decimal digits without a sign, at most ten of them; nil for anything else.
    static func parse(_ text: String) -> UInt32? {
        guard (1...10).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return UInt32(text)
    }
}
