// SPDX-License-Identifier: Apache-2.0

/// A crash report in a driver domain.
struct RemoteReport: StateFiles {
    let connection: DomainConnection
    let name: String

    var isLive: Bool { false }

    func read(_ file: String) throws -> [UInt8]? { try connection.read("reports/\(name)/\(file)") }
}
