// SPDX-License-Identifier: Apache-2.0
public import Platform

/// A well-formed absolute path of a node.
public struct StorePath: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of an absolute path. Corresponds to `XENSTORE_ABS_PATH_MAX`.
    public static let absoluteSizeMax = 3072
    /// Bytes of a relative path. Corresponds to `XENSTORE_REL_PATH_MAX`.
    public static let relativeSizeMax = 2048

    /// As a client writes it: `/`, `/local/domain/1`.
    public let description: String
    /// The names from the root down; none for the root itself.
    let names: [String]

    /// The root.
    public static let root = StorePath(description: "/", names: [])

    private init(description: String, names: [String]) {
        self.description = description
        self.names = names
    }

    /// Where a domain's relative paths start: `/local/domain/1`.
    public static func home(of domain: DomainID) -> StorePath {
        let number = "\(domain)"
        return StorePath(
            description: "/local/domain/" + number, names: ["local", "domain", number])
    }

    /// Checks a path; one that does not start with a slash is below the domain's home.
    ///
    /// - Throws: `StoreError.invalid`.
    public init(_ text: String, for domain: DomainID) throws(StoreError) {
        let bytes = text.utf8
        // A special event is no node, relative or not.
        guard let first = bytes.first, first != UInt8(ascii: "@"),
            bytes.last != UInt8(ascii: "/") || bytes.count == 1,
            bytes.allSatisfy(StorePath.isAllowed)
        else { throw .invalid }
        let isAbsolute = first == UInt8(ascii: "/")
        let names = (isAbsolute ? text.dropFirst() : text[...])
            .split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if isAbsolute {
            guard bytes.count <= StorePath.absoluteSizeMax else { throw .invalid }
            guard bytes.count > 1 else {
                self = .root
                return
            }
            self.init(description: text, names: names)
        } else {
            guard bytes.count <= StorePath.relativeSizeMax else { throw .invalid }
            let home = StorePath.home(of: domain)
            self.init(description: home.description + "/" + text, names: home.names + names)
        }
        guard !names.contains("") else { throw .invalid }
    }

    /// The node above; nil for the root.
    var parent: StorePath? {
        guard let last = names.last else { return nil }
        guard names.count > 1 else { return .root }
        return StorePath(
            description: String(description.dropLast(last.utf8.count + 1)),
            names: Array(names.dropLast()))
    }

    /// The node of that name below this one.
    func child(_ name: String) -> StorePath {
        StorePath(
            description: names.isEmpty ? "/" + name : description + "/" + name,
            names: names + [name])
    }

    /// The ancestor with so many names.
    func prefix(_ count: Int) -> StorePath {
        count == 0
            ? .root
            : StorePath(
                description: "/" + names.prefix(count).joined(separator: "/"),
                names: Array(names.prefix(count)))
    }

    /// By what is written; the names follow from it.
    public static func == (left: StorePath, right: StorePath) -> Bool {
        left.description == right.description
    }

    /// By what is written.
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "/"),
            UInt8(ascii: "_"), UInt8(ascii: "@"):
            true
        default: false
        }
    }
}
