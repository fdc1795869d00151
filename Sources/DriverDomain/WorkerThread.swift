// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import HostNetwork
import NetBack
import Platform
import XenPlatform

/// A hypervisor whose pending event channels can be waited for.
protocol WaitableHypervisor: Hypervisor, ~Copyable {
    /// Readable when a port is pending.
    var descriptor: Int32 { get }
}

extension XenHypervisor: WaitableHypervisor {}
extension EmulatedHypervisor: WaitableHypervisor {}

/// One worker: a thread with handles, halves of queues and scratch memory of its own.
struct WorkerThread<H: WaitableHypervisor & ~Copyable>: ~Copyable {
    /// Frames of guests that never announce their buffers are tried again after this long, as
    /// Linux's backend does.
    private static var pollMilliseconds: Int32 { 30 }
    /// Number of the event-channel descriptor in the poller, then the mailbox, then the Rx halves.
    private static var channelsNumber: UInt64 { 0 }
    private static var mailboxNumber: UInt64 { 1 }
    private static var firstHalfNumber: UInt64 { 2 }

    private var worker: Worker<H, TapDevice>
    private let poller: Poller
    private let requests: Mailbox<WorkerRequest>
    private let replies: Mailbox<WorkerReply>
    private let turn: (inout Worker<H, TapDevice>) -> Bool
    /// What Tx halves write through; made with the first, nil where the kernel does not allow it.
    private var ring: TapRing?
    private var isRingTried = false
    /// The descriptors of Rx halves' TAPs, which belong to these.
    private var waited: [QueueHalf: Int32] = [:]
    /// What the thread leaves to others, nil while it has no priority over them.
    private var share: ProcessorShare?
    private var isStopping = false

    init(
        hypervisor: consuming H, requests: Mailbox<WorkerRequest>,
        replies: Mailbox<WorkerReply>, turn: @escaping (inout Worker<H, TapDevice>) -> Bool
    ) throws(PlatformError) {
        let poller = try Poller()
        try poller.add(hypervisor.descriptor, number: Self.channelsNumber)
        try poller.add(requests.descriptor, number: Self.mailboxNumber)
        self.poller = poller
        worker = Worker(hypervisor: hypervisor)
        self.requests = requests
        self.replies = replies
        self.turn = turn
    }

    /// Takes priority over every normal thread of the domain, where that is allowed, and gives
    /// way to them by `share`. The receiver of a frame that this thread hands to the host would
    /// otherwise often take the processor at once, and packets would go one by one.
    mutating func takePriority(leaving share: ProcessorShare) {
        if clinux_set_fifo(1) == 0 {
            self.share = share
        } else {
            replies.post(.note("no real-time priority for packets from guests: errno \(errno)"))
        }
    }

    /// Serves until told to stop; either way every queue is closed at the end.
    ///
    /// - Throws: when the poller or the event-channel device failed.
    mutating func run() throws(PlatformError) {
        replies.post(.started)
        do throws(PlatformError) {
            try serve()
        } catch {
            worker.closeAll()
            throw error
        }
        worker.closeAll()
    }

    private mutating func serve() throws(PlatformError) {
        var hasMore = false
        var lastPoll = ContinuousClock.now
        while !isStopping {
            let isPolling = worker.needsPolling
            let patience: Int32 = hasMore ? 0 : (isPolling ? Self.pollMilliseconds : -1)
            let ready = try poller.wait(milliseconds: patience)
            // By the clock: other queues' traffic must not put a poll off.
            if isPolling, lastPoll.duration(to: .now) >= .milliseconds(Self.pollMilliseconds) {
                worker.unblockReceive()
                lastPoll = .now
            }
            for position in 0..<ready {
                let number = poller.number(at: position)
                switch number {
                case Self.channelsNumber: try worker.takeEvents()
                case Self.mailboxNumber: takeRequests()
                default: worker.portIsReadable(Int(number - Self.firstHalfNumber))
                }
            }
            hasMore = turn(&worker)
            if share?.isLookDue() ?? false { rest() }
            while let fault = worker.takeFault() { replies.post(.half(fault)) }
        }
    }

    private mutating func rest() {
        let now = Instant(nanoseconds: Self.clock(CLOCK_MONOTONIC))
        let used = Self.clock(CLOCK_THREAD_CPUTIME_ID)
        let owed = share?.rest(at: now, used: used) ?? 0
        guard owed > 0 else { return }
        // Below a second, as the longest rest is. A signal may cut it short.
        var time = timespec(tv_sec: 0, tv_nsec: Int(owed))
        _ = unsafe nanosleep(&time, nil)
    }

    private static func clock(_ id: clockid_t) -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(id, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private mutating func takeRequests() {
        for request in requests.takeAll() {
            switch request {
            case .open(let opening, .transmit, let tap): openTransmit(opening, tap: tap)
            case .open(let opening, .receive, let tap): openReceive(opening, tap: tap)
            case .close(let half): close(half)
            case .disable(let half): worker.disable(half)
            case .tellStatistics:
                worker.forEachHalf { half, statistics in
                    replies.post(.statistics(half, statistics))
                }
            case .stop: isStopping = true
            }
        }
    }

    private mutating func openTransmit(_ opening: QueueOpening, tap: Int32) {
        let half = QueueHalf(opening.id, .transmit)
        openRing()
        do throws(QueueFault) {
            try worker.openTransmit(opening, port: TapDevice(taking: tap, ring: ring))
            replies.post(.half(.opened(half)))
        } catch {
            replies.post(.half(.openFailed(half, reason: "\(error)")))
        }
    }

    private mutating func openReceive(_ opening: QueueOpening, tap: Int32) {
        let half = QueueHalf(opening.id, .receive)
        do throws(QueueFault) {
            let number = try worker.openReceive(opening, port: TapDevice(taking: tap))
            do throws(PlatformError) {
                // Edge-triggered: the half remembers that its port is readable until it is empty.
                try poller.add(
                    tap, number: Self.firstHalfNumber + UInt64(number), edgeTriggered: true)
            } catch {
                _ = worker.close(half)
                throw .platform(error)
            }
            waited[half] = tap
            replies.post(.half(.opened(half)))
        } catch {
            replies.post(.half(.openFailed(half, reason: "\(error)")))
        }
    }

    private mutating func close(_ half: QueueHalf) {
        // The Tx half has a descriptor of the same TAP, which would keep this one in the poller.
        if let tap = waited.removeValue(forKey: half) { poller.remove(tap) }
        replies.post(.half(.closed(half, worker.close(half))))
    }

    private mutating func openRing() {
        guard !isRingTried else { return }
        isRingTried = true
        do throws(PlatformError) {
            ring = try TapRing()
        } catch {
            replies.post(.note("frames are written to TAPs one by one: \(error)"))
        }
    }
}
