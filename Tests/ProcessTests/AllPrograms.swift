// SPDX-License-Identifier: Apache-2.0
import Testing

/// All tests of programs, one after the other: each starts half a dozen processes.
@Suite("the programs", .serialized, .timeLimit(.minutes(10)))
enum AllPrograms {}
