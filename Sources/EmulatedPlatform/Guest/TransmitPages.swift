// SPDX-License-Identifier: Apache-2.0

/// Guest pages that frames are read into: hands out runs of neighbours, round and round.
struct TransmitPages: ~Copyable {
    /// The first page.
    let first: Int
    private var busy: [Bool]
    private var cursor = 0

    init(first: Int, count: Int) {
        self.first = first
        busy = [Bool](repeating: false, count: count)
    }

    /// The first of `count` neighbouring pages of which none is busy; nil if there are none. They
    /// are handed out again until `setBusy` says otherwise.
    mutating func run(of count: Int) -> Int? {
        var (start, scanned) = (cursor, 0)
        while scanned <= busy.count {
            if start + count > busy.count {
                scanned += busy.count - start
                start = 0
                if count > busy.count { return nil }
            } else if let last = busy[start..<start + count].lastIndex(of: true) {
                scanned += last + 1 - start
                start = last + 1
            } else {
                cursor = start
                return first + start
            }
        }
        return nil
    }

    /// Notes that a request is out for a page, or no longer; other pages than ours are ignored.
    mutating func setBusy(_ isBusy: Bool, page: Int) {
        guard busy.indices.contains(page - first) else { return }
        busy[page - first] = isBusy
    }
}
