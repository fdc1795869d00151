// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

extension AllPrograms {
    @Suite("netbackd selftest")
    struct SelftestTests {
        @Test("finds everything on a machine that has it, and leaves no link")
        func finds() throws {
            let result = try ProgramRun.script(
                """
                ip link add b0 type bridge
                emuxen machine --dir /run/t/m --domain netdd:4 > /run/t/log &
                until_true 10 grep -q ready /run/t/log || fail "no machine: $(cat /run/t/log)"
                netbackd selftest --bridge b0 --hypervisor emulated:/run/t/m/dom1
                same "exit code" $? 0
                same links "$(links)" b0
                kill %1
                wait
                """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let lines = result.output.split(separator: "\n")
            #expect(lines.count == 7 && lines.allSatisfy { $0.hasPrefix("ok ") }, "\(lines)")
        }

        @Test("names all that is missing, with a remedy for each")
        func misses() throws {
            let result = try ProgramRun.script(
                """
                mkdir /run/t/empty
                mount --bind /run/t/empty /dev/net
                [ ! -e /dev/xen ] || mount --bind /run/t/empty /dev/xen
                netbackd selftest --bridge b7
                same "exit code" $? 1
                netbackd selftest --hypervisor emulated:/nowhere
                same "exit code" $? 1
                same links "$(links)" ""
                """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            for sentence in [
                "MISSING  /dev/net/tun, a TAP with vnet header and offloads: open /dev/net/tun: "
                    + "this kernel has no TAP: load the module `tun`",
                "MISSING  bridge b7: use bridge b7: there is no such link",
                "MISSING  /dev/xen/gntdev: open failed: errno 2: this is not a Xen domain",
                "MISSING  /dev/xen/evtchn: open failed: errno 2: this is not a Xen domain",
                "MISSING  xenstore: xenstore cannot be reached",
                "MISSING  emulated hypervisor /nowhere/hypervisor.sock:",
                "start one with `emuxen machine`",
            ] {
                #expect(result.output.contains(sentence), "\(result.output)")
            }
        }

        @Test("tells a user without privilege what to do")
        func unprivileged() throws {
            let result = try ProgramRun.script(
                """
                setpriv --reuid 65534 --clear-groups $PROGRAMS/netbackd selftest
                same "exit code" $? 1
                """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            #expect(
                result.output.contains(
                    "MISSING  privilege to make links (CAP_NET_ADMIN): this user may not: run as"),
                "\(result.output)")
        }
    }
}
