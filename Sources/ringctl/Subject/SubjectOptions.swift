// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
public import DriverDomain

/// What is looked at: options that every command has.
struct SubjectOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "xen, or emulated:DIR with a domain's folder of an emulated machine.",
            discussion: "We act as that domain. As dom0 of Xen every guest can be looked at, "
                + "whichever domain serves it.",
            valueName: "xen|emulated:DIR"))
    var hypervisor: HypervisorChoice = .xen

    @Option(
        help: ArgumentHelp(
            "Look into a crash report: a folder that `netbackd pair` wrote.", valueName: "DIR"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "From dom0, ask the driver domain of this number or name, over its vchan.",
            valueName: "DOMAIN"))
    var via: String?

    func validate() throws {
        guard report == nil || via == nil else {
            throw ValidationError("--report and --via exclude each other")
        }
    }

    /// Opens what is to be looked at.
    func open() throws -> Subject {
        if let report { return try Subject(report: report) }
        if let via { return try Subject(via: via) }
        return try Subject(of: hypervisor)
    }
}

extension HypervisorChoice: ExpressibleByArgument {
    /// Reads `xen` or `emulated:DIR`.
    public init?(argument: String) {
        guard let choice = try? HypervisorChoice(parsing: argument) else { return nil }
        self = choice
    }

    /// As it is given on the command line.
    public var defaultValueDescription: String { description }
}
