// SPDX-License-Identifier: Apache-2.0

/// Runs a shell script around a machine, a driver domain and guests, all in its namespaces.
enum MachineScript {
    /// Shell functions; what they start is in `pid_NAME` and logs to /run/t/NAME.log.
    private static let functions = """
        M=/run/t/m
        # start NAME PROGRAM...: returns when it has said that it is ready
        start() {
            local name=$1 word=; shift
            rm -f /run/t/ready; mkfifo /run/t/ready
            "$@" --ready-fd 9 >> /run/t/$name.log 2>&1 9> /run/t/ready &
            eval "pid_$name=$!"
            read -r -t 15 word < /run/t/ready || fail "$name did not start: $(cat /run/t/$name.log)"
        }
        # stop NAME SIGNAL CODE: it ends with that code
        stop() {
            eval "kill -$2 \\$pid_$1; wait \\$pid_$1" 2> /run/t/wait
            same "exit code of $1" $? $3
        }
        machine() { start machine emuxen machine --dir $M --domain netdd:16; }
        backend() {
            start backend netbackd run --bridge xenbr0 --create-bridge \\
                --hypervisor emulated:$M/dom1 "$@"
            ip address replace 10.9.0.1/24 dev xenbr0
        }
        # guest NUMBER OPTION...: guest gN, a domain of its own, with eth0 at 10.9.0.1N
        guest() {
            local number=$1; shift
            start g$number emuxen guest --dir $M --name g$number --backend netdd \\
                --vif mac=00:16:3e:00:00:0$number,ip=10.9.0.1$number/24 "$@"
        }
        # pings NUMBER [ADDRESS]: from a guest, by default to the driver domain; none is lost
        pings() {
            ip netns exec g$1 ping -n -q -c 5 -i 0.02 -W 2 ${2:-10.9.0.1} > /run/t/ping &&
                grep -q ' 0% packet loss' /run/t/ping
        }
        store() {
            XENSTORED_PATH=$M/dom0/xenstored.sock xenstore-read "$1" 2> /run/t/no || echo gone
        }
        # states DOMAIN/DEVICE...: of the backend, then of the frontend
        states() {
            local vif
            for vif; do
                echo $(store /local/domain/1/backend/vif/$vif/state)$(
                    store /local/domain/${vif%/*}/device/vif/${vif#*/}/state)
            done | xargs
        }
        has() { grep -q -- "$2" /run/t/$1.log; }
        sorted() { links | sort | xargs; }
        # whole NAME...: these guests end well, and no rule was broken under them
        whole() {
            local name
            for name; do
                stop $name TERM 0
                expect "$name: $(cat /run/t/$name.log)" has $name 'broken=no$'
                refuse "$name: $(cat /run/t/$name.log)" has $name 'broken=[^n]'
            done
        }

        """

    /// Runs `body`; the result holds every log when an expectation failed.
    static func run(_ body: String) throws -> ProgramRun.Result {
        try ProgramRun.script(
            functions + body + "\n[ $failures = 0 ] || tail -n 30 /run/t/*.log")
    }
}
