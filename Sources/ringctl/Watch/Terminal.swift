// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The terminal in full-screen mode, which it leaves however we end.
struct Terminal: ~Copyable {
    private var saved = termios()

    /// True when both ends of us are a terminal.
    static var isThere: Bool { isatty(0) == 1 && isatty(1) == 1 }

    init() {
        unsafe tcgetattr(0, &saved)
        var raw = saved
        unsafe cfmakeraw(&raw)
        unsafe tcsetattr(0, TCSANOW, &raw)
        // The other screen, without a cursor.
        Self.write("\u{1B}[?1049h\u{1B}[?25l")
    }

    deinit {
        Self.write("\u{1B}[?25h\u{1B}[?1049l")
        var saved = saved
        unsafe tcsetattr(0, TCSANOW, &saved)
    }

    /// Columns and lines.
    var size: (width: Int, height: Int) {
        var window = winsize()
        guard unsafe ioctl(1, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else {
            return (80, 24)
        }
        return (Int(window.ws_col), Int(window.ws_row))
    }

    /// Shows lines from the top, in place of what was there; those that begin with `!` in red.
    func show(_ lines: [String]) {
        var text = "\u{1B}[H"
        for (number, line) in lines.enumerated() {
            let isBad = line.hasPrefix("!")
            let isMarked = line.hasPrefix(">")
            text += isBad ? "\u{1B}[31m" : isMarked ? "\u{1B}[7m" : ""
            text += line + "\u{1B}[0m\u{1B}[K"
            if number < lines.count - 1 { text += "\r\n" }
        }
        Self.write(text + "\u{1B}[J")
    }

    /// The keys that were pressed, after waiting up to so many milliseconds for one.
    func keys(milliseconds: Int32) -> [Key] {
        var waiting = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        // SAFETY: one local element, and its count.
        guard unsafe poll(&waiting, 1, milliseconds) == 1 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(0, &bytes, 64)
        // The terminal is gone: so are we.
        guard count > 0 else { return [.character("q")] }
        return Key.all(in: Array(bytes.prefix(count)))
    }

    private static func write(_ text: String) {
        var left = Array(text.utf8)[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes {
                unsafe Glibc.write(1, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            left = left.dropFirst(count)
        }
    }
}
