// SPDX-License-Identifier: Apache-2.0

/// How much of everything a domain may have.
enum MachineLimits {
    /// Ports, port 0 included, which is never used: the limit of Xen's 2-level ABI.
    static var portCount: Int { @_noAllocation @_noLocks get { 4096 } }
    /// Pages of the status words: the generation in word 0, word N says whether port N is bound.
    static var statusPageCount: Int { 4 }
    /// Pages of memory: 4 GiB.
    static var pageCountMax: Int { 1 << 20 }
    /// Connections to its `hypervisor.sock` at one time.
    static var connectionCountMax: Int { 64 }
}
