// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DriverDomain

struct ResidentMemoryTests {
    /// A line of /proc/PID/maps.
    private static func line(_ permissions: String, _ path: String) -> Substring {
        "55f4abf2f000-55f4ac296000 \(permissions) 00000000 fe:00 5374690        \(path)"
    }

    @Test("a program's code and constants are found in the list of mappings, and nothing else")
    func ranges() {
        let program = "/usr/sbin/netbackd (deleted)"
        let range: Range<UInt> = 0x55f4_abf2_f000..<0x55f4_ac29_6000
        for permissions in ["r-xp", "r--p"] {
            let found = ResidentMemory.readOnlyRange(
                of: program, in: Self.line(permissions, program))
            #expect(found == range)
        }
        for line in [
            Self.line("rw-p", program), Self.line("r-xp", "/usr/lib/libc.so.6"),
            Self.line("r-xp", ""), "", "x-y r-xp 0 0 0 \(program)",
            "2-1 r-xp 0 0 0 \(program)",
        ] {
            #expect(ResidentMemory.readOnlyRange(of: program, in: line) == nil)
        }
    }
}
