// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

extension AllPrograms {
    /// `ringctl` at a live, a hung and a dead pair, as its user runs it.
    @Suite("ringctl at a pair")
    struct InspectionTests {
        /// A pair with a guest, and ringctl as their driver domain.
        private static let scene = """
            H="--hypervisor emulated:$M/dom1"
            machine
            start pair netbackd pair --bridge xenbr0 --create-bridge \\
                --hypervisor emulated:$M/dom1 --crash-reports /run/t/crash
            ip address replace 10.9.0.1/24 dev xenbr0
            guest 1
            pings 1 || fail "no ping"
            # asks COMMAND PATTERN: it ends well and says so
            asks() {
                ringctl $1 $H > /run/t/asked.log 2>&1 || fail "ringctl $1: $(cat /run/t/asked.log)"
                grep -q -- "$2" /run/t/asked.log || fail "ringctl $1: $(cat /run/t/asked.log)"
            }
            # finds COMMAND PATTERN: it ends with 1 and says so
            finds() {
                ringctl $1 $H > /run/t/asked.log 2>&1
                same "exit code of ringctl $1" $? 1
                grep -q -- "$2" /run/t/asked.log || fail "ringctl $1: $(cat /run/t/asked.log)"
            }
            # until WORDS...: they succeed within 10 s
            until_ok() {
                local number
                for number in $(seq 100); do
                    if "$@" > /run/t/until.log 2>&1; then return; fi
                    sleep 0.1
                done
                fail "$*: $(cat /run/t/until.log)"
            }
            primary() {
                grep -o 'msg=primary member=[0-9]*' /run/t/pair.log | tail -1 | tr -dc 0-9
            }
            until_ok ringctl check $H

            """

        @Test("a live pair, by every command")
        func live() throws {
            let result = try MachineScript.run(
                Self.scene + """
                    asks list "vif2.0 .* Connected  Connected  xenbr0 .* ok  *process $(primary) "
                    asks 'dump 2.0' 'rsp_prod_pvt'
                    asks 'dump vif2.0 --json' '"schema" : "ringctl.dump/1"'
                    asks check 'every rule holds'
                    asks 'journal 2.0' 'page 0, interface vif2.0'
                    asks events 'vif2.0-q0 Tx: served'
                    asks 'explain 2.0' 'is a port of xenbr0'
                    asks 'kick 2.0 --yes' 'vif2.0 queue 0: Tx'
                    asks events 'vif2.0-q0: looked at on request'
                    asks metrics '^netdd_queues_in_use 1$'
                    asks 'watch --count 2 --interval 50' 'worker 0  process'
                    finds 'dump 9.9' 'this domain serves no vif9.9'
                    # Nobody who asks the socket disturbs the pair.
                    ip netns exec g1 ping -q -c 30 -i 0.02 10.9.0.1 > /run/t/long.log &
                    ringctl capture 2.0 $H -w /run/t/both.pcapng --count 20 2> /run/t/capture.log
                    expect "$(cat /run/t/capture.log)" \\
                        grep -q '20 packets written, 0 dropped' /run/t/capture.log
                    expect 'the magic of pcapng' \\
                        sh -c 'head -c 4 /run/t/both.pcapng | od -A n -t x1 | grep -q "0a 0d 0d 0a"'
                    wait $!
                    expect "no ping is lost: $(cat /run/t/long.log)" \\
                        grep -q ' 0% packet loss' /run/t/long.log
                    ringctl watch --count 500 --interval 20 $H | head -1 > /run/t/pipe.log
                    expect 'a closed pipe ends a watch' has pipe 'ringctl watch'
                    # A new pair takes the old one's place, and answers in it.
                    mv /run/t/pair.log /run/t/old.log
                    pid_old=$pid_pair
                    start pair netbackd pair --bridge xenbr0 --handover \\
                        --hypervisor emulated:$M/dom1 --crash-reports /run/t/crash
                    wait $pid_old
                    until_ok ringctl metrics $H
                    asks events 'hands over on purpose'
                    until_ok ringctl check $H
                    whole g1
                    stop pair TERM 0
                    stop machine TERM 0
                    """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }

        @Test("a pair that is stopped whole is still seen into")
        func hung() throws {
            let result = try MachineScript.run(
                Self.scene + """
                    members="$(pgrep -P $pid_pair)"
                    kill -STOP $pid_pair $members
                    ip netns exec g1 ping -q -c 1 -W 1 10.9.0.1 > /run/t/lost.log
                    finds 'explain 2.0' 'WRONG  queue 0 Tx: .* requests wait and none was answered'
                    finds check 'vif2.0 queue 0 Tx: [0-9]* requests wait and none is answered'
                    asks list "no-progress *process $(primary) "
                    asks 'journal 2.0' 'Tx published'
                    asks 'events' 'stands by'
                    kill -CONT $members $pid_pair
                    until_ok pings 1
                    # A guest that takes nothing: too few buffers are left for the largest packet.
                    kill -STOP $pid_g1
                    ping -q -i 0.002 -c 400 -W 1 10.9.0.11 > /run/t/lost.log
                    finds 'explain 2.0' 'WRONG  queue 0 Rx: 17 buffers .* largest packet needs 18'
                    kill -CONT $pid_g1
                    until_ok pings 1
                    whole g1
                    stop pair TERM 0
                    stop machine TERM 0
                    """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }

        @Test("a takeover is told afterwards, and the report of the death is looked into")
        func dead() throws {
            let result = try MachineScript.run(
                Self.scene + """
                    old=$(primary)
                    ip netns exec g1 ping -q -c 50 -i 0.01 10.9.0.1 > /run/t/long.log &
                    sleep 0.1
                    kill -KILL $old
                    wait $!
                    until_ok ringctl check $H
                    asks events "the primary $old ended: signal 9"
                    asks events 'takeover by 2 workers (signal 9)'
                    asks journal "evidence of process $old"
                    # Who takes packets to guests runs before others only while there are few.
                    policy() {
                        local thread=$(grep -lx netback-rx0 /proc/$(primary)/task/*/comm)
                        chrt -p "$(basename $(dirname $thread))" | grep -q "policy: SCHED_$1"
                    }
                    ip netns exec g1 ping -q -f -w 20 10.9.0.1 > /run/t/flood.log &
                    until_ok policy OTHER
                    kill $!
                    sleep 0.1
                    ip netns exec g1 ping -q -c 3 -i 0.05 10.9.0.1 > /run/t/few.log
                    ! chrt -f 1 true || until_ok policy FIFO
                    report=$(echo /run/t/crash/*-$old)
                    expect "$report is there" test -f $report/state
                    asks reports "^${report##*/}$"
                    H="--report $report"
                    asks list 'vif2.0'
                    asks check 'every rule holds'
                    asks 'dump 2.0' 'rsp_prod_pvt'
                    asks 'events --log' 'log: level=info msg=shadow'
                    head -c 300000 $report/state > /run/t/cut; mv /run/t/cut $report/state
                    finds check 'bytes are missing and read as zero'
                    finds 'capture 2.0 -w /run/t/no' 'a report has no packets'
                    H='--report /run/t'
                    finds list 'is no crash report'
                    whole g1
                    stop pair TERM 0
                    stop machine TERM 0
                    """)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }
    }
}
