// SPDX-License-Identifier: Apache-2.0
import CLinux
import CLockHolder
import Glibc
import TestSupport
import Testing

@Suite("A lock between processes that one of them may die with", .timeLimit(.minutes(10)))
struct RobustMutexTests {
    /// A lock in a memfd that is mapped twice, so that no address means anything to both sides.
    @safe
    private final class SharedLock {
        private static let size = 4096
        /// Where children find it.
        let theirs: UnsafeMutableRawPointer
        /// Where this process finds it.
        let ours: UnsafeMutableRawPointer

        init() throws {
            let file = unsafe clinux_memfd_create("lock")
            defer { close(file) }
            try #require(ftruncate(file, Self.size) == 0)
            // SAFETY: unmapped in deinit alone.
            unsafe theirs = try Self.map(file)
            unsafe ours = try Self.map(file)
            try #require(clinux_robust_size() <= Self.size)
            try #require(unsafe clinux_robust_init(ours) == 0)
        }

        deinit {
            unsafe munmap(theirs, Self.size)
            unsafe munmap(ours, Self.size)
        }

        private static func map(_ file: Int32) throws -> UnsafeMutableRawPointer {
            let place = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
            try #require(unsafe place != MAP_FAILED)
            return unsafe try #require(place)
        }

        func lock(_ milliseconds: Int32) -> Int32 {
            unsafe clinux_robust_lock(ours, milliseconds)
        }

        func unlock() -> Int32 { unsafe clinux_robust_unlock(ours) }
    }

    /// A child that has the lock.
    private final class Holder: Sendable {
        let process: Int32
        let pidfd: Int32

        init(of lock: SharedLock) throws {
            process = unsafe lock_holder_start(lock.theirs)
            try #require(process > 0)
            pidfd = clinux_pidfd_open(process)
            try #require(pidfd >= 0)
        }

        deinit { close(pidfd) }

        func kill() { #expect(clinux_pidfd_send_signal(pidfd, SIGKILL) == 0) }

        func reap() {
            var status: Int32 = 0
            #expect(unsafe waitpid(process, &status, 0) == process)
            #expect(clinux_termination_signal(status) == SIGKILL)
        }
    }

    @Test("while its owner lives nobody else gets it, and the wait ends in time")
    func excludes() throws {
        let lock = try SharedLock()
        let holder = try Holder(of: lock)
        let time = ContinuousClock().measure { #expect(lock.lock(50) == ETIMEDOUT) }
        #expect(time >= .milliseconds(50))
        #expect(lock.lock(0) == ETIMEDOUT)
        #expect(lock.unlock() == EPERM)
        holder.kill()
        holder.reap()
    }

    @Test("it comes from a dead owner with the word of its death, and is whole again")
    func dead() throws {
        let lock = try SharedLock()
        for _ in 0..<3 {
            let holder = try Holder(of: lock)
            holder.kill()
            holder.reap()
            #expect(lock.lock(10_000) == EOWNERDEAD)
            #expect(lock.unlock() == 0)
            #expect(lock.lock(0) == 0)
            #expect(lock.unlock() == 0)
        }
    }

    @Test("who waits for ever is woken by the owner's death")
    func woken() throws {
        let lock = try SharedLock()
        let holder = try Holder(of: lock)
        let killer = TestThread {
            usleep(50_000)
            holder.kill()
        }
        #expect(lock.lock(-1) == EOWNERDEAD)
        killer.join()
        holder.reap()
        #expect(lock.unlock() == 0)
    }

    @Test("who is killed after a dead owner leaves word, too")
    func deadTwice() throws {
        let lock = try SharedLock()
        let first = try Holder(of: lock)
        first.kill()
        first.reap()
        let second = try Holder(of: lock)
        second.kill()
        second.reap()
        #expect(lock.lock(10_000) == EOWNERDEAD)
        #expect(lock.unlock() == 0)
    }

    @Test("a second lock by the same thread is refused")
    func again() throws {
        let lock = try SharedLock()
        #expect(lock.lock(-1) == 0)
        #expect(lock.lock(-1) == EDEADLK)
        #expect(lock.lock(0) == EDEADLK)
        #expect(lock.unlock() == 0)
        #expect(lock.unlock() == EPERM)
    }

    @Test("no signal reaches a process that is gone")
    func gone() throws {
        let lock = try SharedLock()
        let holder = try Holder(of: lock)
        #expect(clinux_pidfd_send_signal(holder.pidfd, 0) == 0)
        holder.kill()
        holder.reap()
        #expect(clinux_pidfd_send_signal(holder.pidfd, SIGKILL) == -1)
        #expect(errno == ESRCH)
    }
}
