// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import netdd

struct BootOptionsTests {
    @Test("words of others are left alone, and everything has a default")
    func defaults() throws {
        let options = try BootOptions(commandLine: "root=/dev/xvda netddx=1 console=hvc0 quiet\n")
        #expect(options == (try BootOptions(commandLine: "")))
        #expect(options.bridge == "xenbr0")
        #expect(options.uplink == nil)
        #expect(options.offersChecksumOffload)
    }

    @Test("every word of ours is understood")
    func everyWord() throws {
        let options = try BootOptions(
            commandLine: """
                netdd.bridge=br7 netdd.mtu=9000 netdd.address=10.0.0.1/24 \
                netdd.address=fd00::1/64 netdd.no-checksum-offload netdd.verbose
                """)
        #expect(options.bridge == "br7")
        #expect(options.mtu == 9000)
        #expect(options.addresses == ["10.0.0.1/24", "fd00::1/64"])
        #expect(!options.offersChecksumOffload)
        #expect(options.isVerbose)
    }

    @Test("an uplink is an address or a driver")
    func uplink() throws {
        let address = try BootOptions(commandLine: "netdd.uplink=00:16:3e:00:00:01")
        #expect(address.uplink == .mac(MACAddress(rawValue: 0x0016_3E00_0001)))
        let driver = try BootOptions(commandLine: "netdd.uplink=e1000e")
        #expect(driver.uplink == .driver("e1000e"))
    }

    @Test(
        "a word that is not understood is named",
        arguments: [
            "netdd.bridg=x", "netdd.bridge", "netdd.bridge=", "netdd.mtu=67", "netdd.mtu=x",
            "netdd.mtu=65522", "netdd.verbose=1", "netdd.", "netdd.uplink=",
        ])
    func wrongWord(word: String) {
        #expect {
            try BootOptions(commandLine: "quiet \(word) panic=1")
        } throws: { error in
            "\(error)".hasPrefix("\(word) ")
        }
    }
}
