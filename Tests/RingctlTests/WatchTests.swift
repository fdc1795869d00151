// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ringctl

@Suite("ringctl watch")
struct WatchTests {
    @Test("keys are told from what a terminal sends")
    func keys() {
        #expect(
            Key.all(in: Array("q\u{1B}[A\u{1B}[B\r\u{1B}".utf8))
                == [.character("q"), .up, .down, .enter, .escape])
        // A sequence that means nothing here is passed over whole.
        #expect(Key.all(in: Array("\u{1B}[15~p".utf8)) == [.character("p")])
    }

    @Test("the marked line stays within the list")
    func selection() {
        var state = WatchState()
        state.press(.up, count: 3)
        #expect(state.selection == 0)
        for _ in 0..<9 { state.press(.down, count: 3) }
        #expect(state.selection == 2)
        state.press(.character("x"), count: 1)
        #expect(state.selection == 0)
        state.press(.enter, count: 0)
        #expect(!state.isInside)
        state.press(.enter, count: 1)
        #expect(state.isInside)
        state.press(.escape, count: 1)
        #expect(!state.isInside)
    }

    @Test("pausing, sorting, ending")
    func choices() {
        var state = WatchState()
        state.press(.character("p"), count: 1)
        #expect(state.isPaused)
        for order in [WatchState.Order.tx, .rx, .wait, .health, .name] {
            state.press(.character("s"), count: 1)
            #expect(state.order == order)
        }
        state.press(.character("q"), count: 1)
        #expect(state.isEnding)
    }

    @Test("a screen is no larger than the terminal", arguments: [(80, 24), (10, 3), (1, 1)])
    func size(width: Int, height: Int) throws {
        let subject = try Subject(files: StateBytes().files(), name: "a test")
        let rows = try subject.vifs(rings: true).map { VifRow($0, since: nil, seconds: 0, subject) }
        var state = WatchState()
        for isInside in [false, true] {
            state.isInside = isInside
            let lines = WatchScreen(subject, rows).lines(state, width: width, height: height)
            #expect(lines.count <= max(2, height))
            #expect(lines.allSatisfy { $0.count <= width })
        }
    }

    @Test("durations are short")
    func durations() {
        #expect(Duration.text(nanoseconds: 380) == "380 ns")
        #expect(Duration.text(nanoseconds: 380_400) == "380 µs")
        #expect(Duration.text(nanoseconds: 4_290_000) == "4.2 ms")
        #expect(Duration.text(nanoseconds: 12_000_000_000) == "12 s")
        #expect(Duration.text(nanoseconds: 11_100_000_000_000) == "3 h 5 min")
    }
}
