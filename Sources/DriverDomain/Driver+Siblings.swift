// SPDX-License-Identifier: Apache-2.0
import Logging
import NetBack

// What the other processes of a pair have to say.
extension Driver where Store: ~Copyable {
    mutating func hearSiblings() {
        for news in workers.hear(poller) {
            switch news {
            case .shadowStands: logger.debug("a shadow follows")
            case .shadowGone: logger.warning("the shadow is gone: nobody would take over")
            case .shadowHangs: logger.error("the shadow hangs and is given up")
            case .parentGone:
                logger.warning("the pair's parent is gone: served on, and not supervised")
            case .handsOver:
                isHandingOver = true
                logger.info("handing over")
            }
        }
    }

    /// Closes what was taken over and belongs to no vif any more.
    mutating func closeUnclaimed() {
        // What the store has must have been claimed by then.
        let count = workers.closeUnclaimed(isDue: backend.hasScanned)
        if count > 0 {
            logger.warning("queues of vifs that are gone: closed", metadata: ["queues": "\(count)"])
        }
    }
}
