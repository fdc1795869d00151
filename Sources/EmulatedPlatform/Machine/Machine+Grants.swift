// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Platform
internal import SharedMemory

extension Machine {
    /// How often a grant that its owner keeps rewriting is looked at before the map is refused.
    private static let attemptsMax = 4

    /// Maps a grant for reading and writing, and marks it in use; the number names it to `unmap`.
    /// Corresponds to `GNTTABOP_map_grant_ref`.
    ///
    /// - Throws: `PlatformError` with EINVAL unless the grant exists, is for the caller, allows
    ///   writing and names a page of its domain.
    func map(
        _ reference: GrantReference, of id: DomainID, by handle: MachineHandle
    ) throws(PlatformError) -> (number: UInt32, pin: GrantPin) {
        guard handle.isOpen, let domain = domains[id],
            let frame = acquire(reference, of: domain, for: handle.domain.id)
        else { throw PlatformError("GNTTABOP_map_grant_ref", errno: EINVAL) }
        let pin = GrantPin(domain: domain, reference: reference, frame: frame)
        domain.pinCounts[reference.rawValue, default: 0] += 1
        let number = freePinNumber(of: handle)
        handle.pins[number] = pin
        return (number, pin)
    }

    /// Undoes a mapping. Corresponds to `GNTTABOP_unmap_grant_ref`.
    ///
    /// - Throws: `PlatformError` with EINVAL if the caller has no such mapping.
    func unmap(_ number: UInt32, by handle: MachineHandle) throws(PlatformError) {
        guard let pin = handle.pins.removeValue(forKey: number) else {
            throw PlatformError("GNTTABOP_unmap_grant_ref", errno: EINVAL)
        }
        unpin(pin)
    }

    /// Takes one mapping off a grant; with the last one its owner may take it back.
    func unpin(_ pin: GrantPin) {
        guard let count = pin.domain.pinCounts[pin.reference.rawValue],
            let word = GrantEntry.word(of: pin.reference)
        else { return }
        if count > 1 {
            pin.domain.pinCounts[pin.reference.rawValue] = count - 1
            return
        }
        pin.domain.pinCounts[pin.reference.rawValue] = nil
        // release: whatever the mapper wrote is visible to the guest that sees the bits clear.
        pin.domain.grants.words.clearBits(GrantEntry.inUse, at: word)
    }

    /// Checks an entry and sets its in-use bits in one step with the check, so that the owner
    /// either sees them or has taken the grant back before.
    private func acquire(
        _ reference: GrantReference, of domain: MachineDomain, for caller: DomainID
    ) -> UInt32? {
        guard let word = GrantEntry.word(of: reference) else { return nil }
        let table = domain.grants.words
        for _ in 0..<Machine.attemptsMax {
            // acquire: pairs with the release in the guest's `grant`.
            let header = table.loadAcquire(at: word)
            let frame = table.loadRelaxed(at: word + 1)
            guard GrantEntry.permits(header, caller: caller, writing: true),
                Int(frame) < domain.memory.pageCount
            else { return nil }
            if table.compareExchange(
                expected: header, desired: header | GrantEntry.inUse, at: word)
            {
                return frame
            }
        }
        return nil
    }

    private func freePinNumber(of handle: MachineHandle) -> UInt32 {
        repeat {
            lastPin = lastPin == .max ? 1 : lastPin + 1
        } while handle.pins[lastPin] != nil
        return lastPin
    }
}
