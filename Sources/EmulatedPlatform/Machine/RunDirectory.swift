// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform

/// The directory of one running machine, which nobody else uses meanwhile. What a dead machine
/// left there is removed first; only folders and sockets of a machine are ever touched.
struct RunDirectory: ~Copyable {
    let path: String
    /// Locked for as long as it is open, whichever way the process ends.
    private let lock: OwnedDescriptor
    private let isOurs: Bool

    /// - Throws: `PlatformError` with EWOULDBLOCK while a live machine uses the directory.
    init(_ path: String) throws(PlatformError) {
        let isOurs = unsafe mkdir(path, 0o700) == 0
        guard isOurs || errno == EEXIST else { throw PlatformError("mkdir", errno: errno) }
        let lock = OwnedDescriptor(taking: unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        guard lock.number >= 0 else { throw PlatformError("open", errno: errno) }
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else {
            throw PlatformError("flock", errno: errno)
        }
        self.path = path
        self.lock = lock
        self.isOurs = isOurs
        removeFolders()
    }

    deinit {
        removeFolders()
        if isOurs { unsafe rmdir(path) }
    }

    /// Makes a domain's folder, which only our user may enter.
    func addFolder(of domain: DomainID) throws(PlatformError) -> MachineSockets {
        let sockets = MachineSockets(of: domain, in: path)
        guard unsafe mkdir(sockets.folder, 0o700) == 0 else {
            throw PlatformError("mkdir", errno: errno)
        }
        return sockets
    }

    /// Removes a domain's folder with its sockets.
    func removeFolder(of domain: DomainID) {
        let sockets = MachineSockets(of: domain, in: path)
        unsafe unlink(sockets.hypervisor)
        unsafe unlink(sockets.store)
        unsafe rmdir(sockets.folder)
    }

    private func removeFolders() {
        guard let stream = unsafe opendir(path) else { return }
        defer { unsafe closedir(stream) }
        var found: [DomainID] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: the kernel ends the name with a zero byte; it is copied at once.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name.hasPrefix("dom"), let id = UInt16(name.dropFirst(3)) {
                found.append(DomainID(id))
            }
        }
        for domain in found { removeFolder(of: domain) }
    }
}
