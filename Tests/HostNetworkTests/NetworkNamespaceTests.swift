// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Platform
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct NetworkNamespaceTests {
    @Test("making a namespace leaves the thread where it was")
    func fresh() throws {
        let home = namespaceOfThread()
        let namespace = try NetworkNamespace.fresh()
        #expect(namespaceOfThread() == home)
        let there = try namespace.within { namespaceOfThread() }
        #expect(there != home)
        #expect(there.hasPrefix("net:["))
        #expect(namespaceOfThread() == home)
    }

    @Test("the thread returns also when the work inside fails")
    func failureInside() throws {
        let home = namespaceOfThread()
        let namespace = try NetworkNamespace.fresh()
        #expect(throws: HostNetworkError.self) {
            try namespace.within { () throws(HostNetworkError) in
                throw HostNetworkError("test", on: "nothing", errno: EIO)
            }
        }
        #expect(namespaceOfThread() == home)
    }

    @Test("entering for good concerns the calling thread and its children only")
    func enter() throws {
        let home = namespaceOfThread()
        let namespace = try NetworkNamespace.fresh()
        let descriptor = namespace.descriptor
        let seen = try onThreadOfItsOwn {
            let entered = NetworkNamespace(taking: dup(descriptor))
            try entered.enter()
            return [namespaceOfThread(), try run("readlink /proc/self/ns/net")]
        }
        let inside = try namespace.within { namespaceOfThread() }
        #expect(seen == [inside, inside + "\n"])
        #expect(namespaceOfThread() == home)
    }

    @Test("a process's namespace is found by its number")
    func ofProcess() throws {
        let home = namespaceOfThread()
        let found = try NetworkNamespace.of(process: getpid())
        let there = try found.within { namespaceOfThread() }
        #expect(there == home)
        let error = #expect(throws: HostNetworkError.self) {
            _ = try NetworkNamespace.of(process: 0)
        }
        #expect(error?.description.contains("there is no such namespace") == true)
    }

    @Test("a TAP made inside a namespace is served from outside of it")
    func tapInside() throws {
        let namespace = try NetworkNamespace.fresh()
        var inner = Endpoint(
            try namespace.within { () throws(HostNetworkError) -> TapDevice in
                try TapDevice(
                    creating: TapConfiguration(name: "tap0"), with: NetlinkSession())
            })
        #expect(try !exists("tap0"))
        let frame = Frames.ethernet(
            type: Frames.experimental, [UInt8](repeating: 1, count: 60))
        #expect(try inner.transmit(frame) == .sent)
        let received = try namespace.within { Result { try run("ip -s -j link show dev tap0") } }
        #expect(try received.get().contains(#""rx":{"bytes":74,"packets":1,"#))
    }

    @Test("a name serves `ip netns` and goes when it is deleted")
    func names() throws {
        // In mounts of its own, so that nothing of it can stay behind.
        let seen = try onThreadOfItsOwn {
            try enterPrivateMounts()
            try run("mount -t tmpfs none /run")
            let namespace = try NetworkNamespace.fresh()
            let inside = try namespace.within { namespaceOfThread() }
            try namespace.bind(as: "guest1")
            let again = #expect(throws: HostNetworkError.self) {
                try namespace.bind(as: "guest1")
            }
            let other = try NetworkNamespace.fresh()
            try other.bind(as: "guest2")
            let opened = try NetworkNamespace.named("guest1")
            let byName = try opened.within { namespaceOfThread() }
            let listed = try run("ip netns list | sed 's/ .*//' | sort | tr '\\n' ' '")
            let executed = try run("ip netns exec guest1 readlink /proc/self/ns/net")
            try NetworkNamespace.delete(named: "guest1")
            let left = try run("ls /run/netns")
            return [
                again?.errno == EEXIST, byName == inside, executed == inside + "\n",
                listed == "guest1 guest2 ", left == "guest2\n",
            ]
        }
        #expect(seen == [true, true, true, true, true])
    }

    @Test("a name that is no file's name is refused", arguments: ["", ".", "..", "a/b"])
    func badName(name: String) throws {
        let namespace = try NetworkNamespace.fresh()
        #expect(throws: HostNetworkError.self) { try namespace.bind(as: name) }
        #expect(throws: HostNetworkError.self) { _ = try NetworkNamespace.named(name) }
        #expect(throws: HostNetworkError.self) { try NetworkNamespace.delete(named: name) }
    }

    @Test("a name nobody gave is an error naming it")
    func unknownName() throws {
        let error = #expect(throws: HostNetworkError.self) {
            _ = try NetworkNamespace.named("nobody-gave-this")
        }
        #expect(error?.errno == ENOENT)
        #expect(error?.subject == "/run/netns/nobody-gave-this")
    }
}
