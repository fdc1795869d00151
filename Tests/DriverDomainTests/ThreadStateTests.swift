// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Testing

@testable import DriverDomain

struct ThreadStateTests {
    @Test("a name may hold anything, a parenthesis too")
    func names() {
        let state = ThreadState.parse(status: "7 (a) b (c)) R 1 2", run: "1234 5 6\n")
        #expect(state == ThreadState(letter: UInt8(ascii: "R"), runNanoseconds: 1234))
    }

    @Test(
        "what makes no sense says nothing",
        arguments: [("", "1 2 3"), ("7 (a", "1 2 3"), ("7 (a)", "1 2 3"), ("7 (a) S", "x")])
    func nonsense(_ status: String, _ run: String) {
        #expect(ThreadState.parse(status: status, run: run) == nil)
    }

    @Test("one that has run long without a word is not starving, nor one that sleeps or is stopped")
    func starving() {
        func state(_ letter: Character, _ run: UInt64) -> ThreadState {
            ThreadState(letter: letter.asciiValue ?? 0, runNanoseconds: run)
        }
        #expect(state("R", 5).isStarving(since: nil))
        #expect(state("R", 5).isStarving(since: state("R", 5)))
        let stuck = ThreadState.stuckNanoseconds
        #expect(state("R", 4 + stuck).isStarving(since: state("R", 5)))
        #expect(!state("R", 5 + stuck).isStarving(since: state("R", 5)))
        #expect(state("R", 0).isStarving(since: state("R", .max)))
        for letter in ["S", "D", "T", "Z"] as [Character] {
            #expect(!state(letter, 5).isStarving(since: state("R", 5)))
        }
    }

    @Test("the kernel tells of this very thread")
    func own() throws {
        let state = try #require(ThreadState(process: getpid(), thread: clinux_thread_id()))
        #expect(state.letter == UInt8(ascii: "R"))
        #expect(state.runNanoseconds > 0)
        #expect(ThreadState(process: getpid(), thread: -1) == nil)
    }
}
