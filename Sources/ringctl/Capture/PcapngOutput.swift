// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc

/// Where a capture is written to.
final class PcapngOutput {
    private let descriptor: Int32
    private let name: String

    /// Makes the file; `-` is standard output, which must not be a terminal.
    init(_ path: String) throws {
        name = path == "-" ? "standard output" : path
        guard path != "-" else {
            guard isatty(1) == 0 else {
                throw Complaint(
                    "a capture is not for a terminal", remedy: "pipe it, or give -w FILE")
            }
            descriptor = dup(1)
            return
        }
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Complaint("\(path) cannot be written: errno \(errno)", remedy: nil)
        }
    }

    deinit { close(descriptor) }

    /// Writes what has been put together so far.
    func flush(_ writer: inout PcapngWriter) throws {
        var left = writer.bytes[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes {
                unsafe write(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else {
                throw Complaint("\(name) cannot be written: errno \(errno)", remedy: nil)
            }
            left = left.dropFirst(count)
        }
        writer.removeBytes()
    }
}
