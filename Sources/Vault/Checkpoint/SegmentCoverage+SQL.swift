internal import FoundationEssentials
internal import GRDB

/// Which changes of the log the segments up to a vector carry.
struct SegmentCoverage {
    private struct Span {
        let batches: ClosedRange<Int64>
        let isCovered: Bool
    }

    /// What came from elsewhere, by first transaction. A transaction between two that were applied together
    /// came with them.
    private var applied: [Span] = []
    /// What was sealed here, by stream: between the transactions of a segment stand those of others, and own
    /// ones that belong to other streams.
    private var sealed: [UInt16: [Span]] = [:]
    /// The numbers of this device's origins.
    private var own: Set<Int64>
    /// Whether some of what is covered may have come in a checkpoint that reaches further: what it has left
    /// out, because something later counts, is not here.
    private(set) var isPartial = false

    /// - Parameter vector: how far each lane counts; lanes that it does not name count for nothing.
    init(_ transaction: ReadTransaction, vector: [Observation]) throws {
        let db = transaction.db
        own = Set(
            try Int64.fetchAll(
                db, sql: "SELECT id FROM origin WHERE device = ?", arguments: [Data(transaction.ownDevice)]))
        let ends = Dictionary(vector.map { ($0.lane, $0.position.sequence) }) { max($0, $1) }
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT device, incarnation, stream, sequence, first_batch, last_batch, is_own
                FROM sync_segment
                ORDER BY is_own, first_batch, last_batch
                """)
        while let row = try rows.next() {
            let lane = try Lane(row)
            let isCovered = UInt64(clamping: row[3] as Int64) <= ends[lane] ?? 0
            let batches = (row[4] as Int64)...(row[5] as Int64)
            if row[6] {
                sealed[lane.stream, default: []].append(Span(batches: batches, isCovered: isCovered))
            } else if let last = applied.last, last.batches == batches {
                // The lanes of one checkpoint: it is covered when all of them are.
                applied[applied.count - 1] = Span(
                    batches: batches, isCovered: last.isCovered && isCovered)
            } else {
                applied.append(Span(batches: batches, isCovered: isCovered))
            }
        }
        let loaded = Set(try Int64.fetchAll(db, sql: "SELECT first_batch FROM sync_checkpoint"))
        isPartial = applied.contains { !$0.isCovered && loaded.contains($0.batches.lowerBound) }
    }

    /// - Parameters:
    ///   - batch: a transaction of the log.
    ///   - origin: the number of its author.
    func covers(_ batch: Int64, by origin: Int64, in stream: UInt16) -> Bool {
        if let span = Self.span(of: batch, in: applied) { return span.isCovered }
        guard own.contains(origin) else { return false }
        return Self.span(of: batch, in: sealed[stream] ?? [])?.isCovered ?? false
    }

    /// The last span that begins at or before a transaction, if it reaches it.
    private static func span(of batch: Int64, in spans: [Span]) -> Span? {
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].batches.lowerBound <= batch { low = middle + 1 } else { high = middle }
        }
        guard low > 0, spans[low - 1].batches.contains(batch) else { return nil }
        return spans[low - 1]
    }
}
