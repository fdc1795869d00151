// SPDX-License-Identifier: Apache-2.0
import CXen
import EmulatedPlatform
import Platform
import StoreClient
import TestSupport
import Testing

/// A client's end of the wire, without a socket.
private final class WireClient {
    let store: EmulatedStore
    var wire: StoreWire
    var request: UInt32 = 0

    init(_ store: EmulatedStore, as domain: DomainID = .control) {
        self.store = store
        wire = StoreWire(store, as: domain)
    }

    /// Sends a request and takes everything that came back.
    func send(
        _ type: UInt32, _ payload: String, in transaction: UInt32 = 0
    ) -> [(header: StoreMessageHeader, payload: String)] {
        request += 1
        let bytes = Array(payload.utf8)
        let header = StoreMessageHeader(
            type: type, request: request, transaction: transaction,
            payloadSize: UInt32(bytes.count))
        wire.receive(header.bytes + bytes)
        wire.serve(store)
        wire.deliverEvents(from: store)
        return take()
    }

    func take() -> [(header: StoreMessageHeader, payload: String)] {
        var messages: [(header: StoreMessageHeader, payload: String)] = []
        while let header = StoreMessageHeader(wire.pendingOutput) {
            let size = StoreMessageHeader.size + Int(header.payloadSize)
            let payload = wire.pendingOutput.prefix(size).dropFirst(StoreMessageHeader.size)
            messages.append((header, String(decoding: payload, as: UTF8.self)))
            wire.consumeOutput(size)
        }
        return messages
    }

    /// The payload of the only answer; an error's name is the payload of an error.
    func ask(
        _ type: StoreMessageType, _ payload: String, in transaction: UInt32 = 0
    ) -> String? {
        let answers = send(type.rawValue, payload, in: transaction)
        guard answers.count == 1, let answer = answers.first else { return nil }
        #expect(answer.header.request == request)
        #expect(answer.header.transaction == transaction)
        let isError = answer.header.type == StoreMessageType.error.rawValue
        #expect(isError || answer.header.type == type.rawValue)
        return answer.payload
    }
}

@Suite("xenstored's wire protocol")
struct StoreWireTests {
    let fixture = StoreFixture()

    @Test("the numbers are those of xs_wire.h")
    func numbers() {
        let expected: [(StoreMessageType, xsd_sockmsg_type)] = [
            (.control, XS_CONTROL), (.directory, XS_DIRECTORY), (.read, XS_READ),
            (.getPermissions, XS_GET_PERMS), (.watch, XS_WATCH), (.unwatch, XS_UNWATCH),
            (.transactionStart, XS_TRANSACTION_START), (.transactionEnd, XS_TRANSACTION_END),
            (.introduce, XS_INTRODUCE), (.release, XS_RELEASE),
            (.getDomainPath, XS_GET_DOMAIN_PATH), (.write, XS_WRITE), (.makeDirectory, XS_MKDIR),
            (.remove, XS_RM), (.setPermissions, XS_SET_PERMS), (.watchEvent, XS_WATCH_EVENT),
            (.error, XS_ERROR), (.isDomainIntroduced, XS_IS_DOMAIN_INTRODUCED),
            (.resume, XS_RESUME), (.setTarget, XS_SET_TARGET),
            (.resetWatches, XS_RESET_WATCHES), (.directoryPart, XS_DIRECTORY_PART),
        ]
        for (ours, theirs) in expected { #expect(ours.rawValue == theirs.rawValue) }
        #expect(expected.count == StoreMessageType.allCases.count)
        #expect(StoreMessageHeader.size == MemoryLayout<xsd_sockmsg>.size)
        #expect(StoreMessageHeader.payloadSizeMax == Int(XENSTORE_PAYLOAD_MAX))
        #expect(StorePath.absoluteSizeMax == Int(XENSTORE_ABS_PATH_MAX))
        #expect(StorePath.relativeSizeMax == Int(XENSTORE_REL_PATH_MAX))
    }

    @Test("the header's bytes are those of the C struct")
    func header() {
        let header = StoreMessageHeader(
            type: 0x0102_0304, request: 5, transaction: 0xFFFF_FFFF, payloadSize: 7)
        let theirs = xsd_sockmsg(type: 0x0102_0304, req_id: 5, tx_id: 0xFFFF_FFFF, len: 7)
        let bytes = unsafe withUnsafeBytes(of: theirs) { unsafe Array($0) }
        #expect(header.bytes == bytes)
        #expect(StoreMessageHeader(bytes) == header)
        #expect(StoreMessageHeader(bytes.dropLast()) == nil)
    }

    @Test("each request has the reply that the protocol names")
    func requests() {
        let client = WireClient(fixture.store)
        #expect(client.ask(.write, "/a/b\0val\0ue") == "OK\0")
        #expect(client.ask(.read, "/a/b\0") == "val\0ue")
        #expect(client.ask(.makeDirectory, "/a/c\0") == "OK\0")
        #expect(client.ask(.directory, "/a\0") == "b\0c\0")
        #expect(client.ask(.directory, "/a/b\0") == "")
        #expect(client.ask(.setPermissions, "/a\0b5\0r6\0w7\0n8\0") == "OK\0")
        #expect(client.ask(.getPermissions, "/a\0") == "b5\0r6\0w7\0n8\0")
        #expect(client.ask(.remove, "/a\0") == "OK\0")
        #expect(client.ask(.read, "/a\0") == "ENOENT\0")
        #expect(client.ask(.getDomainPath, "7\0") == "/local/domain/7\0")
        #expect(client.ask(.isDomainIntroduced, "7\0") == "F\0")
    }

    @Test("domains are introduced and released by dom0 alone")
    func domains() throws {
        let client = WireClient(fixture.store)
        #expect(client.ask(.introduce, "7\0" + "-12\0" + "9\0") == "OK\0")
        #expect(client.ask(.isDomainIntroduced, "7\0") == "T\0")
        #expect(client.ask(.introduce, "0\0" + "1\0" + "9\0") == "EINVAL\0")
        #expect(client.ask(.introduce, "32752\0" + "1\0" + "9\0") == "EINVAL\0")
        #expect(client.ask(.introduce, "7\0" + "1\0") == "EINVAL\0")
        #expect(client.ask(.resume, "7\0") == "OK\0")
        #expect(client.ask(.resume, "8\0") == "ENOENT\0")
        #expect(client.ask(.introduce, "8\0" + "1\0" + "9\0") == "OK\0")
        #expect(client.ask(.setTarget, "7\0" + "8\0") == "OK\0")
        #expect(client.ask(.setTarget, "7\0" + "9\0") == "ENOENT\0")
        #expect(client.ask(.release, "8\0") == "OK\0")
        #expect(client.ask(.release, "8\0") == "ENOENT\0")
        let guest = WireClient(fixture.store, as: DomainID(7))
        for type: StoreMessageType in [.introduce, .release, .resume, .setTarget, .control] {
            #expect(guest.ask(type, "7\0" + "1\0" + "9\0") == "EACCES\0")
        }
        #expect(guest.ask(.isDomainIntroduced, "7\0") == "T\0")
    }

    @Test("watch events come after the reply, with number 0")
    func watches() {
        let client = WireClient(fixture.store)
        let answers = client.send(StoreMessageType.watch.rawValue, "/a\0token\0")
        #expect(answers.map(\.payload) == ["OK\0", "/a\0token\0"])
        #expect(answers.last?.header.type == StoreMessageType.watchEvent.rawValue)
        #expect(answers.last?.header.request == 0)
        #expect(answers.last?.header.transaction == 0)
        #expect(client.ask(.watch, "/a\0token\0") == "EEXIST\0")
        #expect(client.ask(.unwatch, "/a\0token\0") == "OK\0")
        #expect(client.ask(.unwatch, "/a\0token\0") == "ENOENT\0")
        _ = client.send(StoreMessageType.watch.rawValue, "/a\0token\0")
        #expect(client.ask(.resetWatches, "\0") == "OK\0")
        #expect(client.ask(.write, "/a\0x") == "OK\0")
    }

    @Test("transactions over the wire")
    func transactions() throws {
        let client = WireClient(fixture.store)
        let text = try #require(client.ask(.transactionStart, "\0"))
        let transaction = try #require(UInt32(text.dropLast()))
        #expect(client.ask(.write, "/a\0x", in: transaction) == "OK\0")
        #expect(client.ask(.transactionStart, "\0", in: transaction) == "EBUSY\0")
        #expect(client.ask(.read, "/a\0") == "ENOENT\0")
        #expect(client.ask(.transactionEnd, "X\0", in: transaction) == "EINVAL\0")
        #expect(client.ask(.transactionEnd, "T\0", in: transaction) == "OK\0")
        #expect(client.ask(.transactionEnd, "T\0", in: transaction) == "ENOENT\0")
        #expect(client.ask(.transactionEnd, "T\0") == "ENOENT\0")
        #expect(client.ask(.read, "/a\0", in: 4711) == "ENOENT\0")
        #expect(client.ask(.read, "/a\0") == "x")
    }

    @Test("control answers what it knows")
    func control() {
        let client = WireClient(fixture.store)
        #expect(client.ask(.control, "print\0" + "hello\0") == "OK\0")
        #expect(client.ask(.control, "help\0")?.contains("print") == true)
        #expect(client.ask(.control, "frobnicate\0") == "EINVAL\0")
        #expect(client.ask(.control, "") == "EINVAL\0")
    }

    @Test("unknown requests are ENOSYS", arguments: [15, 16, 20, 23, 0xFFFF, UInt32.max])
    func unknown(type: UInt32) {
        let client = WireClient(fixture.store)
        #expect(client.send(type, "/\0").map(\.payload) == ["ENOSYS\0"])
    }

    @Test(
        "a payload that is not as the request wants is EINVAL",
        arguments: [
            (StoreMessageType.read, ""), (.read, "/a"), (.read, "/a\0/b\0"), (.read, "/a\0b"),
            (.write, ""), (.write, "/a"), (.write, "a b\0"), (.directory, "/"), (.remove, ""),
            (.makeDirectory, ""), (.getPermissions, ""), (.setPermissions, "/\0"),
            (.setPermissions, "/\0x1\0"), (.setPermissions, "/\0r\0"),
            (.setPermissions, "/\0r65536\0"), (.setPermissions, "/\0\0"), (.watch, "/a\0"),
            (.watch, ""), (.unwatch, "/a\0"), (.transactionEnd, ""), (.getDomainPath, "x\0"),
            (.getDomainPath, "65536\0"), (.isDomainIntroduced, ""), (.introduce, ""),
            (.release, "-1\0"), (.setTarget, "1\0"), (.directoryPart, "/\0"),
            (.directoryPart, "/\0-1\0"), (.directoryPart, "/\099999999999999999999\0"),
        ])
    func malformed(type: StoreMessageType, payload: String) {
        let client = WireClient(fixture.store)
        #expect(client.ask(type, payload) == "EINVAL\0")
        #expect(!client.wire.isBroken)
    }

    @Test("every error has a name that libxenstore knows")
    func errorNames() {
        let known = [
            "EINVAL", "EACCES", "EEXIST", "EISDIR", "ENOENT", "ENOMEM", "ENOSPC", "EIO",
            "ENOTEMPTY", "ENOSYS", "EROFS", "EBUSY", "EAGAIN", "EISCONN", "E2BIG", "EPERM",
        ]
        for error in StoreError.allCases { #expect(known.contains(error.rawValue)) }
    }

    @Test("a listing that does not fit comes in parts of whole names")
    func directoryParts() throws {
        let client = WireClient(fixture.store)
        let expected = (1000..<1900).map { "name-\($0)" }
        for name in expected { try fixture.write("/d/" + name) }
        #expect(client.ask(.directory, "/d\0") == "E2BIG\0")
        var generations: Set<String> = []
        var listed = ""
        repeat {
            let part = try #require(
                client.ask(.directoryPart, "/d\0" + "\(listed.utf8.count)\0"))
            #expect(part.utf8.count <= StoreMessageHeader.payloadSizeMax)
            let end = try #require(part.firstIndex(of: "\0"))
            generations.insert(String(part[..<end]))
            listed += part[part.index(after: end)...]
        } while !listed.hasSuffix("\0\0")
        #expect(generations.count == 1)
        #expect(listed.split(separator: "\0").map(String.init) == expected)
        #expect(client.ask(.directoryPart, "/d\0" + "999999\0")?.hasSuffix("\0\0") == true)
        #expect(client.ask(.directoryPart, "/d/name-1000\0" + "0\0")?.hasSuffix("\0\0") == true)
    }

    @Test("requests may come in any pieces")
    func pieces() {
        let client = WireClient(fixture.store)
        let one = StoreMessageHeader(type: 11, request: 1, transaction: 0, payloadSize: 4)
        let two = StoreMessageHeader(type: 2, request: 2, transaction: 0, payloadSize: 3)
        let bytes = one.bytes + Array("/a\0x".utf8) + two.bytes + Array("/a\0".utf8)
        for byte in bytes {
            client.wire.receive([byte])
            client.wire.serve(fixture.store)
        }
        #expect(client.take().map(\.payload) == ["OK\0", "x"])
        client.wire.receive(bytes)
        client.wire.serve(fixture.store)
        #expect(client.take().map(\.payload) == ["OK\0", "x"])
    }

    @Test("a payload of 4096 bytes is served, a longer one ends the connection")
    func payloadSize() {
        let client = WireClient(fixture.store)
        let value = String(repeating: "v", count: 4093)
        #expect(client.ask(.write, "/a\0" + value) == "OK\0")
        #expect(client.ask(.read, "/a\0") == value)
        #expect(client.send(11, "/a\0v" + value).isEmpty)
        #expect(client.wire.isBroken)
        #expect(client.send(2, "/a\0").isEmpty)
    }

    @Test("a client that does not read is not served until it does")
    func pause() {
        let client = WireClient(fixture.store)
        #expect(client.ask(.write, "/a\0" + String(repeating: "v", count: 4000)) == "OK\0")
        let header = StoreMessageHeader(type: 2, request: 1, transaction: 0, payloadSize: 3)
        for _ in 0..<100 { client.wire.receive(header.bytes + Array("/a\0".utf8)) }
        client.wire.serve(fixture.store)
        #expect(client.wire.isPaused)
        #expect(client.wire.pendingOutput.count < 70_000)
        var count = 0
        while client.wire.isPaused || count < 100 {
            count += client.take().count
            client.wire.serve(fixture.store)
        }
        #expect(count == 100)
    }

    @Test("garbage neither traps nor gets through", arguments: 0..<60)
    func garbage(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        try fixture.write("/secret", "untouched")
        _ = try fixture.guest(1)
        let pieces = ["/", "a", "\0", "local", "domain", "@releaseDomain", "r1", "1", "T", "\u{1}"]
        var client = WireClient(fixture.store, as: DomainID(1))
        for _ in 0..<400 {
            if client.wire.isBroken { client = WireClient(fixture.store, as: DomainID(1)) }
            var payload: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<8, using: &random) {
                payload += Array((pieces.randomElement(using: &random) ?? "").utf8)
            }
            if Int.random(in: 0..<8, using: &random) == 0 {
                payload.append(UInt8.random(in: 0...255, using: &random))
            }
            let isLying = Int.random(in: 0..<30, using: &random) == 0
            let header = StoreMessageHeader(
                type: UInt32.random(in: 0..<25, using: &random), request: 0,
                transaction: UInt32.random(in: 0..<4, using: &random),
                payloadSize: isLying
                    ? UInt32(truncatingIfNeeded: random.next()) : UInt32(payload.count))
            client.wire.receive(header.bytes + payload)
            client.wire.serve(fixture.store)
            client.wire.deliverEvents(from: fixture.store)
            _ = client.take()
        }
        #expect(try fixture.read("/secret") == "untouched", "seed \(seed)")
        #expect(!client.wire.isPaused, "seed \(seed)")
    }

    @Test("pure noise ends the connection", arguments: 0..<20)
    func noise(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let client = WireClient(fixture.store)
        client.wire.receive((0..<64).map { _ in UInt8.random(in: 1...255, using: &random) })
        client.wire.serve(fixture.store)
        #expect(client.wire.isBroken, "seed \(seed)")
        #expect(client.take().isEmpty)
    }
}
