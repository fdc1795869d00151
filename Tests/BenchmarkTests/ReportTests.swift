// SPDX-License-Identifier: Apache-2.0
import BenchmarkReport
import Testing

@Suite("How benchmarks report")
struct ReportTests {
    @Test("a spread is the middle and the edges, whatever the order")
    func spread() throws {
        let odd = try #require(Spread([3, 1, 2]))
        #expect((odd.minimum, odd.median, odd.maximum) == (1, 2, 3))
        let even = try #require(Spread([4, 1, 2, 3]))
        #expect(even.median == 2.5)
        #expect(Spread([]) == nil)
    }

    @Test("ratios are taken pair by pair, not of medians")
    func ratios() throws {
        let ratio = try #require(Spread.ratio([1, 20, 4], [1, 10, 2]))
        #expect((ratio.minimum, ratio.median, ratio.maximum) == (1, 2, 2))
        #expect(Spread.ratio([1], [0]) == nil)
    }

    @Test(
        "numbers have commas between thousands and as many digits as asked",
        arguments: [
            (1234567.25, 1, "1,234,567.3"), (0.05, 2, "0.05"), (999.96, 1, "1,000.0"),
            (-3.5, 0, "-4"), (0, 0, "0"), (12, 3, "12.000"),
        ])
    func numbers(value: Double, digits: Int, text: String) {
        #expect(Number.text(value, digits: digits) == text)
    }

    @Test("a table's columns line up")
    func table() {
        var table = Table(["what", "ns"])
        table.append(["a", "1,000"])
        #expect(table.markdown == "| what |    ns |\n| ---- | ----: |\n| a    | 1,000 |\n")
    }

    @Test("results of a round are compared with results of the same round")
    func rounds() {
        var results = Results()
        for line in [
            "1 a tcp 10", "1 b tcp 5", "2 a tcp 20", "2 b tcp 20", "3 b tcp 1", "1 a udp-lost-% 3",
        ] {
            let isTaken = results.add(line)
            #expect(isTaken)
        }
        for line in ["1 a tcp", "1 a tcp fast", "", "one a tcp 1"] {
            let isTaken = results.add(line)
            #expect(!isTaken)
        }
        let lines = results.ratios.markdown.split(separator: "\n")
        #expect(lines.last?.contains("0.75 (0.50-1.00)") == true)
        #expect(!results.ratios.markdown.contains("lost"))
        #expect(results.table.markdown.contains("15.00 (10.00-20.00)"))
    }
}
