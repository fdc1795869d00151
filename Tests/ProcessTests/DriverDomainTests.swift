// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

extension AllPrograms {
    /// From `emuxen guest` through `netbackd run` to a bridge, and back.
    @Suite("a driver domain")
    struct DriverDomainTests {
        private func expectSuccess(_ body: String) throws {
            let result = try MachineScript.run(body)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }

        @Test("closes every vif at SIGTERM, and a successor clears away what the guests left")
        func closes() throws {
            try expectSuccess(
                """
                machine; backend; guest 1; guest 2
                expect "ping from g1 to g2" pings 1 10.9.0.12
                expect "ping from g2 to the host" pings 2
                same links "$(sorted)" "vif2.0 vif3.0 xenbr0"
                stop backend TERM 0
                same states "$(states 2/0 3/0)" "66 66"
                same "final counters" "$(grep -c 'msg="counters at close"' /run/t/backend.log)" 2
                same links "$(sorted)" ""
                backend
                whole g1 g2
                same "node of g1" "$(states 2/0)" gonegone
                stop backend TERM 0
                stop machine TERM 0
                """)
        }

        @Test("serves each direction by threads of its own, and guests' packets before all else")
        func threads() throws {
            try expectSuccess(
                """
                machine; backend --workers 2 --verbose; guest 1; guest 2; guest 3
                expect "ping from g1 to g2" pings 1 10.9.0.12
                expect "ping from g3 to the host" pings 3
                # name and scheduling class of the threads that serve packets
                threads() { ps -L -o comm=,cls= -p $pid_backend | grep '^netback-' | sort | xargs; }
                class=FF
                if has backend 'no real-time priority'; then class=TS; fi
                all="netback-rx0 $class netback-rx1 $class netback-tx0 $class netback-tx1 $class"
                # Those for packets to guests only while there are few.
                quietly() { pings 2 && [ "$(threads)" = "$all" ]; }
                expect "threads: $all" until_true 10 quietly
                whole g1 g2 g3
                same "final counters" "$(grep -c 'msg="counters at close"' /run/t/backend.log)" 3
                stop backend TERM 0
                """)
        }

        @Test("takes a changed configuration at SIGHUP for new connections only")
        func reloads() throws {
            try expectSuccess(
                """
                mount -t sysfs sysfs /sys
                of() { cat /sys/class/net/$1/$2; }
                echo mtu=1400 > /run/t/config
                machine; backend --config /run/t/config; guest 1
                same "first MTU" $(of vif2.0 mtu) 1400
                printf 'mtu=1300\\nqueue-length=77\\n' > /run/t/config
                kill -HUP $pid_backend
                expect "reloaded" until_true 5 has backend reloaded
                guest 2
                same MTUs "$(of vif2.0 mtu) $(of vif3.0 mtu)" "1400 1300"
                same "queue length" "$(of vif3.0 tx_queue_len)" 77
                echo mtu=1 > /run/t/config
                kill -HUP $pid_backend
                expect "not reloaded" until_true 5 has backend \\
                    'not reloaded: mtu 1 is out of range'
                expect "ping from g1 to g2" pings 1 10.9.0.12
                kill -USR1 $pid_backend
                expect "counters" until_true 5 has backend 'vif3.0 .*msg=counters .*tx_packets='
                whole g1 g2
                """)
        }

        @Test("is rid of a guest that was killed, and the others do not notice")
        func killedGuest() throws {
            try expectSuccess(
                """
                machine; backend; guest 1; guest 2
                stop g1 KILL 137
                expect "ping before" pings 2
                expect destroy emuxen destroy --dir $M g1
                same "node of g1" "$(states 2/0)" gonegone
                same links "$(sorted)" "vif3.0 xenbr0"
                expect "ping after" pings 2
                same states "$(states 3/0)" 44
                whole g2
                """)
        }

        @Test("that was killed takes connected guests over, each with two vifs, as it starts again")
        func reattaches() throws {
            try expectSuccess(
                """
                ip link add xenbr1 type bridge
                ip address add 10.9.1.1/24 dev xenbr1
                ip link set xenbr1 up
                machine; backend
                for n in 1 2; do
                    guest $n --vif mac=00:16:3e:00:01:0$n,bridge=xenbr1,ip=10.9.1.1$n/24
                done
                all() {
                    expect "$1: g1 to g2" pings 1 10.9.0.12
                    expect "$1: g2 to g1, second vif" pings 2 10.9.1.11
                    expect "$1: g1 to the host" pings 1
                    expect "$1: g2 to the host, second vif" pings 2 10.9.1.1
                }
                all before
                stop backend KILL 137
                same states "$(states 2/0 2/1 3/0 3/1)" "44 44 44 44"
                same links "$(sorted)" "xenbr0 xenbr1"
                refuse "no ping without a backend" pings 1
                backend
                expect "four vifs" until_true 10 \\
                    eval '[ "$(sorted)" = "vif2.0 vif2.1 vif3.0 vif3.1 xenbr0 xenbr1" ]'
                expect "g1 is back" until_true 10 pings 1
                expect "g2 is back" until_true 10 pings 2
                all after
                same states "$(states 2/0 2/1 3/0 3/1)" "44 44 44 44"
                same "taken over" "$(grep -c 'appeared.*state=4' /run/t/backend.log)" 4
                whole g1 g2
                stop backend TERM 0
                same "a bridge that was there stays" "$(sorted)" "xenbr0 xenbr1"
                """)
        }

        @Test("is replaced under traffic with --detach-at-exit, and no guest sees a state change")
        func detaches() throws {
            try expectSuccess(
                """
                written() { grep -o 'msg=state=[0-9]*' /run/t/backend.log | cut -d= -f3 | xargs; }
                machine; backend --detach-at-exit; guest 1; guest 2
                ip netns exec g1 ping -n -q -i 0.02 10.9.0.12 > /run/t/steady.log &
                steady=$!
                expect "ping before" pings 2
                stop backend TERM 0
                expect "said" has backend 'left connected for the next netbackd.*vifs=2'
                same states "$(states 2/0 3/0)" "44 44"
                same "the bridge that was made stays" "$(sorted)" xenbr0
                refuse "no ping without a backend" pings 1
                backend
                expect "g1 is back" until_true 10 pings 1
                expect "g2 is back" until_true 10 pings 2
                kill -INT $steady; wait $steady
                refuse "nothing came back: $(cat /run/t/steady.log)" has steady ' 100% packet loss'
                same states "$(states 2/0 3/0)" "44 44"
                same "states written" "$(written)" "2 4 2 4 4 4"
                whole g1 g2
                stop backend TERM 0
                same "a bridge that was found stays" "$(sorted)" xenbr0
                """)
        }

        @Test("serves on while xenstore is gone, and takes up what changed when it is back")
        func storeLoss() throws {
            try expectSuccess(
                """
                xenstored() { expect "store $1" emuxen store $1 --dir $M netdd; }
                machine; backend --verbose; guest 1; guest 2
                # From before the outage to after it.
                ip netns exec g1 ping -n -q -c 300 -i 0.02 10.9.0.1 > /run/t/steady.log &
                steady=$!
                expect "ping before" pings 2
                xenstored stop
                expect "told" until_true 10 has backend 'level=warning msg="xenstore is gone: '
                expect "ping meanwhile" pings 1
                # One guest goes and another comes, and nobody tells netbackd.
                stop g2 KILL 137
                emuxen destroy --dir $M --timeout 0 g2 > /run/t/destroy.log 2>&1
                start g3 emuxen guest --dir $M --name g3 --backend netdd \\
                    --vif mac=00:16:3e:00:00:03,ip=10.9.0.13/24 &
                expect "ping meanwhile" pings 1
                expect "it tries again and again" until_true 10 has backend 'pause_ms=800'
                same "told once" "$(grep -c 'xenstore is gone' /run/t/backend.log)" 1
                refuse "nothing is reported as an error" has backend level=error
                xenstored start
                expect "back" until_true 10 has backend 'msg="xenstore is back"'
                expect "g3 is served" until_true 10 eval '[ "$(states 4/0)" = 44 ]'
                expect "g2 is gone" until_true 10 eval '[ "$(sorted)" = "vif2.0 vif4.0 xenbr0" ]'
                expect "ping from g1 to g3" pings 1 10.9.0.13
                wait $steady
                expect "ping all the while: $(cat /run/t/steady.log)" has steady ' 0% packet loss'
                expect detach emuxen detach --dir $M --guest g1
                same links "$(sorted)" "vif4.0 xenbr0"
                # Gone again, and then asked to end.
                xenstored stop
                expect "told again" until_true 10 \\
                    eval '[ "$(grep -c "xenstore is gone" /run/t/backend.log)" = 2 ]'
                stop backend TERM 1
                expect "sentence" has backend 'xenstore is gone and 1 vifs could not be closed: '
                same "g3 is left connected" "$(states 4/0)" 44
                xenstored start
                backend
                expect "g3 is served on" until_true 10 ip netns exec g3 ping -n -q -c 1 10.9.0.1
                """)
        }

        @Test("ends in bounded time though xenstore never answers, and its successor serves on")
        func hangingStore() throws {
            try expectSuccess(
                """
                machine; backend; guest 1
                expect "ping before" pings 1
                # In the store's place comes one that takes connections and is silent.
                expect "store stop" emuxen store stop --dir $M netdd
                expect "told" until_true 10 has backend 'xenstore is gone'
                start silent emuxen machine --dir /run/t/m2 --domain netdd:16
                kill -STOP $pid_silent
                ln -s /run/t/m2/dom1/xenstored.sock $M/dom1/xenstored.sock
                # The longest pause between two attempts is five seconds.
                sleep 6
                expect "packets need no store" pings 1
                stop backend TERM 1
                expect "sentence" has backend 'level=critical msg="xenstore or the hypervisor does'
                rm $M/dom1/xenstored.sock
                kill -CONT $pid_silent
                expect "store start" emuxen store start --dir $M netdd
                same states "$(states 2/0)" 44
                backend
                expect "g1 is served on" until_true 10 pings 1
                whole g1
                """)
        }

        @Test("is not ready before each worker has its handles")
        func workersFirst() throws {
            try expectSuccess(
                """
                machine
                # A domain has 64 connections to its machine, of which some are in use.
                ip netns add other
                start other ip netns exec other netbackd run --bridge b0 --create-bridge \\
                    --workers 4 --hypervisor emulated:$M/dom1
                timeout -s KILL 20 netbackd run --bridge xenbr0 --create-bridge --workers 64 \\
                    --hypervisor emulated:$M/dom1 --ready-fd 9 2> /run/t/many.log 9> /run/t/word
                same "exit code" $? 1
                same "nothing was said to be ready" "$(cat /run/t/word)" ""
                refuse "nothing is served" has many msg=serving
                expect "sentence" has many '^Error: '
                same links "$(sorted)" ""
                """)
        }

        @Test("serves a frontend that closes first, and one with a single event channel")
        func otherFrontends() throws {
            try expectSuccess(
                """
                machine; backend; guest 1 --closes-first; guest 2 --single-channel
                expect "ping from g1 to g2" pings 1 10.9.0.12
                expect "ping from g2 to g1" pings 2 10.9.0.11
                expect "ping from g1 to the host" pings 1
                expect "g1 closed first" has backend 'vif2.0 .*state=6'
                same "channel of both rings" \\
                    "$(store /local/domain/3/device/vif/0/event-channel-tx)" gone
                whole g1 g2
                stop backend TERM 0
                """)
        }

        @Test("refuses nonsense in a frontend's nodes, says why, and others are served on")
        func nonsense() throws {
            try expectSuccess(
                """
                machine; backend; guest 1; guest 2
                ip netns exec g1 ping -n -q -c 75 -i 0.02 10.9.0.12 > /run/t/steady.log &
                steady=$!
                bad=$(emuxen create bad:4 --dir $M)
                # nonsense DEVICE REASON KEY VALUE: a frontend that connects with this
                nonsense() {
                    local device=$1 reason=$2; shift 2
                    local front=/local/domain/$bad/device/vif/$device
                    local error=/local/domain/1/error/backend/vif/$bad/$device/error
                    expect attach emuxen attach --dir $M --guest bad --backend netdd \\
                        --device $device --mac 00:16:3e:00:00:09
                    set -- tx-ring-ref 8 rx-ring-ref 9 event-channel 5 request-rx-copy 1 \\
                        "$@" state 4
                    while [ $# -gt 0 ]; do
                        expect "write $1" env XENSTORED_PATH=$M/dom$bad/xenstored.sock \\
                            xenstore-write -- $front/$1 "$2"
                        shift 2
                    done
                    expect "error of $device" until_true 5 eval '[ "$(store '$error')" != gone ]'
                    case "$(store $error)" in *$reason*) ;; *) fail "$(store $error)" ;; esac
                    expect "closing $device" until_true 5 \\
                        eval '[ "$(states '$bad/$device')" = 54 ]'
                }
                nonsense 0 tx-ring-ref tx-ring-ref banana
                nonsense 1 rx-ring-ref rx-ring-ref -1
                nonsense 2 event-channel event-channel 99999999999999999999
                nonsense 3 GNTTABOP_map_grant_ref tx-ring-ref 4294967295
                nonsense 4 request-rx-copy request-rx-copy 0
                nonsense 5 "1000000 queues" multi-queue-num-queues 1000000
                nonsense 6 event-channel-tx event-channel-tx ""
                wait $steady
                expect "ping meanwhile: $(cat /run/t/steady.log)" has steady ' 0% packet loss'
                same states "$(states 2/0 3/0)" "44 44"
                expect destroy emuxen destroy --dir $M bad
                same links "$(sorted)" "vif2.0 vif3.0 xenbr0"
                whole g1 g2
                """)
        }

        @Test("has one backend: a second one is refused and disturbs nobody")
        func onlyOne() throws {
            try expectSuccess(
                """
                machine; backend; guest 1
                netbackd run --bridge xenbr0 --hypervisor emulated:$M/dom1 2> /run/t/second.log
                same "exit code" $? 1
                expect "sentence" has second \\
                    'Error: another netbackd serves this domain: stop it first'
                expect "ping" pings 1
                same states "$(states 2/0)" 44
                whole g1
                """)
        }

        @Test("ends with a sentence and without its links when the machine is gone")
        func machineGone() throws {
            try expectSuccess(
                """
                machine; mv $M/dom1/hypervisor.sock $M/dom1/hidden
                netbackd run --bridge xenbr0 --create-bridge \\
                    --hypervisor emulated:$M/dom1 2> /run/t/early.log
                same "exit code" $? 1
                expect "sentence" has early 'Error: the hypervisor cannot be reached: '
                refuse "nothing is served" has early msg=serving
                same links "$(sorted)" ""
                mv $M/dom1/hidden $M/dom1/hypervisor.sock
                backend; guest 1
                stop machine KILL 137
                wait $pid_backend
                same "exit code" $? 1
                expect "sentence" has backend 'dom1/hypervisor.sock has ended, start it'
                same links "$(sorted)" ""
                """)
        }

        @Test("uses no processor time while its guests are idle")
        func idle() throws {
            try expectSuccess(
                """
                ticks() {
                    local all
                    read -r all < /proc/$pid_backend/stat
                    set -- ${all##*) }
                    echo $((${12} + ${13}))
                }
                machine; backend; guest 1; guest 2
                expect "ping from g1 to g2" pings 1 10.9.0.12
                sleep 1
                before=$(ticks)
                sleep 10
                used=$(($(ticks) - before))
                [ $used -le 5 ] || fail "$used clock ticks in 10 s of idleness"
                """)
        }
    }
}
