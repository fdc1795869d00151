// SPDX-License-Identifier: Apache-2.0

/// What a grant operation answers, with Xen's numbers. Corresponds to `GNTST_*`.
///
/// The attributes here and elsewhere say to the compiler what it cannot see from another file of
/// a debug build: that the packet path may call this.
package enum GrantStatus {
    /// Done.
    package static var okay: Int16 { @_noAllocation @_noLocks get { 0 } }
    /// Not granted, granted to someone else, or granted for reading only.
    package static var generalError: Int16 { @_noAllocation @_noLocks get { -1 } }
    /// No such domain, or one that was never opened.
    package static var badDomain: Int16 { @_noAllocation @_noLocks get { -2 } }
    /// No such entry in the table.
    package static var badReference: Int16 { @_noAllocation @_noLocks get { -3 } }
    /// The entry names a page the domain does not have.
    package static var badPage: Int16 { @_noAllocation @_noLocks get { -9 } }
    /// The bytes reach over the end of the page.
    package static var badCopyArgument: Int16 { @_noAllocation @_noLocks get { -10 } }
}
