// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
import Platform
import XenPlatform

/// Answers dom0's inspector over a vchan, in a thread of its own: PID 1 of the image has no shell.
public enum InspectionVchan {
    /// Where the vchan's nodes are, below the domain's own: the one place that it may write.
    public static var path: String { "data/netdd/inspect" }
    /// After a failure, in seconds.
    private static var pauseSeconds: UInt32 { 5 }

    /// Starts to answer; without the module for it, says so once and goes on trying.
    ///
    /// - Throws: when no thread can be had.
    static func serve(_ service: InspectionService, logger: Logger) throws(PlatformError) {
        _ = try startThread {
            var isTold = false
            while true {
                do throws(PlatformError) {
                    let vchan = try Vchan(servingDomain: DomainID(0), at: path)
                    attend(vchan, service)
                } catch {
                    if !isTold {
                        logger.info(
                            "dom0 cannot ask for statistics: \(error)",
                            metadata: ["remedy": "load the module xen-gntalloc"])
                    }
                    isTold = true
                    sleep(pauseSeconds)
                }
            }
        }
    }

    private static func attend(_ vchan: consuming Vchan, _ service: InspectionService) {
        var conversation = Conversation()
        var session = InspectionSession(service)
        while let bytes = vchan.read(512) {
            guard let questions = conversation.questions(in: bytes) else { return }
            for question in questions {
                guard vchan.write(session.answer(question)) else { return }
            }
        }
    }
}
