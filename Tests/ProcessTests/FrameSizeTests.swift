// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

extension AllPrograms {
    /// Frames of every size that a vif may carry, from guest to guest and to the host.
    @Suite("frame sizes")
    struct FrameSizeTests {
        /// More shell functions for these tests.
        private static let functions = """
            # fits NUMBER ADDRESS BYTES: an IPv4 packet of that size passes, and comes back
            fits() {
                ip netns exec g$1 ping -n -q -c 3 -i 0.02 -W 2 -M do -s $(($3 - 28)) $2 \
                    > /run/t/ping && grep -q ' 0% packet loss' /run/t/ping
            }
            # stream NUMBER ADDRESS: TCP both ways with the guest or host that serves there
            stream() {
                ip netns exec g$1 timeout 8 iperf3 -c $2 -n 8M > /run/t/iperf.log 2>&1 &&
                    ip netns exec g$1 timeout 8 iperf3 -c $2 -n 8M -R > /run/t/iperf.log 2>&1
            }
            serve() { iperf3 -s -D; ip netns exec g1 iperf3 -s -D; sleep 0.2; }
            of() { cat /sys/class/net/$1/mtu; }

            """

        private func expectSuccess(_ body: String) throws {
            let result = try MachineScript.run(Self.functions + body)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }

        @Test("the toolstack's MTU is the TAP's, above what netbackd was told")
        func toolstackMTU() throws {
            try expectSuccess(
                """
                mount -t sysfs sysfs /sys
                ip link add xenbr0 type bridge
                ip link set xenbr0 mtu 9000 up
                machine; backend --mtu 1400
                guest 1 --vif mac=00:16:3e:00:01:01,mtu=9000,ip=10.9.1.11/24
                same "MTU that nobody named" $(of vif2.0) 1400
                same "MTU of the toolstack" $(of vif2.1) 9000
                same "the bridge keeps its own" $(of xenbr0) 9000
                whole g1
                """)
        }

        @Test(
            "jumbo frames pass, with segmentation and without",
            arguments: ["", "--no-checksum-offload"])
        func jumbo(option: String) throws {
            try expectSuccess(
                """
                mount -t sysfs sysfs /sys
                ip link add xenbr0 type bridge
                ip link set xenbr0 mtu 9000 up
                machine; backend \(option)
                jumbo() {
                    start g$1 emuxen guest --dir $M --name g$1 --backend netdd \\
                        --vif mac=00:16:3e:00:00:0$1,mtu=9000,ip=10.9.0.1$1/24
                }
                jumbo 1; jumbo 2
                same MTUs "$(of vif2.0) $(of vif3.0)" "9000 9000"
                for size in 9000 8999 4096 4083 1501; do
                    expect "g2 to g1, $size" fits 2 10.9.0.11 $size
                    expect "g1 to the host, $size" fits 1 10.9.0.1 $size
                done
                refuse "one byte more" fits 2 10.9.0.11 9001
                serve
                expect "TCP between g2 and g1: $(cat /run/t/iperf.log)" stream 2 10.9.0.11
                expect "TCP between g2 and the host" stream 2 10.9.0.1
                whole g1 g2
                """)
        }

        @Test("a guest with one queue is served where several are offered")
        func queues() throws {
            try expectSuccess(
                """
                machine; backend --queues 4 --workers 3; guest 1; guest 2
                same "offer" "$(store /local/domain/1/backend/vif/2/0/multi-queue-max-queues)" 4
                expect "ping from g1 to g2" pings 1 10.9.0.12
                serve
                expect "TCP between g2 and g1" stream 2 10.9.0.11
                whole g1 g2
                """)
        }
    }
}
