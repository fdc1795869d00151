// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// What every target of ours is compiled with: warnings are errors, pointers must say `unsafe`.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]
/// Modules with a packet path and a control plane also refuse existentials.
let concrete: [SwiftSetting] = strict + [.treatWarning("ExistentialType", as: .error)]
/// Modules with nothing but a packet path refuse every hint of a hidden cost.
let packetPath: [SwiftSetting] = strict + [.treatWarning("PerformanceHints", as: .error)]

let arguments: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// The edges of the module graph. docs/ARCHITECTURE.md draws it, TidyTests holds imports to it.
let package = Package(
    name: "netdd",
    products: [
        .executable(name: "netbackd", targets: ["netbackd"]),
        .executable(name: "netdd", targets: ["netdd"]),
        .executable(name: "ringctl", targets: ["ringctl"]),
        .executable(name: "emuxen", targets: ["emuxen"]),
        .executable(name: "xenproof", targets: ["xenproof"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // layer 0
        .systemLibrary(name: "CXen", pkgConfig: "xengnttab", providers: [.apt(["libxen-dev"])]),
        .systemLibrary(
            name: "CNetlink", pkgConfig: "libnl-route-3.0",
            providers: [.apt(["libnl-3-dev", "libnl-route-3-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CURing", linkerSettings: [.linkedLibrary("uring")]),
        .target(name: "SharedMemory", swiftSettings: packetPath),
        .target(name: "Platform", swiftSettings: concrete),
        // layer 1
        .target(name: "Ring", dependencies: ["SharedMemory"], swiftSettings: packetPath),
        .target(name: "Heartbeat", dependencies: ["SharedMemory"], swiftSettings: packetPath),
        // layer 2
        .target(
            name: "Netif", dependencies: ["Ring", "SharedMemory"], swiftSettings: packetPath),
        .target(name: "StoreClient", dependencies: ["Platform", "CXen"], swiftSettings: strict),
        .target(
            name: "HostNetwork", dependencies: ["Platform", "CNetlink", "CLinux", "CURing"],
            swiftSettings: strict),
        // layer 3
        .target(
            name: "XenPlatform", dependencies: ["Platform", "StoreClient", "CXen"],
            swiftSettings: strict),
        .target(
            name: "EmulatedPlatform",
            dependencies: ["Platform", "StoreClient", "SharedMemory", "Ring", "Netif", "CLinux"],
            swiftSettings: strict),
        .target(
            name: "NetBack",
            dependencies: ["SharedMemory", "Ring", "Netif", "Heartbeat", "Platform"],
            swiftSettings: concrete),
        // layer 4
        .target(
            name: "DriverDomain",
            dependencies: [
                "SharedMemory", "Ring", "Netif", "Heartbeat", "Platform", "HostNetwork",
                "StoreClient", "XenPlatform", "EmulatedPlatform", "NetBack", "CLinux", logging,
            ],
            swiftSettings: strict,
            linkerSettings: [.linkedLibrary("xentoolcore"), .linkedLibrary("xentoollog")]),
        // layer 5
        .executableTarget(
            name: "netbackd",
            dependencies: [
                "DriverDomain", "NetBack", "HostNetwork", "StoreClient", "Platform", "CLinux",
                "Heartbeat", arguments, logging,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "netdd",
            dependencies: [
                "DriverDomain", "NetBack", "Heartbeat", "HostNetwork", "Platform", "CLinux",
                logging,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "ringctl",
            dependencies: [
                "SharedMemory", "Ring", "Netif", "Heartbeat", "Platform", "StoreClient",
                "HostNetwork", "XenPlatform", "EmulatedPlatform", "NetBack", "DriverDomain",
                arguments,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "emuxen",
            dependencies: [
                "EmulatedPlatform", "HostNetwork", "Netif", "Platform", "StoreClient", "CLinux",
                arguments,
            ],
            swiftSettings: strict),
        // benchmarks
        .target(name: "CRingLoop", path: "Benchmarks/CRingLoop"),
        .target(
            name: "BenchmarkReport", path: "Benchmarks/BenchmarkReport", swiftSettings: strict),
        .target(
            name: "RingLoops", dependencies: ["Ring", "Netif", "SharedMemory", "CRingLoop"],
            path: "Benchmarks/RingLoops", swiftSettings: packetPath),
        .executableTarget(
            name: "ringbench", dependencies: ["RingLoops", "BenchmarkReport", arguments],
            path: "Benchmarks/ringbench", swiftSettings: strict),
        .target(name: "CTraffic", path: "Benchmarks/CTraffic"),
        .executableTarget(
            name: "netbench",
            dependencies: [
                "HostNetwork", "Platform", "CLinux", "CTraffic", "BenchmarkReport", arguments,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Benchmarks/netbench", swiftSettings: strict),
        // tests
        .target(
            name: "TestSupport", dependencies: ["SharedMemory", "CLinux"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        .target(name: "CRingOracle", path: "Tests/CRingOracle"),
        .target(name: "CLockHolder", dependencies: ["CLinux"], path: "Tests/CLockHolder"),
        .target(
            name: "PlatformProof", dependencies: ["Platform", "SharedMemory", "StoreClient"],
            path: "Tests/PlatformProof", swiftSettings: strict),
        .executableTarget(
            name: "xenproof",
            dependencies: [
                "PlatformProof", "DriverDomain", "XenPlatform", "StoreClient", "Platform",
                "SharedMemory", "CXen",
            ],
            path: "Tests/xenproof", swiftSettings: strict,
            linkerSettings: [.linkedLibrary("xentoolcore"), .linkedLibrary("xentoollog")]),
        .testTarget(
            name: "RingTests",
            dependencies: ["Ring", "SharedMemory", "TestSupport", "CRingOracle"],
            swiftSettings: strict),
        .testTarget(
            name: "NetifTests",
            dependencies: ["Netif", "Ring", "SharedMemory", "TestSupport", "CRingOracle"],
            swiftSettings: strict),
        .testTarget(
            name: "HeartbeatTests", dependencies: ["Heartbeat", "SharedMemory", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "EmulatedPlatform", "StoreClient", "Platform", "CXen", "TestSupport", "CLinux",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PlatformTests",
            dependencies: [
                "EmulatedPlatform", "StoreClient", "Platform", "SharedMemory", "Ring", "Netif",
                "PlatformProof", "TestSupport", "CLinux", "CLockHolder",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HostNetworkTests",
            dependencies: ["HostNetwork", "Platform", "TestSupport", "CLinux"],
            swiftSettings: strict),
        .testTarget(
            name: "NetBackTests",
            dependencies: [
                "NetBack", "EmulatedPlatform", "Netif", "Ring", "SharedMemory", "Heartbeat",
                "Platform", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "NetBack", "EmulatedPlatform", "Netif", "Ring", "SharedMemory", "Heartbeat",
                "Platform", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "RingctlTests",
            dependencies: [
                "ringctl", "DriverDomain", "NetBack", "Heartbeat", "EmulatedPlatform",
                "StoreClient", "Platform", "Ring", "Netif", "SharedMemory", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "DriverDomainTests",
            dependencies: [
                "DriverDomain", "Heartbeat", "HostNetwork", "NetBack", "Netif", "Platform", "Ring",
                "SharedMemory", "TestSupport", "CLinux",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "NetddTests", dependencies: ["netdd", "Heartbeat", "Platform", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "BenchmarkTests", dependencies: ["RingLoops", "BenchmarkReport"],
            swiftSettings: strict),
        .testTarget(name: "ProcessTests", dependencies: ["TestSupport"], swiftSettings: strict),
        .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
