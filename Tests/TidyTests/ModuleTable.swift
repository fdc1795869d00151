// SPDX-License-Identifier: Apache-2.0

/// One module below Sources: where it stands, and what it may import.
struct Module: Sendable {
    let layer: Int
    let name: String
    /// Modules and products that Package.swift lists for it, all of them.
    let dependencies: Set<String>
    /// Modules of the toolchain.
    let system: Set<String>

    init(_ layer: Int, _ name: String, _ dependencies: Set<String>, system: Set<String> = []) {
        self.layer = layer
        self.name = name
        self.dependencies = dependencies
        self.system = system
    }
}

/// The module graph. A module imports from lower layers alone, and of those what stands here.
let moduleTable = [
    Module(0, "CXen", []),
    Module(0, "CNetlink", []),
    Module(0, "CLinux", []),
    Module(0, "CURing", []),
    Module(0, "SharedMemory", [], system: ["Synchronization"]),
    Module(0, "Platform", []),

    Module(1, "Ring", ["SharedMemory"]),
    // For two functions of the mathematical library.
    Module(1, "Heartbeat", ["SharedMemory"], system: ["Glibc"]),

    Module(2, "Netif", ["Ring", "SharedMemory"]),
    Module(2, "StoreClient", ["Platform", "CXen"], system: ["Glibc", "Synchronization"]),
    Module(2, "HostNetwork", ["Platform", "CNetlink", "CLinux", "CURing"], system: ["Glibc"]),

    Module(3, "XenPlatform", ["Platform", "StoreClient", "CXen"], system: ["Glibc"]),
    Module(
        3, "EmulatedPlatform",
        ["Platform", "StoreClient", "SharedMemory", "Ring", "Netif", "CLinux"],
        system: ["Glibc", "Synchronization"]),
    // No system module: the driver knows no adapter and no operating system.
    Module(3, "NetBack", ["SharedMemory", "Ring", "Netif", "Heartbeat", "Platform"]),

    Module(
        4, "DriverDomain",
        [
            "SharedMemory", "Ring", "Netif", "Heartbeat", "Platform", "HostNetwork", "StoreClient",
            "XenPlatform", "EmulatedPlatform", "NetBack", "CLinux", "Logging",
        ], system: ["Glibc", "Synchronization"]),
    Module(
        4, "emuxen",
        [
            "EmulatedPlatform", "HostNetwork", "Netif", "Platform", "StoreClient", "CLinux",
            "ArgumentParser",
        ], system: ["Glibc", "Synchronization"]),

    Module(
        5, "netbackd",
        [
            "DriverDomain", "NetBack", "HostNetwork", "StoreClient", "Platform", "CLinux",
            "Heartbeat", "ArgumentParser", "Histogram", "Logging",
        ], system: ["Glibc", "Synchronization"]),
    Module(
        5, "ringctl",
        [
            "SharedMemory", "Ring", "Netif", "Heartbeat", "Platform", "StoreClient",
            "HostNetwork", "XenPlatform", "EmulatedPlatform", "NetBack", "DriverDomain",
            "ArgumentParser",
        ], system: ["Glibc", "FoundationEssentials"]),
    // What the boot image runs: no argument parser, which would double its size.
    Module(
        5, "netdd",
        [
            "DriverDomain", "NetBack", "Heartbeat", "HostNetwork", "Platform", "CLinux", "Logging",
        ],
        system: ["Glibc"]),
]
