/// Makes the segments of a new list out of entries that come in order.
///
/// A segment is written when all runs that it names have their places, together with others: the segments of
/// a list stand beside each other. What waits is bounded by `waitingLimit`.
struct OutsideListWriter<Keys: BackupKeys> {
    /// Bytes of segments that wait at most.
    private static var waitingLimit: Int { 8 << 20 }

    /// A segment whose chunks' runs are numbers of the run table.
    private struct Pending {
        var chunks: [ChunkPlace] = []
        var entries: [OutsideEntry] = []
    }

    private let pipeline: UnitPipeline<Keys>
    private let series: SegmentSeries<Keys>
    private var cut = ListingCut()
    private var open = Pending()
    /// Rows of the open segment's chunks, by run and offset.
    private var rows: [UInt64: UInt32] = [:]
    private var runs: Set<UInt32> = []
    private var waiting: [Pending] = []
    private var waitingCount = 0

    init(_ pipeline: UnitPipeline<Keys>, base: [StoredSegment]) {
        self.pipeline = pipeline
        series = SegmentSeries("files", pipeline, base: base)
    }

    /// Adds an entry, whose own `chunks` are not looked at.
    mutating func add(
        _ entry: OutsideEntry, _ chunks: some Collection<ChunkPlace>, _ writer: inout RunWriter<Keys>
    ) throws {
        var entry = entry
        var count = 0
        entry.chunks = chunks.map { row($0, &count) }
        count += entry.count
        waitingCount += count
        let isEnd = cut.endsAfter(key: entry.path, bytes: count)
        open.entries.append(entry)
        guard isEnd else { return }
        close()
        if waitingCount >= Self.waitingLimit { try write(&writer) }
    }

    /// Writes what is left; returns all segments.
    mutating func finish(_ writer: inout RunWriter<Keys>) throws -> [StoredSegment] {
        if !open.entries.isEmpty { close() }
        try write(&writer)
        return try series.finish()
    }

    private mutating func row(_ chunk: ChunkPlace, _ count: inout Int) -> UInt32 {
        let place = UInt64(chunk.run) << 32 | UInt64(chunk.offset)
        if let row = rows[place] { return row }
        let row = UInt32(open.chunks.count)
        rows[place] = row
        open.chunks.append(chunk)
        count += ChunkRecord.count
        if runs.insert(chunk.run).inserted { count += OutsideSegment.Run.count }
        return row
    }

    private mutating func close() {
        waiting.append(open)
        open = Pending()
        rows.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
    }

    private mutating func write(_ writer: inout RunWriter<Keys>) throws {
        try writer.finish()
        try pipeline.drain()
        for pending in waiting {
            let (segment, packs) = try resolve(pending, &writer.runs)
            try series.add(segment.bytes, needs: packs)
        }
        waiting = []
        waitingCount = 0
    }

    /// The segment with its own tables, each in the order of first use.
    private func resolve(
        _ pending: Pending, _ table: inout RunTable<Keys>
    ) throws -> (segment: OutsideSegment, packs: Set<[UInt8]>) {
        var segment = OutsideSegment()
        segment.entries = pending.entries
        segment.chunks.reserveCapacity(pending.chunks.count)
        var runRows: [UInt32: UInt32] = [:]
        var packRows: [UInt32: UInt32] = [:]
        for chunk in pending.chunks {
            let row: UInt32
            if let known = runRows[chunk.run] {
                row = known
            } else {
                var (run, id) = try table.place(chunk.run, in: pipeline)
                if packRows[run.pack] == nil {
                    packRows[run.pack] = UInt32(segment.packs.count)
                    segment.packs.append(id)
                }
                run.pack = packRows[run.pack] ?? 0
                row = UInt32(segment.runs.count)
                runRows[chunk.run] = row
                segment.runs.append(run)
            }
            segment.chunks.append(
                ChunkRecord(id: chunk.id, run: row, offset: chunk.offset, length: chunk.length))
        }
        return (segment, Set(segment.packs))
    }
}
