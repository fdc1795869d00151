// SPDX-License-Identifier: Apache-2.0
// Proves the adapters for Xen in the domain that runs this, which grants to itself: the checks
// that the emulated machine passes, too. One line for each; exit code 0 if all of them hold. In a
// domain that is not PV those that map pages are left out; there every guest's ring is their proof.
import DriverDomain
import Glibc
import Platform
import PlatformProof
import StoreClient
import XenPlatform

/// Counts what held and what did not, a line for each.
struct Proof {
    private(set) var count = 0
    private(set) var failures = 0

    mutating func check(_ sentence: String, _ body: () throws -> Void) {
        count += 1
        do {
            try body()
            print("ok: \(sentence)")
        } catch {
            failures += 1
            print("FAILED: \(sentence): \(error)")
        }
        // What came before a check that hangs is seen.
        fflush(nil)
    }

    mutating func checkStore<S: XenStore & ~Copyable>(
        _ name: String, _ store: inout S, _ own: DomainID
    ) throws {
        let reader = PermissionReader(try LibXenStore(socketPath: nil))
        for one in StoreCheck.allCases {
            check("\(name): \(one.rawValue)") {
                try one.run(&store, own: own, permissions: reader.permissions)
            }
        }
    }

    mutating func checkAll() throws {
        var hypervisor = try XenHypervisor()
        var store = try XenbusStore()
        guard let own = try store.read("domid").flatMap({ UInt16($0) }).map({ DomainID($0) })
        else { throw ProofFailure("xenstore's node domid does not tell which domain this is") }
        let peer = try XenPeer(own)
        let isPV = try SystemFile.text(of: "/sys/hypervisor/guest_type").hasPrefix("PV\n")
        for one in GrantCheck.allCases where isPV || !one.mapsPages {
            check("grants: \(one.rawValue)") { try one.run(&hypervisor, peer) }
        }
        for one in EventChannelCheck.allCases {
            check("event channels: \(one.rawValue)") { try one.run(&hypervisor, peer) }
        }
        check("event channels: \(AdoptionCheck.sentence)") {
            let shared = try XenHypervisor.openChannels()
            defer { close(shared) }
            let first = try XenHypervisor(channels: fcntl(shared, F_DUPFD_CLOEXEC, 0))
            var second = try XenHypervisor(channels: fcntl(shared, F_DUPFD_CLOEXEC, 0))
            try AdoptionCheck.run(first, &second, peer)
        }
        try checkStore("XenbusStore", &store, own)
        var library = try LibXenStore(socketPath: nil)
        try checkStore("LibXenStore", &library, own)
    }
}

/// What to do about an error that kept the checks from running.
func remedy(_ error: any Error) -> String {
    switch (error as? PlatformError)?.errno {
    case EACCES, EPERM: "no privilege for the devices below /dev/xen: run it as root"
    case ENOENT, ENXIO, ENODEV:
        "a device below /dev/xen is missing: in a Xen domain, load the kernel's modules"
            + " xen-evtchn, xen-gntdev and xen-gntalloc"
    default: "nothing was proved"
    }
}

var proof = Proof()
do {
    try proof.checkAll()
    print("\(proof.count) checks, \(proof.failures) failed")
} catch {
    print("xenproof: \(error); \(remedy(error))")
    exit(1)
}
exit(proof.failures == 0 ? 0 : 1)
