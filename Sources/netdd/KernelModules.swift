// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc

/// The kernel modules in the image, as `boot/build-image` lays them out: a folder for each
/// purpose, files named so that sorting them puts what others need first.
enum KernelModules {
    /// Without these nothing is served.
    static let needed = "/lib/netdd/modules"
    /// One folder for each network card's driver, named after it.
    static let drivers = "/lib/netdd/drivers"

    /// Loads every module of a folder; one that is there already is fine.
    ///
    /// - Throws: `Complaint` naming the module.
    static func load(from folder: String) throws {
        for file in try SystemFile.names(in: folder) where file.hasSuffix(".ko") {
            try load(file: "\(folder)/\(file)")
        }
    }

    private static func load(file: String) throws {
        let descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Complaint("\(file) cannot be opened: errno \(errno)", remedy: nil)
        }
        defer { close(descriptor) }
        guard clinux_load_module(descriptor) != 0, errno != EEXIST else { return }
        throw Complaint(
            "\(file) cannot be loaded: \(unsafe String(cString: strerror(errno)))",
            remedy: "the image's kernel and modules must be of one version")
    }
}
