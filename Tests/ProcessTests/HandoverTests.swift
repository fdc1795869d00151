// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

extension AllPrograms {
    @Suite("netbackd pair hands over")
    struct HandoverTests {
        @Test("a primary that lets go of some of its locks only is killed, and its pair goes on")
        func halfDone() throws {
            let result = try MachineScript.run(
                """
                machine
                start pair netbackd pair --bridge xenbr0 --create-bridge --fault-injection \\
                    --hypervisor emulated:$M/dom1 --crash-reports ''
                ip address replace 10.9.0.1/24 dev xenbr0
                expect 'a shadow stands by' until_true 10 has pair 'msg=shadow '
                # The worker for packets to guests does nothing more when it is next woken.
                XENSTORED_PATH=$M/dom0/xenstored.sock \\
                    xenstore-write /local/domain/1/data/netdd/fault 'sleep 1'
                expect 'the wish is heard' until_true 10 has pair 'a fault on purpose'
                kill -USR2 $pid_pair
                expect 'it is killed' until_true 10 has pair 'lets go of some of its locks only'
                serves_twice() { [ "$(grep -c 'msg=primary ' /run/t/pair.log)" = 2 ]; }
                expect 'the shadow serves' until_true 10 serves_twice
                guest 1
                expect 'a guest has a network' pings 1
                whole g1
                stop pair TERM 0
                stop machine TERM 0
                """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }

        @Test("one pair after another takes the last one's place, and the guest notices nothing")
        func upgrades() throws {
            let result = try MachineScript.run(
                """
                machine
                serve() {
                    start pair netbackd pair --bridge xenbr0 --create-bridge "$@" \\
                        --hypervisor emulated:$M/dom1 --crash-reports ''
                    expect 'it serves' until_true 10 has pair 'msg=serving '
                    expect 'its shadow holds what it serves' until_true 10 has pair 'msg=shadow '
                }
                serve
                ip address replace 10.9.0.1/24 dev xenbr0
                guest 1
                expect 'a guest has a network' pings 1
                for upgrade in 1 2 3 4 5; do
                    # In quiet times the shadow that is dismissed then learns of it late, and may
                    # have the primary's locks by then.
                    sleep 1.5
                    mv /run/t/pair.log /run/t/old.log
                    pid_old=$pid_pair
                    serve --handover
                    wait $pid_old
                    expect "upgrade $upgrade: the guest has a network" pings 1
                    expect "upgrade $upgrade: all is held" eval '! has pair "is not held"'
                done
                whole g1
                stop pair TERM 0
                stop machine TERM 0
                """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }
    }
}
