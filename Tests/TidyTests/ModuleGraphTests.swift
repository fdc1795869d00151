// SPDX-License-Identifier: Apache-2.0
import Testing

/// The manifest, the `import` lines and the table say the same.
@Suite struct ModuleGraphTests {
    /// What Package.swift says of one target.
    private struct Declaration {
        var name: String
        var path: String?
        var dependencies: Set<String>
    }

    /// Reads the targets out of the manifest's text: each starts at a call with a name first.
    private static func declarations(of manifest: SourceFile) -> [Declaration] {
        // Without strings there is nothing to read: take comments out only.
        let text = manifest.lines.filter {
            !$0.drop(while: { $0 == " " }).hasPrefix("//")
        }.joined(separator: "\n")
        let target = #/\.(?:target|executableTarget|systemLibrary)\(\s*name: "(\w+)"/#
        let starts = text.matches(of: target)
        return starts.indices.map { index in
            let end = text.ranges(of: #/\.\w*(?:[tT]arget|systemLibrary)\(\s*name:/#)
                .map(\.lowerBound).first { $0 > starts[index].range.lowerBound }
            let body = text[starts[index].range.upperBound..<(end ?? text.endIndex)]
            let list = body.firstMatch(of: #/dependencies: \[([^\]]*)\]/#)?.output.1 ?? ""
            var dependencies = Set(list.matches(of: #/"(\w+)"/#).map { String($0.output.1) })
            // The two products of other packages have a name of their own in the manifest.
            if list.contains(#/\barguments\b/#) { dependencies.insert("ArgumentParser") }
            if list.contains(#/\blogging\b/#) { dependencies.insert("Logging") }
            return Declaration(
                name: String(starts[index].output.1),
                path: body.firstMatch(of: #/path: "([^"]*)"/#).map { String($0.output.1) },
                dependencies: dependencies)
        }
    }

    /// Every import that the table does not allow.
    static func violations(in file: SourceFile) -> [String] {
        guard let module = moduleTable.first(where: { $0.name == file.module }) else {
            return ["\(file.path): a module that the table does not have"]
        }
        return file.imports.compactMap { line, imported in
            module.dependencies.contains(imported) || module.system.contains(imported)
                ? nil : "\(file.path):\(line): \(module.name) must not import \(imported)"
        }
    }

    @Test("a module imports what the table allows, and nothing else")
    func importsFollowTheGraph() throws {
        let files = try PackageTree.files(in: ["Sources"], endings: [".swift"])
        #expect(files.count > 100, "the search for source files finds them")
        #expect(files.flatMap(Self.violations) == [])
    }

    @Test("the manifest declares exactly the table's edges")
    func manifestIsTheTable() throws {
        let manifest = try PackageTree.file("Package.swift")
        let declared = Self.declarations(of: manifest).filter { $0.path == nil }
        #expect(declared.map(\.name).sorted() == moduleTable.map(\.name).sorted())
        for module in moduleTable {
            let declaration = declared.first { $0.name == module.name }
            #expect(declaration?.dependencies == module.dependencies, "\(module.name)")
        }
    }

    @Test("every edge of the table goes to a lower layer")
    func edgesGoDown() {
        let layers = Dictionary(
            moduleTable.map { ($0.name, $0.layer) }, uniquingKeysWith: { first, _ in first })
        for module in moduleTable {
            for dependency in module.dependencies {
                // Products of other packages stand below everything, and are for executables.
                let layer = layers[dependency] ?? (module.layer >= 4 ? -1 : .max)
                #expect(layer < module.layer, "\(module.name) imports \(dependency)")
            }
        }
    }

    @Test("an import that the table does not allow is found, however it is written")
    func foreignImportsAreFound() {
        let file = SourceFile(
            path: "Sources/NetBack/Made.swift",
            text: """
                // import Comment
                public import Netif
                import Glibc
                @preconcurrency public import XenPlatform
                import struct HostNetwork.TapDevice
                let text = "import Nothing"
                """)
        #expect(
            Self.violations(in: file) == [
                "Sources/NetBack/Made.swift:3: NetBack must not import Glibc",
                "Sources/NetBack/Made.swift:4: NetBack must not import XenPlatform",
                "Sources/NetBack/Made.swift:5: NetBack must not import HostNetwork",
            ])
    }
}
