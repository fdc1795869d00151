// SPDX-License-Identifier: Apache-2.0

/// Where a rule of `SourceRules` does not hold, each entry with its reason. A path that ends in
/// "/" is a folder.
enum Exceptions {
    /// Pointers: adapters call C, and what lends memory to the packet path hands out addresses.
    static let unsafeCode: [String] = [
        // Calls into libxengnttab, libxenevtchn, libxenstore and libnl, and system calls.
        "Sources/XenPlatform/",
        "Sources/StoreClient/LibXenStore.swift",
        "Sources/HostNetwork/",
        // The memory of emulated domains, and system calls on sockets and memfds.
        "Sources/EmulatedPlatform/Guest/GuestPlatform.swift",
        "Sources/EmulatedPlatform/Machine/EmulatedHypervisor.swift",
        "Sources/EmulatedPlatform/Machine/EventPorts.swift",
        "Sources/EmulatedPlatform/Machine/GrantedMemory.swift",
        "Sources/EmulatedPlatform/Machine/GuestDomain.swift",
        "Sources/EmulatedPlatform/Machine/InProcessGuestDomain.swift",
        "Sources/EmulatedPlatform/Machine/InProcessHypervisor.swift",
        "Sources/EmulatedPlatform/Machine/MachineConnection.swift",
        "Sources/EmulatedPlatform/Machine/MachineDomain.swift",
        "Sources/EmulatedPlatform/Machine/MachineServer.swift",
        "Sources/EmulatedPlatform/Machine/PeerTable.swift",
        "Sources/EmulatedPlatform/Machine/RunDirectory.swift",
        "Sources/EmulatedPlatform/Machine/SharedRegion.swift",
        "Sources/EmulatedPlatform/Machine/UnixSocket.swift",
        "Sources/EmulatedPlatform/Store/StoreServer.swift",
        "Sources/EmulatedPlatform/Store/StoreSocket.swift",
        // The atomic view of a mapping.
        "Sources/SharedMemory/MappedWords.swift",
        // Owners of memory, checked at their interface.
        "Sources/Platform/FixedBuffer.swift",
        "Sources/Platform/MappedPages.swift",
        "Sources/Platform/PageArena.swift",
        "Sources/Platform/Slab.swift",
        // Unchecked reads of bytes whose bounds were checked before.
        "Sources/Netif/FrameBytes.swift",
        // A view of a ring page that the worker has mapped.
        "Sources/NetBack/Worker.swift",
    ]

    /// Arithmetic that wraps.
    static let wrappingArithmetic: [String] = [
        // Ring positions, the reason why the operators exist.
        "Sources/Ring/RingIndex.swift",
        // The sequence of a beat wraps as a ring position does.
        "Sources/Heartbeat/Beat.swift",
        "Sources/Heartbeat/Pulse.swift",
        // A vif's connections are told apart by a number that may wrap.
        "Sources/NetBack/Backend.swift",
    ]

    /// Atomics and locks.
    static let synchronization: [String] = [
        "Sources/SharedMemory/MappedWords.swift",
        // A Mutex around setenv, because libxenstore takes its socket from the environment.
        "Sources/StoreClient/LibXenStore.swift",
        // A Mutex around the mail between the control thread and a worker.
        "Sources/netbackd/Mailbox.swift",
    ]

    /// Files that are not named after a type in them.
    static let names: [String] = [
        // The two protocols of a guest's side, which are only used together.
        "Sources/EmulatedPlatform/Guest/GuestPlatform.swift"
    ]

    /// Whether a list holds the path or a folder above it.
    static func hold(_ list: [String], _ path: String) -> Bool {
        list.contains { $0 == path || $0.hasSuffix("/") && path.hasPrefix($0) }
    }
}
