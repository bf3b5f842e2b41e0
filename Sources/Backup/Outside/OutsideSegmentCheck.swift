/// What must hold within a segment. What the first and the last entry share with the segments beside it, only
/// the listing can tell.
struct OutsideSegmentCheck {
    private let segment: OutsideSegment
    private let object: String

    init(_ segment: OutsideSegment, _ object: String) {
        self.segment = segment
        self.object = object
    }

    func run() throws(BackupError) {
        try checkTables()
        guard let first = segment.entries.first else { throw .integrity(object, "a segment without entries") }
        var before: OutsideEntry?
        var count: UInt64 = 0
        for entry in segment.entries {
            try check(entry)
            let isPart = try follows(entry, before)
            count = (isPart ? count : 0) + segment.contentCount(entry)
            // The first entry may be the end of a file that began before.
            let isWhole = !entry.isContinued && entry.path != first.path
            guard isWhole ? count == entry.size : count <= entry.size else {
                throw bad(entry, "its chunks have \(count) bytes instead of \(entry.size)")
            }
            before = entry
        }
    }

    private func checkTables() throws(BackupError) {
        for (row, run) in segment.runs.enumerated() {
            guard Int(run.pack) < segment.packs.count, run.offset < 1 << 40, run.length > 0,
                run.length <= 8 << 20, run.plainLength > 0, Int(run.plainLength) <= Unit.plainLimit
            else { throw .integrity(object, "run \(row) stands nowhere") }
        }
        for (row, chunk) in segment.chunks.enumerated() {
            guard Int(chunk.run) < segment.runs.count, chunk.length > 0,
                UInt64(chunk.offset) + UInt64(chunk.length)
                    <= UInt64(segment.runs[Int(chunk.run)].plainLength)
            else { throw .integrity(object, "chunk \(row) does not lie in a run") }
        }
    }

    private func check(_ entry: OutsideEntry) throws(BackupError) {
        guard entry.path.isPlainAbsolute else { throw bad(entry, "a path that is not absolute and plain") }
        if case .symbolicLink(let destination) = entry.kind, destination.contains(0) {
            throw bad(entry, "a symbolic link to nowhere")
        }
        guard entry.kind == .file || (entry.chunks.isEmpty && entry.size == 0 && !entry.isContinued) else {
            throw bad(entry, "content where there can't be any")
        }
        guard !entry.isContinued || entry.chunks.count == OutsideEntry.chunkLimit else {
            throw bad(entry, "it is continued too early")
        }
        for row in entry.chunks where Int(row) >= segment.chunks.count {
            throw bad(entry, "a chunk that no table has")
        }
    }

    /// Whether `entry` goes on with the file of the entry before it.
    private func follows(_ entry: OutsideEntry, _ before: OutsideEntry?) throws(BackupError) -> Bool {
        guard let before else { return false }
        if before.isContinued {
            guard before.isSameFile(as: entry) else { throw bad(before, "its end is missing") }
            return true
        }
        guard before.path.precedesAsPath(entry.path) else {
            throw bad(entry, "a path that is out of order, or comes twice")
        }
        return false
    }

    private func bad(_ entry: OutsideEntry, _ message: String) -> BackupError {
        .integrity("\(object): \(entry.path.printable)", message)
    }
}
