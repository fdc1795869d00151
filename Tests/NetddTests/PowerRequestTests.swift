// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import netdd

struct PowerRequestTests {
    @Test("the name under which the kernel runs the program says what is asked")
    func programName() {
        #expect(PowerRequest(programName: "/sbin/poweroff") == .poweroff)
        #expect(PowerRequest(programName: "/sbin/reboot") == .reboot)
        #expect(PowerRequest(programName: "/init") == nil)
        #expect(PowerRequest(programName: "netdd") == nil)
        #expect(PowerRequest(programName: "") == nil)
    }

    @Test("a request passes through its signal unchanged")
    func signals() {
        for request in [PowerRequest.poweroff, .reboot] {
            #expect(PowerRequest(signal: request.signal) == request)
        }
        #expect(PowerRequest(signal: SIGINT) == .reboot)
        #expect(PowerRequest(signal: SIGCHLD) == nil)
    }
}
