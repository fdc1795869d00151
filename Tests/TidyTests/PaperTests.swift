// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite struct PaperTests {
    private static func papers() throws -> [SourceFile] {
        try PackageTree.files(
            in: ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "boot", "Benchmarks"],
            endings: [".md"])
    }

    /// Targets of a paper's links that are files of the package, from the package's root on.
    static func linkedFiles(of paper: SourceFile) -> [String] {
        paper.text.matches(of: #/\]\(([^)\s]+)\)/#).compactMap { match in
            let target = String(match.output.1)
            if target.hasPrefix("#") || target.contains(":") { return nil }
            let file = target.split(separator: "#").first.map(String.init) ?? ""
            var folders = paper.path.split(separator: "/").dropLast().map(String.init)
            for part in file.split(separator: "/") {
                if part == ".." { _ = folders.popLast() } else { folders.append(String(part)) }
            }
            return folders.joined(separator: "/")
        }
    }

    @Test("every link of a paper leads to a file that is there")
    func linksLead() throws {
        let papers = try Self.papers()
        #expect(papers.count > 5, "the search for papers finds them")
        for paper in papers {
            let dead = Self.linkedFiles(of: paper).filter { !PackageTree.exists($0) }
            #expect(dead == [], "\(paper.path)")
        }
    }

    @Test("a link is followed from the folder of its paper")
    func linkTargets() {
        let paper = SourceFile(
            path: "docs/decisions/0001-made.md",
            text: "[a](../../Sources/Ring) [b](b.md#c) [c](https://example.org/d) [d](#e)")
        #expect(Self.linkedFiles(of: paper) == ["Sources/Ring", "docs/decisions/b.md"])
    }

    @Test("the README is read in one sitting: at most 150 lines")
    func readmeIsShort() throws {
        guard PackageTree.exists("README.md") else { return }
        #expect(try PackageTree.file("README.md").lines.count <= 150)
    }

    @Test("decisions are numbered from 0001 without a gap")
    func decisionsAreNumbered() throws {
        let decisions = try PackageTree.files(in: ["docs/decisions"], endings: [".md"])
        let numbers = decisions.map { $0.name.prefix(5) }
        let expected = decisions.indices.map { index in
            let digits = "\(index + 1)"
            return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-"
        }
        #expect(!decisions.isEmpty)
        #expect(numbers.map(String.init) == expected)
    }
}
