// SPDX-License-Identifier: Apache-2.0

/// What a chaos run is to do.
struct ChaosOptions {
    var mix: FaultMix
    var seed: UInt64
    var guestCount: Int
    /// Vifs of further guests that are connected and idle.
    var idleVifs: Int
    var load: ChaosLoad.Amount
    /// Further words for `netbackd pair`.
    var pairArguments: [String] = []
}
