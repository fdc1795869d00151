// SPDX-License-Identifier: Apache-2.0

/// Copies of a backend's memory and rings by name: `state`, `about`, `log`, `ring-SLOT-tx`,
/// `ring-SLOT-rx`. A folder has them, or a driver domain that is asked.
protocol StateFiles {
    /// Whether reading again gives something newer.
    var isLive: Bool { get }

    /// One of them; nil when there is none of that name.
    ///
    /// - Throws: `Complaint` when it cannot be read.
    func read(_ name: String) throws -> [UInt8]?
}
