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
            "Look into a crash report: a folder that `netbackd pair` wrote; with --via its name.",
            valueName: "DIR"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "From dom0, ask the driver domain of this number or name, over its vchan.",
            valueName: "DOMAIN"))
    var via: String?

    /// Opens what is to be looked at.
    func open() throws -> Subject {
        if let via {
            let connection = try DomainConnection(toDomain: via)
            guard let report else {
                return try Subject(files: connection, name: "domain \(via)")
            }
            return try Subject(
                files: RemoteReport(connection: connection, name: report),
                name: "the report \(report) of domain \(via)")
        }
        if let report {
            return try Subject(files: ReportFolder(report), name: "the report \(report)")
        }
        return try Subject(of: hypervisor)
    }

    /// Asks the pair itself.
    func ask(_ question: String) throws -> [UInt8] {
        if let via { return try DomainConnection(toDomain: via).ask(question) }
        guard var client = InspectionClient(of: hypervisor) else {
            throw Complaint(
                "no pair that serves \(hypervisor) answers",
                remedy: "`netbackd pair` does, in this network namespace, while its parent lives")
        }
        return try client.ask(question)
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
