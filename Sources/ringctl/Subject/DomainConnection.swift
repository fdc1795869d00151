// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Platform
import StoreClient

/// A driver domain that is asked over its vchan.
final class DomainConnection: StateFiles {
    private var client: InspectionClient

    var isLive: Bool { true }

    /// Connects as dom0 to a domain by its number or its name.
    ///
    /// - Throws: `Complaint` when there is no such domain, or it does not answer.
    init(toDomain text: String) throws {
        let domain = try Self.domain(named: text)
        do throws(PlatformError) {
            client = try InspectionClient(of: domain)
        } catch {
            throw Complaint(
                "domain \(text) does not answer inspectors: \(error)",
                remedy: "it must run this project's pair with the module xen-gntalloc, and "
                    + "ringctl must run in dom0")
        }
    }

    private static func domain(named text: String) throws -> DomainID {
        if let number = UInt32(plain: text).flatMap(UInt16.init(exactly:)) {
            return DomainID(number)
        }
        var store = try HypervisorChoice.xen.openStore()
        do throws(PlatformError) {
            for number in try store.directory("/local/domain") ?? [] {
                guard let domain = UInt16(number),
                    try store.read("/local/domain/\(number)/name") == text
                else { continue }
                return DomainID(domain)
            }
        } catch {
            throw HypervisorChoice.xen.complaint(of: error, at: "xenstore cannot be read")
        }
        throw Complaint("there is no domain \(text)", remedy: "`xl list` shows them")
    }

    func read(_ name: String) throws -> [UInt8]? {
        do {
            return try client.ask(name)
        } catch let complaint as Complaint where complaint.message.hasPrefix("the pair refuses") {
            return nil
        }
    }

    /// Asks something that is no file.
    func ask(_ question: String) throws -> [UInt8] { try client.ask(question) }
}
