// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

/// What is wrong, how the program is started, what it must say.
struct Refusal: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var arguments = "netbackd run --bridge b0 --create-bridge --hypervisor emulated:/nowhere"
    var before = ""
    var prefix = ""
    var code: Int32 = 1
    var sentences: [String]
}

extension Refusal {
    /// A domain with a store, but without the rest of Xen.
    private static let someOfXen = """
        mkdir -p /run/t/dev/net /run/t/dev/xen
        mknod /run/t/dev/null c 1 3; mknod -m 666 /run/t/dev/net/tun c 10 200
        emuxen machine --dir /run/t/m --domain netdd:16 > /run/t/machine.log 9>&- &
        until_true 10 [ -S /run/t/m/dom1/xenstored.sock ]
        chmod 755 /run/t /run/t/m /run/t/m/dom1
        mount --bind /run/t/dev /dev

        """
    private static let store = "env XENSTORED_PATH=/run/t/m/dom1/xenstored.sock"

    static func xen(_ description: String, _ before: String, _ sentences: [String]) -> Refusal {
        Refusal(
            testDescription: description,
            arguments: "netbackd run --bridge b0 --create-bridge --hypervisor xen",
            before: someOfXen + before, prefix: store, sentences: sentences)
    }

    static func xenAsNobody(_ description: String, _ sentences: [String]) -> Refusal {
        var refusal = xen(description, "", sentences)
        refusal.prefix +=
            " setpriv --reuid 65534 --clear-groups --inh-caps +net_admin --ambient-caps +net_admin"
        return refusal
    }
}

extension AllPrograms {
    @Suite("netbackd refuses to start")
    struct RefusalTests {
        static let refusals = [
            Refusal(
                testDescription: "without its bridge",
                arguments: "netbackd run --bridge b7 --hypervisor emulated:/nowhere",
                sentences: ["use bridge b7: there is no such link", "--create-bridge"]),
            Refusal(
                testDescription: "with a bridge that is none",
                arguments: "netbackd run --bridge lo --hypervisor emulated:/nowhere",
                sentences: ["lo exists but is not a bridge"]),
            Refusal(
                testDescription: "without a machine",
                sentences: ["xenstore cannot be reached", "/nowhere/hypervisor.sock: start one"]),
            Refusal(
                testDescription: "with a hypervisor nobody knows",
                arguments: "netbackd run --bridge b0 --create-bridge --hypervisor kvm",
                sentences: ["--hypervisor kvm is unknown: give xen or emulated:DIR"]),
            Refusal(
                testDescription: "under Xen where there is none",
                arguments: "netbackd run --bridge b0 --create-bridge --hypervisor xen",
                before: "mkdir /run/t/xen; [ ! -e /dev/xen ] || mount --bind /run/t/xen /dev/xen",
                sentences: ["xenstore cannot be reached", "this is not a Xen domain"]),
            .xen(
                "under Xen without gntdev", "",
                ["xengnttab_open failed: errno 2", "gntdev is missing: `modprobe xen-gntdev`"]),
            .xen(
                "under Xen with a gntdev that has no driver",
                "mknod /dev/xen/gntdev c 240 77",
                ["xengnttab_open failed: errno 6", "gntdev is missing: `modprobe xen-gntdev`"]),
            .xen(
                "under Xen without evtchn", "ln -s ../null /dev/xen/gntdev",
                ["xenevtchn_open failed: errno 2", "evtchn is missing: `modprobe xen-evtchn`"]),
            .xenAsNobody(
                "under Xen without privilege",
                ["xs_open failed: errno 13: run as root: this user may not open /dev/xen/xenbus"]),
            Refusal(
                testDescription: "beside the kernel's own backend",
                arguments: "netbackd run --bridge b0 --create-bridge --hypervisor xen",
                before: "mount -t tmpfs tmpfs /sys; mkdir -p /sys/bus/xen-backend/drivers/vif",
                sentences: ["backend xen-netback serves", "unload it with `rmmod xen-netback`"]),
            Refusal(
                testDescription: "with no worker",
                arguments: "netbackd run --workers 0 --create-bridge",
                sentences: ["--workers 0 is out of range: give 1 to 64"]),
            Refusal(
                testDescription: "with no queue",
                arguments: "netbackd run --queues 0 --create-bridge",
                sentences: ["--queues 0 is out of range: give 1 to 16"]),
            Refusal(
                testDescription: "with a detector that there is not",
                arguments: "netbackd pair --detect soon --create-bridge",
                sentences: ["--detect soon", "give adaptive or fixed:MS"]),
            Refusal(
                testDescription: "with a pause too short for the host",
                arguments: "netbackd pair --longest-restart-pause 5 --create-bridge",
                sentences: [
                    "--longest-restart-pause 5 is out of range: give 100 to 600000 milliseconds"
                ]),
            Refusal(
                testDescription: "with an MTU below IPv4's",
                arguments: "netbackd run --mtu 67 --create-bridge",
                sentences: ["mtu 67 is out of range: give 68 to 65521 bytes"]),
            Refusal(
                testDescription: "with an MTU that is no number",
                arguments: "netbackd run --mtu big --create-bridge", code: 64,
                sentences: ["'big' is invalid for '--mtu <mtu>'"]),
            Refusal(
                testDescription: "with a line of the configuration that it does not understand",
                arguments: "netbackd run --create-bridge --config /run/t/config",
                before: "printf '# ours\\nbridge=b0\\nspeed=3\\n' > /run/t/config",
                sentences: ["/run/t/config:3: speed=3 is not understood", "lines are bridge=NAME"]),
            Refusal(
                testDescription: "without its configuration",
                arguments: "netbackd run --create-bridge --config /run/t/config",
                sentences: ["/run/t/config cannot be read: No such file"]),
            Refusal(
                testDescription: "without /dev/net/tun",
                before: "mkdir /run/t/empty; mount --bind /run/t/empty /dev/net",
                sentences: ["open /dev/net/tun", "load the module `tun`"]),
            Refusal(
                testDescription: "as a user who may not open /dev/net/tun",
                before: "mknod /run/t/tun c 10 200; chmod 600 /run/t/tun; "
                    + "mount --bind /run/t/tun /dev/net/tun",
                prefix: "setpriv --reuid 65534 --clear-groups",
                sentences: ["open /dev/net/tun: this user may not open it: run as root"]),
            Refusal(
                testDescription: "as a user who may not make links",
                before: "mknod -m 666 /run/t/tun c 10 200; "
                    + "mount --bind /run/t/tun /dev/net/tun",
                prefix: "setpriv --reuid 65534 --clear-groups",
                sentences: ["ip link add type bridge b0: needs CAP_NET_ADMIN: run as root"]),
        ]

        @Test("with one clear sentence, and leaves nothing half-made", arguments: refusals)
        func refuses(refusal: Refusal) throws {
            let result = try ProgramRun.once(
                refusal.arguments, before: refusal.before, behind: refusal.prefix)
            #expect(result.status == refusal.code, "\(result.errors)")
            for sentence in refusal.sentences {
                #expect(result.errors.contains(sentence), "\(result.errors)")
            }
            if refusal.code == 1 {
                #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
            }
            #expect(result.links == "")
        }
    }
}
