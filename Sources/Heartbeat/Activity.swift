// SPDX-License-Identifier: Apache-2.0

/// What a worker was doing when it was last heard of: where to look when it hangs.
public enum Activity: UInt32, Sendable, CaseIterable {
    /// It never ran, or it ended properly.
    case stopped = 0
    /// It waits for events.
    case waiting = 1
    /// It takes events and commands.
    case events = 2
    /// It carries packets from guests to the host.
    case transmit = 3
    /// It carries packets from the host to guests.
    case receive = 4
    /// It opens a queue: maps grants, binds ports.
    case opening = 5
    /// It closes a queue.
    case closing = 6
    /// It sleeps on purpose until a time that its last beat announces.
    case resting = 7
    /// It belongs to a shadow and waits for its turn.
    case standby = 8
}
