// SPDX-License-Identifier: Apache-2.0

/// A list of fixed capacity whose memory is allocated once and reused for every batch.
@safe
public struct FixedBuffer<Element>: ~Copyable {
    // SAFETY: all `capacity` elements are initialised from init to deinit.
    @usableFromInline let elements: UnsafeMutablePointer<Element>
    /// Most elements in the list.
    public let capacity: Int
    /// Elements in the list.
    public var count: Int

    /// Makes an empty list; every place is filled with `filler` so that it can be reused in place.
    public init(capacity: Int, filler: Element) {
        self.capacity = capacity
        count = 0
        unsafe elements = .allocate(capacity: capacity)
        unsafe elements.initialize(repeating: filler, count: capacity)
    }

    deinit {
        unsafe elements.deinitialize(count: capacity)
        unsafe elements.deallocate()
    }

    /// Adds an element and returns its position. Overfilling is our own bug.
    @inlinable @inline(__always)
    @discardableResult
    public mutating func append(_ element: Element) -> Int {
        let position = extend()
        unsafe elements[position] = element
        return position
    }

    /// Adds whatever stood at the next place before, to be overwritten there.
    @inlinable @inline(__always)
    public mutating func extend() -> Int {
        precondition(count < capacity, "a fixed buffer overflows")
        count += 1
        return count - 1
    }

    /// Drops every element from position `count` on.
    @inlinable @inline(__always)
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "a fixed buffer cannot grow by truncation")
        self.count = count
    }

    /// Empties the list.
    @inlinable @inline(__always)
    public mutating func removeAll() { count = 0 }

    /// The element at a position, in place.
    @inlinable
    public subscript(position: Int) -> Element {
        @inline(__always) _read {
            precondition(position >= 0 && position < count, "outside of the fixed buffer")
            yield unsafe elements[position]
        }
        @inline(__always) _modify {
            precondition(position >= 0 && position < count, "outside of the fixed buffer")
            yield unsafe &elements[position]
        }
    }
}
