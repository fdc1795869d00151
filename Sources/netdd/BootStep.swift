// SPDX-License-Identifier: Apache-2.0

/// What PID 1 does before anything is served, in this order. Its raw value is the code that the
/// console shows when the domain powers off because the step failed.
enum BootStep: Int32, CaseIterable {
    /// Read the kernel's command line.
    case commandLine = 2
    /// See that this is a domain of Xen.
    case xen = 3
    /// Load the kernel modules.
    case modules = 4
    /// Make the bridge.
    case bridge = 5
    /// Put the network card on it.
    case uplink = 6
    /// Give it its addresses.
    case addresses = 7
    /// Serve.
    case service = 8

    /// As the console shows it.
    var text: String {
        switch self {
        case .commandLine: "command line"
        case .xen: "Xen"
        case .modules: "kernel modules"
        case .bridge: "bridge"
        case .uplink: "uplink"
        case .addresses: "addresses"
        case .service: "service"
        }
    }
}
