// SPDX-License-Identifier: Apache-2.0

/// Names of the vif's keys in xenstore: relative to the directory of the end that writes them.
public enum NetifKey {
    // MARK: Features of both ends

    /// Both ends: packets of more than one slot are understood. Absent: no.
    public static let featureSG = "feature-sg"
    /// Both ends: large TCP packets over IPv4 are understood. Absent: no.
    public static let featureGSOTCPv4 = "feature-gso-tcpv4"
    /// Both ends: large TCP packets over IPv6 are understood. Absent: no.
    public static let featureGSOTCPv6 = "feature-gso-tcpv6"
    /// Both ends: blank checksums over IPv4 are *not* understood. Absent: they are.
    public static let featureNoChecksumOffload = "feature-no-csum-offload"
    /// Both ends: blank checksums over IPv6 are understood. Absent: no.
    public static let featureIPv6ChecksumOffload = "feature-ipv6-csum-offload"

    // MARK: Offers of the backend

    /// Backend: data is copied into the guest's pages. Linux refuses a backend without it.
    public static let featureRxCopy = "feature-rx-copy"
    /// Backend: pages change hands. Obsolete, written as 0.
    public static let featureRxFlip = "feature-rx-flip"
    /// Backend: each direction may have its own event channel. Absent: no.
    public static let featureSplitEventChannels = "feature-split-event-channels"
    /// Backend: multicast is filtered by the guest's list. Absent: no.
    public static let featureMulticastControl = "feature-multicast-control"
    /// Backend: `requestMulticastControl` may change at any time. Absent: no.
    public static let featureDynamicMulticastControl = "feature-dynamic-multicast-control"
    /// Backend: there may be a control ring. Absent: no.
    public static let featureControlRing = "feature-ctrl-ring"
    /// Backend: most queues a frontend may ask for. Absent: 1.
    public static let multiQueueMaxQueues = "multi-queue-max-queues"

    // MARK: Requests of the frontend

    /// Frontend: data shall be copied into its pages. Absent: pages change hands (refused).
    public static let requestRxCopy = "request-rx-copy"
    /// Frontend: it notifies when it posts receive buffers. Absent: the backend must poll.
    public static let featureRxNotify = "feature-rx-notify"
    /// Frontend: apply the multicast filter. Absent: no.
    public static let requestMulticastControl = "request-multicast-control"
    /// Frontend: queues in use; from 2 on the rings' keys stand under `queue(_:)`. Absent: 1.
    public static let multiQueueNumQueues = "multi-queue-num-queues"

    // MARK: Rings of the frontend

    /// Frontend: grant reference of the transmit ring, decimal. Required.
    public static let txRingRef = "tx-ring-ref"
    /// Frontend: grant reference of the receive ring, decimal. Required.
    public static let rxRingRef = "rx-ring-ref"
    /// Frontend: the port for both directions. Absent: one for each.
    public static let eventChannel = "event-channel"
    /// Frontend: the port of the transmit ring. Absent: `eventChannel`.
    public static let eventChannelTx = "event-channel-tx"
    /// Frontend: the port of the receive ring. Absent: `eventChannel`.
    public static let eventChannelRx = "event-channel-rx"
    /// Frontend: grant reference of the control ring. Absent: none.
    public static let controlRingRef = "ctrl-ring-ref"
    /// Frontend: the port of the control ring. Absent: none.
    public static let eventChannelControl = "event-channel-ctrl"

    // MARK: Written by the toolstack and the hotplug script

    /// The guest's MAC address, in both directories. Required.
    public static let mac = "mac"
    /// Both directories: bytes of payload of a frame. Absent: 1500.
    public static let mtu = "mtu"
    /// The number of the vif within its domain. Required.
    public static let handle = "handle"
    /// Backend's directory: "bytes,microseconds" of a transmit credit. Absent: unlimited.
    public static let rate = "rate"
    /// Backend's directory: the bridge to join.
    public static let bridge = "bridge"
    /// Backend's directory: the hotplug script.
    public static let script = "script"
    /// Backend's directory: the name of the host's interface. Absent: `vifDOMAIN.HANDLE`.
    public static let vifName = "vifname"
    /// Backend's directory: "connected" or "error". Absent: the script has not run.
    public static let hotplugStatus = "hotplug-status"
    /// Backend: 0 when the link is down. Absent: up.
    public static let carrier = "carrier"
    /// Backend's directory: 0 when a closed vif shall go. Absent: 0.
    public static let online = "online"
    /// Frontend's directory: 0 when the guest shall not trust the backend. Absent: 1.
    public static let trusted = "trusted"
    /// Backend's directory: the frontend's directory. Required.
    public static let frontend = "frontend"
    /// Backend's directory: the frontend's domain. Required.
    public static let frontendID = "frontend-id"
    /// Frontend's directory: the backend's directory. Required.
    public static let backend = "backend"
    /// Frontend's directory: the backend's domain. Required.
    public static let backendID = "backend-id"
    /// Both ends: a `XenbusState`, decimal. Absent: 0, unknown.
    public static let state = "state"

    /// The directory of a queue's ring keys, when there are two queues or more.
    public static func queue(_ index: Int) -> String { "queue-\(index)" }
}
