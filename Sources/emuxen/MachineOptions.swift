// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform
import Glibc
import Platform
import StoreClient

/// What an operator reads when a command fails.
struct Failure: Error, CustomStringConvertible {
    let description: String
}

/// Which machine a command talks to.
struct MachineOptions: ParsableArguments {
    @Option(name: .customLong("dir"), help: "The directory given to `emuxen machine`.")
    var directory = "/run/emuxen"

    /// Connects as dom0.
    func control() throws -> MachineControl {
        do { return try MachineControl(directory: directory) } catch {
            throw Failure(
                description: "no machine runs in \(directory) (\(error)); start one with "
                    + "`emuxen machine --dir \(directory)`")
        }
    }

    /// Connects to the store as dom0.
    func toolstack() throws -> Toolstack<LibXenStore> {
        let store = try LibXenStore(
            socketPath: MachineSockets(of: .control, in: directory).store)
        let descriptor = store.descriptor
        return Toolstack(store, descriptor: descriptor)
    }

    /// The domain that an operator names by its name or its number.
    func domain(_ text: String, _ control: borrowing MachineControl) throws -> DomainID {
        let domains = try control.domains()
        let found =
            domains.first { $0.name == text }
            ?? domains.first { UInt16(text) == $0.id.rawValue }
        guard let found else {
            let names = domains.map(\.name).joined(separator: ", ")
            throw Failure(description: "no domain is called \(text); there are: \(names)")
        }
        return found.id
    }
}
