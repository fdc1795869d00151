// SPDX-License-Identifier: Apache-2.0
import Glibc
import NetBack
import Platform

// Makes things go wrong on purpose.
extension PairParent {
    mutating func obey(_ wish: FaultWish) {
        let journal = estate.region.journal
        switch wish {
        case .kill(let isShadow): signal(SIGKILL, toShadow: isShadow)
        case .stop(let isShadow): signal(SIGSTOP, toShadow: isShadow)
        case .handOver: handOver()
        case .worker(let number, let fault):
            guard number < journal.workerCount else { return }
            journal.worker(number).inject(fault.rawValue)
        case .stall(let vif, let direction):
            for slot in slots(of: vif) { journal.queue(slot).half(direction).stall(true) }
        case .corrupt(let vif):
            for slot in slots(of: vif) { journal.queue(slot).corrupt() }
        }
    }

    private func signal(_ signal: Int32, toShadow isShadow: Bool) {
        if let number = isShadow ? shadow : primary { members[number].send(signal) }
    }

    private func slots(of vif: VifID) -> [Int] {
        let journal = estate.region.journal
        return (0..<journal.queueCount).filter {
            journal.queue($0).opening(slot: $0)?.id.vif == vif
        }
    }
}
