// SPDX-License-Identifier: Apache-2.0

/// Numbered places for values that may be non-copyable; a value stays at its number until removed.
///
/// Inserting and removing may allocate; reaching a value never does.
@safe
public struct Slab<Element: ~Copyable>: ~Copyable {
    // SAFETY: `elements[i]` is initialised exactly when `occupied[i]` is true; every access
    // checks that first, and only insert, remove and deinit change either.
    @usableFromInline var elements: UnsafeMutablePointer<Element>
    @usableFromInline var occupied: UnsafeMutablePointer<Bool>
    /// Numbers that exist, in use or not: 0 ..< capacity.
    public var capacity: Int
    /// Numbers in use.
    public var count: Int

    /// Makes an empty slab with room for `capacity` values before it grows.
    public init(capacity: Int = 8) {
        self.capacity = capacity
        count = 0
        unsafe elements = .allocate(capacity: capacity)
        unsafe occupied = .allocate(capacity: capacity)
        unsafe occupied.initialize(repeating: false, count: capacity)
    }

    deinit {
        for number in 0..<capacity where unsafe occupied[number] {
            unsafe (elements + number).deinitialize(count: 1)
        }
        unsafe elements.deallocate()
        unsafe occupied.deallocate()
    }

    /// True when a value stands at `number`.
    @inlinable @inline(__always)
    public func isOccupied(_ number: Int) -> Bool {
        unsafe number >= 0 && number < capacity && occupied[number]
    }

    /// Puts a value at the lowest free number and returns that.
    public mutating func insert(_ element: consuming Element) -> Int {
        var number = 0
        while number < capacity, unsafe occupied[number] { number += 1 }
        if number == capacity { grow() }
        unsafe (elements + number).initialize(to: element)
        unsafe occupied[number] = true
        count += 1
        return number
    }

    /// Takes the value at `number` out.
    public mutating func remove(_ number: Int) -> Element {
        precondition(isOccupied(number), "nothing stands at this number of the slab")
        unsafe occupied[number] = false
        count -= 1
        return unsafe (elements + number).move()
    }

    /// The value at `number`, in place.
    @inlinable
    public subscript(number: Int) -> Element {
        @inline(__always) _read {
            precondition(isOccupied(number), "nothing stands at this number of the slab")
            yield unsafe elements[number]
        }
        @inline(__always) _modify {
            precondition(isOccupied(number), "nothing stands at this number of the slab")
            yield unsafe &elements[number]
        }
    }

    private mutating func grow() {
        let larger = max(capacity, 4) * 2
        let newElements = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        let newOccupied = UnsafeMutablePointer<Bool>.allocate(capacity: larger)
        unsafe newOccupied.initialize(repeating: false, count: larger)
        for number in 0..<capacity where unsafe occupied[number] {
            unsafe (newElements + number).moveInitialize(from: elements + number, count: 1)
            unsafe newOccupied[number] = true
        }
        unsafe elements.deallocate()
        unsafe occupied.deallocate()
        unsafe elements = newElements
        unsafe occupied = newOccupied
        capacity = larger
    }
}
