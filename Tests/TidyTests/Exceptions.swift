// SPDX-License-Identifier: Apache-2.0

/// Where a rule of `SourceRules` does not hold, each entry with its reason. A path that ends in
/// "/" is a folder.
enum Exceptions {
    /// Pointers. Modules whose work is to call C or the kernel are listed whole; in all others each
    /// file stands for itself.
    static let unsafeCode: [String] = [
        // Calls of libxengnttab and libxenevtchn, of libxenstore, of libnl; system calls.
        "Sources/XenPlatform/",
        "Sources/StoreClient/",
        "Sources/HostNetwork/",
        // The memory of emulated domains, sockets, memfds.
        "Sources/EmulatedPlatform/",
        // Threads, epoll, signals, child processes.
        "Sources/DriverDomain/",
        "Sources/netbackd/",
        "Sources/netdd/",
        "Sources/emuxen/",
        // The atomic view of a mapping.
        "Sources/SharedMemory/MappedWords.swift",
        // Owners of memory, checked at their whole interface.
        "Sources/Platform/FixedBuffer.swift",
        "Sources/Platform/MappedPages.swift",
        "Sources/Platform/PageArena.swift",
        "Sources/Platform/Slab.swift",
        // The bytes of a header, in an arena that has checked their range.
        "Sources/Platform/VnetHeader+Wire.swift",
        // Reads of bytes whose bounds were checked before.
        "Sources/Netif/FrameBytes.swift",
        // Views of the ring pages and buffers that a worker has mapped.
        "Sources/NetBack/Worker.swift",
        // Mappings, descriptors, the terminal, the C library's clocks.
        "Sources/ringctl/Subject/",
        "Sources/ringctl/Capture/",
        "Sources/ringctl/Watch/Terminal.swift",
        "Sources/ringctl/Output/WallClock.swift",
        "Sources/ringctl/Commands/CaptureCommand.swift",
        "Sources/ringctl/Commands/KickCommand.swift",
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
        // SplitMix64 is defined by it.
        "Sources/netbackd/Chaos/SplitMix64.swift",
    ]

    /// Foundation, which doubles the size of a program.
    static let foundation: [String] = [
        // JSON, of a tool that no image has.
        "Sources/ringctl/Output/OutputOptions.swift"
    ]

    /// Atomics and locks.
    static let synchronization: [String] = [
        "Sources/SharedMemory/MappedWords.swift",
        // A Mutex around setenv, because libxenstore takes its socket from the environment.
        "Sources/StoreClient/LibXenStore.swift",
        // A Mutex around what the two threads that answer inspectors count.
        "Sources/DriverDomain/Inspection/InspectionService.swift",
        // A Mutex around the mail between the control thread and a worker.
        "Sources/DriverDomain/Mailbox.swift",
        // Mutexes between the threads of a chaos run that send, receive and look.
        "Sources/netbackd/Chaos/",
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
