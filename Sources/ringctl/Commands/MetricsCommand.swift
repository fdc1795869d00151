// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain

/// `ringctl metrics`: a pair's figures for Prometheus, where no endpoint can be reached.
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print the figures of a pair in Prometheus's text format.",
        discussion: """
            The same as the endpoint of `netbackd pair --metrics ADDRESS:PORT` answers, asked over
            the pair's socket or, with --via, over a driver domain's vchan.
            """)

    @OptionGroup var options: SubjectOptions

    func run() throws {
        print(
            String(decoding: try options.ask("metrics"), as: UTF8.self), terminator: "")
    }
}
