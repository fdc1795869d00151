// SPDX-License-Identifier: Apache-2.0
import Platform
import SharedMemory
import Testing

@Suite("Read-modify-write on shared words")
struct MappedWordsTests {
    private static func words(in arena: borrowing PageArena) -> MappedWords {
        unsafe MappedWords(at: arena.base, wordCount: 1024)
    }

    @Test("compareExchange replaces a word only if it holds what is expected")
    func compareExchange() {
        let arena = PageArena(pageCount: 1)
        let words = Self.words(in: arena)
        words.storeRelaxed(5, at: 1)
        #expect(!words.compareExchange(expected: 4, desired: 9, at: 1))
        #expect(words.loadRelaxed(at: 1) == 5)
        #expect(words.compareExchange(expected: 5, desired: 9, at: 1))
        #expect(words.loadRelaxed(at: 1) == 9)
        #expect(words.loadRelaxed(at: 0) == 0 && words.loadRelaxed(at: 2) == 0)
    }

    @Test("clearBits clears the bits of its mask and no other")
    func clearBits() {
        let arena = PageArena(pageCount: 1)
        let words = Self.words(in: arena)
        words.storeRelaxed(0xFFFF_00FF, at: 7)
        words.clearBits(0x18, at: 7)
        #expect(words.loadRelaxed(at: 7) == 0xFFFF_00E7)
    }
}
