/// Checks what holds between the entries of a listing, whichever segments they stand in.
struct OutsideOrder {
    private var last: [UInt8]?
    /// The file that goes on in the next entry, and its bytes so far.
    private var open: (entry: OutsideEntry, count: UInt64)?

    /// Takes the next entry, whose chunks have `count` bytes.
    ///
    /// - Returns: whether it begins something that can be used, and what does not hold, if anything.
    mutating func take(_ entry: OutsideEntry, count: UInt64) -> (isFirst: Bool, failure: BackupError?) {
        if let (before, sum) = open {
            guard before.isSameFile(as: entry) else {
                let failure = end()
                let next = take(entry, count: count)
                return (next.isFirst, failure ?? next.failure)
            }
            open = entry.isContinued ? (entry, sum + count) : nil
            return (false, open == nil ? Self.compare(entry, sum + count) : nil)
        }
        if let last, !last.precedesAsPath(entry.path) {
            let failure = BackupError.integrity(
                entry.path.printable, "a path that is out of order, or comes twice")
            return (false, failure)
        }
        last = entry.path
        if entry.isContinued {
            open = (entry, count)
            return (true, nil)
        }
        let failure = Self.compare(entry, count)
        return (failure == nil, failure)
    }

    /// The list ends here, or a segment is missing; returns what that breaks.
    mutating func end() -> BackupError? {
        guard let (entry, _) = open else { return nil }
        open = nil
        return .integrity(entry.path.printable, "its end is missing")
    }

    private static func compare(_ entry: OutsideEntry, _ count: UInt64) -> BackupError? {
        guard count != entry.size else { return nil }
        return .integrity(entry.path.printable, "its chunks have \(count) bytes instead of \(entry.size)")
    }
}
