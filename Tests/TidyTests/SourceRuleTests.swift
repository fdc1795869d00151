// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite struct SourceRuleTests {
    @Test("every source file keeps the rules of the house")
    func filesKeepTheRules() throws {
        let files = try PackageTree.files(
            in: ["Package.swift", "Makefile", "Sources", "Tests", "Benchmarks", "scripts", ".ci"],
            endings: [".swift", ".c", ".h", "/Makefile", "/setup", "/bench", "/run"])
        #expect(files.count > 150, "the search for source files finds them")
        #expect(files.flatMap(SourceRules.violations) == [])
    }

    @Test("every exception names something that is there")
    func exceptionsAreAlive() {
        let lists = [Exceptions.unsafeCode, Exceptions.wrappingArithmetic, Exceptions.names]
        #expect(lists.joined().filter { !PackageTree.exists($0) } == [])
    }

    private static func broken(_ path: String, _ text: String) -> [String] {
        SourceRules.violations(
            in: SourceFile(path: path, text: "// SPDX-License-Identifier: Apache-2.0\n" + text))
    }

    @Test("a file that keeps the rules is let through, whatever its comments and strings say")
    func goodFile() {
        let text = """
            /// Not unsafe; 1 &+ 1.
            struct Made { let text = "unsafe &- \\"unsafe" }
            /* unsafe
               unsafe */
            let more = \"""
                unsafe
                \"""
            let marker = #filePath.hasSuffix("/tmp/aXXXXXX")
            """
        #expect(Self.broken("Sources/Netif/Made.swift", text) == [])
    }

    @Test(
        "each broken rule is found",
        arguments: [
            ("Sources/Netif/Made.swift", "let a = unsafe b", "unsafe code"),
            ("Sources/Netif/Made.swift", "@unsafe func a() {}", "unsafe code"),
            ("Sources/Netif/Made.swift", "let a = b &+ c", "wrapping arithmetic"),
            ("Sources/Netif/Made.swift", "a &*= c", "wrapping arithmetic"),
            ("Sources/Netif/Made.swift", "public import Synchronization", "atomics"),
            ("Tests/NetifTests/Made.swift", "import Foundation", "Foundation"),
            ("Tests/NetifTests/Made.swift", "import FoundationEssentials", "Foundation"),
            ("Sources/Netif/Made.swift", "struct Other {}", "declares Other"),
            ("Sources/Netif/Made+More.swift", "extension Other {}", "extends no Made"),
            ("Sources/CLinux/made.c", "// TO" + "DO: more", "do it"),
            ("Tests/A/Made.swift", String(repeating: "a", count: 101), "101 columns"),
            ("Tests/A/Made.swift", String(repeating: "\n", count: 401), "402 lines"),
        ])
    func badFiles(path: String, text: String, expected: String) {
        let found = Self.broken(path, text)
        #expect(found.count == 1)
        #expect(found.first?.contains(expected) ?? false)
    }

    @Test("a file without its licence line is found")
    func licenceLine() {
        let file = SourceFile(path: "Tests/A/Made.swift", text: "\nimport Testing\n")
        #expect(
            SourceRules.violations(in: file)
                == ["Tests/A/Made.swift:1: the licence line is missing"])
    }
}
