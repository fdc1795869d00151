// SPDX-License-Identifier: Apache-2.0

/// What `ringctl check --json` says.
struct CheckDocument: Encodable {
    var schema = "ringctl.check/1"
    var findings: [Entry]

    struct Entry: Encodable {
        var rule: String
        var place: String
        var text: String
    }

    init(_ found: [Finding]) {
        findings = found.map { Entry(rule: $0.rule.rawValue, place: $0.place, text: $0.text) }
    }
}
