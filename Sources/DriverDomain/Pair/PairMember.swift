// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostNetwork
public import Logging
import NetBack
import Platform
import StoreClient

/// One of the two processes of a pair: stands by while its sibling serves, and serves when it has
/// the sibling's locks. Which of the two it is, nobody tells it: the locks do.
public struct PairMember {
    private let options: DriverOptions
    private let pair: PairOptions
    private let logger: Logger

    /// Nothing is opened yet.
    public init(_ options: DriverOptions, _ pair: PairOptions, logger: Logger) {
        self.options = options
        self.pair = pair
        var logger = logger
        logger[metadataKey: "pid"] = "\(getpid())"
        self.logger = logger
    }

    private init(_ options: DriverOptions, _ pair: PairOptions, keeping logger: Logger) {
        self.options = options
        self.pair = pair
        self.logger = logger
    }

    /// Runs to the end of the process's part.
    ///
    /// - Parameter reload: called at SIGHUP for the options that new connections take.
    /// - Throws: `Complaint` when something needed is missing or failed.
    public func run(reload: () -> DriverOptions) throws {
        guard fcntl(MemberDescriptors.region, F_GETFD) >= 0 else {
            throw Complaint(
                "this is a part of `netbackd pair`", remedy: "run that: it starts its members")
        }
        let signals = try SignalThread(
            SignalQueue([SIGTERM, SIGINT, SIGHUP, SIGUSR1]), logger: logger
        ).signals
        signal(SIGPIPE, SIG_IGN)
        let region = try StateRegion(attachingTo: MemberDescriptors.region)
        region.prefault()
        ResidentMemory.mapProgram()
        let parent = MemberSocket(taking: MemberDescriptors.parent)
        let member = PairMember(options, pair, keeping: logger.keepingTail(in: region))
        do throws(PlatformError) {
            let workers = try member.standBy(region, parent, signals)
            try member.serve(workers, signals, reload: reload)
        } catch {
            throw Complaint("\(error)", remedy: Service.remedy(for: error, options.hypervisor))
        }
    }

    /// Holds what the sibling serves, until that is this process's turn; ends the process when
    /// there is nothing to stand by for any more.
    private func standBy(
        _ region: StateRegion, _ parent: consuming MemberSocket, _ signals: Mailbox<Int32>
    ) throws(PlatformError) -> ServingWorkers {
        var pool = try WorkerPool(
            on: options.hypervisor, region: region,
            channels: PairHandles.inherited(
                workers: region.layout.workers, on: options.hypervisor
            ).channels)
        try pool.waitForWorkers()
        var table = QueueTable(region.journal)
        guard let starts = try waitForTurn(region, &pool, &table, parent, signals) else {
            // Workers may have their locks at this very moment. What they hold is a successor's
            // then, as after any death: closed here, it would be lost to the guests.
            leave()
        }
        for start in starts { logger.report(start) }
        return ServingWorkers(
            pool: pool, region: region, table: table, parent: parent,
            handles: .inherited(workers: region.layout.workers, on: options.hypervisor))
    }

    private func waitForTurn(
        _ region: StateRegion, _ pool: inout WorkerPool, _ table: inout QueueTable,
        _ parent: borrowing MemberSocket, _ signals: Mailbox<Int32>
    ) throws(PlatformError) -> [WorkerStart]? {
        var shadow = try ShadowControl(
            region: region, detection: pair.detection, pool: pool, parent: parent,
            signals: signals, logger: logger)
        guard case .serving(let starts) = try shadow.run(&pool, &table, parent: parent) else {
            return nil
        }
        parent.send(.serving)
        shadow.waitForPrimarysEnd()
        return starts
    }

    private func serve(
        _ workers: consuming ServingWorkers, _ signals: Mailbox<Int32>,
        reload: () -> DriverOptions
    ) throws(PlatformError) {
        switch options.storeClient {
        case .library: try serve(LibXenStore.self, workers, signals, reload: reload)
        case .wire: try serve(XenbusStore.self, workers, signals, reload: reload)
        }
    }

    private func serve<Store: WaitableStore & ~Copyable>(
        _ type: Store.Type, _ workers: consuming ServingWorkers, _ signals: Mailbox<Int32>,
        reload: () -> DriverOptions
    ) throws(PlatformError) {
        let network = try openNetwork()
        waitForStore(type)
        var driver = try Driver(
            options: options, store: try Store.connect(options.hypervisor), network: network,
            signals: signals, workers: workers, logger: logger)
        logger.info("serving", metadata: ["bridge": "\(options.bridge)"])
        let ending = try driver.run(reload: reload)
        if ending == .handedOver {
            logger.info("handed over")
            leave()
        }
        driver.stop()
        logger.info("ended", metadata: ["vifs": "\(ending)"])
    }

    /// Ends the process as it is: whatever is left is the successor's, and nothing of it may be
    /// undone here.
    private func leave() -> Never {
        _exit(0)
    }

    private func openNetwork() throws(PlatformError) -> NetlinkSession {
        do throws(HostNetworkError) {
            return try NetlinkSession()
        } catch {
            throw PlatformError("netlink", errno: error.errno)
        }
    }

    /// Waits for the store to answer, however long that takes: packets flow meanwhile.
    private func waitForStore<Store: WaitableStore & ~Copyable>(_ type: Store.Type) {
        var pause = RetryPause()
        var isTold = false
        while let error = failure(of: type) {
            if !isTold {
                logger.warning("xenstore cannot be reached, packets flow on: \(error)")
            }
            isTold = true
            let nanoseconds = pause.next()
            var time = timespec(
                tv_sec: Int(nanoseconds / 1_000_000_000),
                tv_nsec: Int(nanoseconds % 1_000_000_000))
            _ = unsafe nanosleep(&time, nil)
        }
    }

    private func failure<Store: WaitableStore & ~Copyable>(
        of type: Store.Type
    ) -> PlatformError? {
        do throws(PlatformError) {
            _ = try Store.connect(options.hypervisor)
            return nil
        } catch {
            return error
        }
    }
}
