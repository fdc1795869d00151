// SPDX-License-Identifier: Apache-2.0
import Glibc
import NetBack
import Platform

/// Where crash reports are kept: so many of them, and so many bytes of all together.
struct CrashReportFolder: Sendable {
    /// The folder; made when the first report is written.
    let root: String
    /// Reports that are kept.
    let countMax: Int
    /// Bytes that all of them may have together.
    let byteCountMax: Int

    /// What reads a ring's page: its 4096 bytes, nil when it cannot be had.
    typealias RingReader = (GrantReference, DomainID) -> [UInt8]?

    /// What a report under way is called; nobody looks at hidden names.
    private static let hiddenPrefix = ".tmp-"
    /// After so many seconds, whoever wrote such a one is gone.
    private static let hiddenSecondsMax = 60

    /// Takes the parts as they are.
    init(root: String, countMax: Int = 8, byteCountMax: Int = 64 << 20) {
        self.root = root
        self.countMax = max(countMax, 1)
        self.byteCountMax = byteCountMax
    }

    /// Writes a report, and removes the oldest ones before it.
    ///
    /// - Returns: the name of its folder below the root.
    /// - Throws: `Complaint` naming what could not be written; then nothing of it is there.
    func write(
        _ report: CrashReport, of region: StateRegion, ring: RingReader
    ) throws(Complaint) -> String {
        let (state, name) = (region.inspectedBytes, report.name)
        let log = Array(region.view.log.lines.map { $0 + "\n" }.joined().utf8)
        let rings = Self.rings(in: region.journal)
        // What `about` may have, generously.
        let smallest = state.count + log.count + PageArena.pageSize
        guard smallest <= byteCountMax else {
            throw Complaint(
                "a crash report of \(smallest) bytes is not kept, \(byteCountMax) are allowed",
                remedy: nil)
        }
        let whole = smallest + rings.count * PageArena.pageSize
        let hasRings = whole <= byteCountMax
        try make(root)
        makeRoom(for: hasRings ? whole : smallest, at: report.seconds)
        let hidden = "\(root)/\(Self.hiddenPrefix)\(name)"
        // What is left of one that was interrupted within this second.
        Self.remove(hidden)
        do throws(Complaint) {
            guard unsafe mkdir(hidden, 0o700) == 0 else { throw Self.complaint(hidden) }
            try Self.write(state, to: "\(hidden)/state")
            try Self.write(log, to: "\(hidden)/log")
            var count = 0
            for entry in hasRings ? rings : [] {
                guard let bytes = ring(entry.reference, entry.domain),
                    bytes.count == PageArena.pageSize
                else { continue }
                try Self.write(bytes, to: "\(hidden)/\(entry.name)")
                count += 1
            }
            let about = report.about(
                domain: region.journal.domain, rings: hasRings ? count : nil)
            try Self.write(Array(about.utf8), to: "\(hidden)/about")
            guard unsafe rename(hidden, "\(root)/\(name)") == 0 else {
                throw Self.complaint("\(root)/\(name)")
            }
        } catch {
            Self.remove(hidden)
            throw error
        }
        return name
    }

    private static func rings(
        in journal: Journal<some Any>
    ) -> [(name: String, reference: GrantReference, domain: DomainID)] {
        (0..<journal.queueCount).flatMap { slot in
            guard let opening = journal.queue(slot).opening(slot: slot) else {
                return [(name: String, reference: GrantReference, domain: DomainID)]()
            }
            let domain = opening.id.vif.domain
            return [
                ("ring-\(slot)-tx", opening.configuration.transmitRing, domain),
                ("ring-\(slot)-rx", opening.configuration.receiveRing, domain),
            ]
        }
    }

    // MARK: room

    /// Removes the oldest reports until there is room for one more, and what interrupted writers
    /// left.
    private func makeRoom(for byteCount: Int, at seconds: Int) {
        let names = Self.names(in: root)
        for name in names where name.hasPrefix(Self.hiddenPrefix) {
            var status = stat()
            let path = "\(root)/\(name)"
            guard unsafe lstat(path, &status) == 0 else { continue }
            if seconds - Int(status.st_mtim.tv_sec) > Self.hiddenSecondsMax { Self.remove(path) }
        }
        var reports = names.filter(CrashReport.isName).map { "\(root)/\($0)" }[...]
        var sizes = reports.map(Self.byteCount)[...]
        var total = sizes.reduce(byteCount, Self.sum)
        while let oldest = reports.first, let size = sizes.first,
            reports.count >= countMax || total > byteCountMax
        {
            Self.remove(oldest)
            total -= size
            reports = reports.dropFirst()
            sizes = sizes.dropFirst()
        }
    }

    private static func sum(_ one: Int, _ other: Int) -> Int {
        let (sum, isOver) = one.addingReportingOverflow(other)
        return isOver ? .max : sum
    }

    private static func byteCount(of folder: String) -> Int {
        names(in: folder).reduce(0) { total, name in
            var status = stat()
            guard unsafe lstat("\(folder)/\(name)", &status) == 0 else { return total }
            return sum(total, Int(status.st_size))
        }
    }

    // MARK: files

    /// The names in a folder, hidden ones too; none for a link to one.
    private static func names(in folder: String) -> [String] {
        var status = stat()
        guard unsafe lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return []
        }
        return (try? SystemFile.names(in: folder, hidden: true)) ?? []
    }

    /// Removes a report, which has no folders within, as far as that can be done.
    private static func remove(_ folder: String) {
        for name in names(in: folder) { unsafe unlink("\(folder)/\(name)") }
        unsafe rmdir(folder)
    }

    private func make(_ folder: String) throws(Complaint) {
        guard unsafe mkdir(folder, 0o700) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = folder.lastIndex(of: "/"), slash > folder.startIndex
        else { throw Self.complaint(folder) }
        try make(String(folder[..<slash]))
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw Self.complaint(folder)
        }
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(Complaint) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe open(path, flags, 0o600)
        guard descriptor >= 0 else { throw complaint(path) }
        defer { close(descriptor) }
        var left = bytes[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw complaint(path) }
            left = left.dropFirst(count)
        }
    }

    private static func complaint(_ path: String) -> Complaint {
        let reason = unsafe String(cString: strerror(errno))
        return Complaint("\(path) cannot be written: \(reason)", remedy: nil)
    }
}
