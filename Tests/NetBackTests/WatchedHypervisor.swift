// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform

/// One worker's handles. Nil when the backend's process is dead: its mappings and ports are undone.
final class WorkerHandles {
    var hypervisor: InProcessHypervisor?

    init(_ hypervisor: consuming InProcessHypervisor) { self.hypervisor = consume hypervisor }
}

/// What a backend asked of the hypervisor through all its handles, and which of it is to fail.
final class HypervisorLog {
    var mapCount = 0
    var unmapCount = 0
    var bindCount = 0
    var adoptCount = 0
    var unbindCount = 0
    var copyCount = 0
    var batchCount = 0
    var notifyCount = 0
    var eventCount = 0
    var unmaskCount = 0
    /// The copies, counted from the start, that fail.
    var failingCopies: Set<Int> = []
    /// What the next batch of copies fails with as a whole.
    var batchFailure: PlatformError?
    /// Called after each batch of copies: the guest's chance to write where it should not.
    var afterCopy: (() -> Void)?
    /// Called before a port is unmasked: the guest's last chance to send unnoticed.
    var beforeUnmask: (() -> Void)?

    /// Everything asked for.
    var operationCount: Int {
        mapCount + unmapCount + bindCount + adoptCount + unbindCount + copyCount
            + notifyCount + eventCount
    }
}

/// The machine's hypervisor, watched.
struct WatchedHypervisor: Hypervisor, ~Copyable {
    let log: HypervisorLog
    let handles: WorkerHandles

    private static var dead: PlatformError { PlatformError("dead", errno: 9) }

    mutating func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages {
        guard let pages = try handles.hypervisor?.map(reference, of: domain) else {
            throw Self.dead
        }
        log.mapCount += 1
        return pages
    }

    mutating func unmap(_ pages: consuming MappedPages) throws(PlatformError) {
        log.unmapCount += 1
        if handles.hypervisor == nil { return pages.relinquish() }
        try handles.hypervisor?.unmap(pages)
    }

    mutating func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        if let failure = log.batchFailure {
            log.batchFailure = nil
            throw failure
        }
        try handles.hypervisor?.copy(&batch, direction, arena: arena)
        log.batchCount += 1
        for position in 0..<batch.count {
            if log.failingCopies.contains(log.copyCount) { batch.setStatus(-1, at: position) }
            log.copyCount += 1
        }
        log.afterCopy?()
    }

    mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        guard let port = try handles.hypervisor?.bindInterdomain(remote, of: domain) else {
            throw Self.dead
        }
        log.bindCount += 1
        return port
    }

    mutating func adopt(_ port: EventChannelPort) throws(PlatformError) {
        guard handles.hypervisor != nil else { throw Self.dead }
        try handles.hypervisor?.adopt(port)
        log.adoptCount += 1
    }

    mutating func disown(_ port: EventChannelPort) throws(PlatformError) {
        try handles.hypervisor?.disown(port)
    }

    mutating func unbind(_ port: EventChannelPort) throws(PlatformError) {
        log.unbindCount += 1
        try handles.hypervisor?.unbind(port)
    }

    mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        log.notifyCount += 1
        try handles.hypervisor?.notify(port)
    }

    mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        let port = try handles.hypervisor?.nextPending()
        if port != nil { log.eventCount += 1 }
        return port
    }

    mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {
        log.beforeUnmask?()
        log.unmaskCount += 1
        try handles.hypervisor?.unmask(port)
    }
}
