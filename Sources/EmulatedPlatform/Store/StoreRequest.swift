// SPDX-License-Identifier: Apache-2.0
import Platform
import StoreClient

/// One request off the wire: what its payload means, and the payload of the reply to it.
struct StoreRequest {
    /// Nil for a number that stands for nothing.
    var type: StoreMessageType?
    var transaction: StoreTransaction
    var payload: [UInt8]
    var connection: StoreConnectionID

    /// The payload of every reply that says nothing else.
    static let acknowledgement = text("OK")

    func perform(_ store: EmulatedStore) throws(StoreError) -> [UInt8] {
        switch type {
        case .read:
            return try store.read(try only(), in: transaction, by: connection)
        case .write:
            let (path, value) = try pathAndValue()
            try store.write(path, value, in: transaction, by: connection)
        case .makeDirectory:
            try store.makeDirectory(try only(), in: transaction, by: connection)
        case .remove:
            try store.remove(try only(), in: transaction, by: connection)
        case .directory:
            let names = try store.directory(try only(), in: transaction, by: connection).names
            return names.flatMap(StoreRequest.text)
        case .directoryPart:
            return try directoryPart(store)
        case .getPermissions:
            return try store.permissions(try only(), in: transaction, by: connection)
                .flatMap { StoreRequest.text($0.wireText) }
        case .setPermissions:
            try setPermissions(store)
        case .watch:
            let (path, token) = try pair()
            try store.watch(path, token: token, by: connection)
        case .unwatch:
            let (path, token) = try pair()
            try store.unwatch(path, token: token, by: connection)
        case .resetWatches:
            store.reset(connection)
        case .transactionStart:
            guard transaction == .none else { throw .busy }
            return StoreRequest.text("\(try store.beginTransaction(by: connection).rawValue)")
        case .transactionEnd:
            try endTransaction(store)
        case .introduce, .release, .resume, .setTarget, .isDomainIntroduced, .getDomainPath,
            .control:
            return try performAboutDomains(store)
        case .watchEvent, .error, nil:
            throw .unknownRequest
        }
        return StoreRequest.acknowledgement
    }

    private func performAboutDomains(_ store: EmulatedStore) throws(StoreError) -> [UInt8] {
        switch type {
        case .getDomainPath:
            return StoreRequest.text(StorePath.home(of: try domain(try only())).description)
        case .isDomainIntroduced:
            return StoreRequest.text(store.isIntroduced(try domain(try only())) ? "T" : "F")
        default: break
        }
        guard try store.domain(of: connection) == .control else { throw .accessDenied }
        switch type {
        case .introduce:
            let strings = try strings(countMin: 3)
            let domain = try domain(strings[0])
            // The page and the port mean nothing here, but they must be numbers.
            guard domain != .control, domain.rawValue < DomainID.firstReserved.rawValue,
                Int64(strings[1]) != nil, UInt32(strings[2]) != nil
            else { throw .invalid }
            store.introduce(domain)
        case .release:
            try store.release(try domain(try only()))
        case .resume:
            guard store.isIntroduced(try domain(try only())) else { throw .notFound }
        case .setTarget:
            let strings = try strings(countMin: 2)
            try store.setTarget(of: try domain(strings[0]), to: try domain(strings[1]))
        default:
            return try control()
        }
        return StoreRequest.acknowledgement
    }

    private func control() throws(StoreError) -> [UInt8] {
        switch try strings(countMin: 1)[0] {
        case "help": return StoreRequest.text("help\nprint\n")
        case "print": return StoreRequest.acknowledgement
        default: throw .invalid
        }
    }

    private func endTransaction(_ store: EmulatedStore) throws(StoreError) {
        let commit: Bool
        switch try only() {
        case "T": commit = true
        case "F": commit = false
        default: throw .invalid
        }
        try store.endTransaction(transaction, commit: commit, by: connection)
    }

    private func setPermissions(_ store: EmulatedStore) throws(StoreError) {
        let strings = try strings(countMin: 2)
        var permissions: [StorePermission] = []
        for string in strings.dropFirst() {
            guard let permission = StorePermission(wireText: string) else { throw .invalid }
            permissions.append(permission)
        }
        try store.setPermissions(strings[0], permissions, in: transaction, by: connection)
    }

    /// The generation and as many whole names as fit from an offset on; after the last name an
    /// empty one.
    private func directoryPart(_ store: EmulatedStore) throws(StoreError) -> [UInt8] {
        let (path, position) = try pair()
        guard let offset = Int(position), offset >= 0 else { throw .invalid }
        let (names, generation) = try store.directory(path, in: transaction, by: connection)
        var reply = StoreRequest.text("\(generation)")
        var start = 0
        for name in names {
            let size = name.utf8.count + 1
            defer { start += size }
            guard start >= offset else { continue }
            // One byte is kept for the empty name.
            guard reply.count + size < StoreMessageHeader.payloadSizeMax else { return reply }
            reply += StoreRequest.text(name)
        }
        return reply + [0]
    }

    // MARK: Payloads

    private static func text(_ string: String) -> [UInt8] { Array(string.utf8) + [0] }

    /// A payload of exactly one string.
    private func only() throws(StoreError) -> String {
        guard payload.last == 0, payload.count(where: { $0 == 0 }) == 1 else { throw .invalid }
        return try strings(countMin: 1)[0]
    }

    private func pair() throws(StoreError) -> (String, String) {
        let strings = try strings(countMin: 2)
        return (strings[0], strings[1])
    }

    /// The strings of a payload; what follows the last NUL does not count.
    private func strings(countMin: Int) throws(StoreError) -> [String] {
        var strings: [String] = []
        for bytes in payload.split(separator: 0, omittingEmptySubsequences: false).dropLast() {
            guard let string = String(validating: bytes, as: UTF8.self) else { throw .invalid }
            strings.append(string)
        }
        guard strings.count >= countMin else { throw .invalid }
        return strings
    }

    /// A path and any bytes.
    private func pathAndValue() throws(StoreError) -> (String, [UInt8]) {
        guard let end = payload.firstIndex(of: 0),
            let path = String(validating: payload[..<end], as: UTF8.self)
        else { throw .invalid }
        return (path, Array(payload[(end + 1)...]))
    }

    private func domain(_ text: String) throws(StoreError) -> DomainID {
        guard let number = UInt16(text) else { throw .invalid }
        return DomainID(number)
    }
}

extension StorePermission {
    /// As it goes over the wire: `r7`.
    var wireText: String {
        let letter =
            switch (mayRead, mayWrite) {
            case (false, false): "n"
            case (true, false): "r"
            case (false, true): "w"
            case (true, true): "b"
            }
        return letter + "\(domain)"
    }

    /// Reads what `wireText` writes; nil for anything else.
    init?(wireText: String) {
        guard let letter = wireText.first, let number = UInt16(wireText.dropFirst()),
            "nrwb".contains(letter)
        else { return nil }
        self.init(
            domain: DomainID(number), mayRead: letter == "r" || letter == "b",
            mayWrite: letter == "w" || letter == "b")
    }
}
