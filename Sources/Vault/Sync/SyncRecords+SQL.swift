internal import FoundationEssentials
internal import GRDB
internal import KeyRing

/// A segment in its final bytes, as it waits in the vault until it is known to be in the remote.
public struct WaitingSegment: Sendable, Hashable {
    /// Its lane.
    public let lane: Lane
    /// Its number and hash.
    public let position: Position
    /// What is sent.
    public let bytes: [UInt8]
    /// Whether it may have left this machine.
    public let isOffered: Bool
    /// Whether it is known to be in the remote, and waits for those before it.
    public let isSettled: Bool

    /// A segment as it waits.
    public init(lane: Lane, position: Position, bytes: [UInt8], isOffered: Bool, isSettled: Bool) {
        self.lane = lane
        self.position = position
        self.bytes = bytes
        self.isOffered = isOffered
        self.isSettled = isSettled
    }
}

extension ReadTransaction {
    /// What this vault remembers of syncing, as its owner encoded it; nil before the first time.
    public func syncState() throws -> [UInt8]? {
        try Data.fetchOne(db, sql: "SELECT value FROM sync_state WHERE id = 1").map { Array($0) }
    }

    /// The segments that wait to be sent, by lane and number.
    public func waitingSegments() throws -> [WaitingSegment] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT device, incarnation, stream, sequence, hash, bytes, offered, settled FROM sync_outbox
                ORDER BY device, incarnation, stream, sequence
                """)
        return try rows.map { row in
            WaitingSegment(
                lane: try Lane(row), position: Position(sequence: row.sequence, hash: Array(row[4] as Data)),
                bytes: Array(row[5] as Data), isOffered: row[6], isSettled: row[7])
        }
    }

    /// The hash of a segment that was applied or sealed here; nil for one that is not known.
    public func segmentHash(_ lane: Lane, _ sequence: UInt64) throws -> [UInt8]? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT hash FROM sync_segment
                WHERE device = ? AND incarnation = ? AND stream = ? AND sequence = ?
                """)
        return try Data.fetchOne(statement, arguments: lane.arguments + [Int64(clamping: sequence)])
            .map { Array($0) }
    }

    /// The transactions of this device that no segment of a stream carries yet, oldest first, each with those
    /// of its changes that belong to the stream. What was applied from segments is not among them, whoever
    /// wrote it.
    ///
    /// - Parameters:
    ///   - device: 16 bytes.
    ///   - limit: at most so many transactions.
    public func unsealedBatches(
        of device: [UInt8], in stream: UInt16, limit: Int
    ) throws -> [ChangeBatch] {
        let sequences = try Int64.fetchAll(
            db,
            sql: """
                SELECT b.seq FROM change_batch b JOIN origin o ON o.id = b.origin WHERE \(Self.isUnsealed)
                AND EXISTS (SELECT 1 FROM change c WHERE c.batch = b.seq AND \(Self.belongs(to: stream)))
                ORDER BY b.seq LIMIT ?3
                """,
            arguments: [Data(device), Int64(stream), limit])
        return try sequences.flatMap { sequence in
            try changes(after: sequence - 1, limit: 1).map { batch in
                var batch = batch
                batch.changes.removeAll { SyncStream.of($0) != stream }
                return batch
            }
        }
    }

    /// `b` is a row of `change_batch`, `o` of `origin`; ?1 is this device and ?2 a stream.
    static let isUnsealed = """
        o.device = ?1 AND b.seq > max(
            ifnull((SELECT max(last_batch) FROM sync_segment WHERE is_own AND stream = ?2), 0),
            ifnull((SELECT through FROM sync_sealed WHERE stream = ?2), 0))
        AND NOT EXISTS (SELECT 1 FROM (SELECT last_batch FROM sync_segment
            WHERE NOT is_own AND first_batch <= b.seq ORDER BY first_batch DESC LIMIT 1)
            WHERE last_batch >= b.seq)
        """

    /// `c` is a row of `change`. Of a note the id is its group, and a verdict's fields begin with the
    /// collection of what it judges.
    private static func belongs(to stream: UInt16) -> String {
        let documents = """
            (c.collection IN (5, 6) OR c.collection BETWEEN 32 AND 49
            OR c.collection = 51 AND c.record = '2'
            OR c.collection = 50 AND substr(c.fields, 1, 2) = x'0101' AND (substr(c.fields, 3, 1)
                IN (x'0a', x'0c') OR substr(c.fields, 3, 1) BETWEEN x'40' AND x'62'))
            """
        return stream == SyncStream.knowledgeBase ? documents : "NOT \(documents)"
    }
}

extension WriteTransaction {
    /// Remembers what `syncState` shall say.
    public func setSyncState(_ bytes: [UInt8]) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO sync_state(id, value) VALUES (1, ?)", arguments: [Data(bytes)])
    }

    /// Puts a sealed segment into the outbox.
    ///
    /// - Parameter batches: the first and the last transaction of the log that it carries.
    public func addWaiting(_ segment: WaitingSegment, batches: ClosedRange<Int64>) throws {
        try addSegment(segment.lane, segment.position, batches, isOwn: true)
        try db.execute(
            sql: """
                INSERT INTO sync_outbox(device, incarnation, stream, sequence, hash, bytes, offered, settled)
                VALUES (?, ?, ?, ?, ?, ?, 0, 0)
                """,
            arguments: segment.lane.arguments + [
                Int64(clamping: segment.position.sequence), Data(segment.position.hash), Data(segment.bytes),
            ])
    }

    /// Notes that all of this vault's own changes in a stream are in segments.
    public func noteSealed(_ stream: UInt16) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO sync_sealed(stream, through) VALUES (?, ?)",
            arguments: [Int64(stream), try lastChangeSequence()])
    }

    /// Notes that the segments of a lane up to `sequence` may leave this machine.
    public func markOffered(_ lane: Lane, through sequence: UInt64) throws {
        try db.execute(
            sql: """
                UPDATE sync_outbox SET offered = 1
                WHERE device = ? AND incarnation = ? AND stream = ? AND sequence <= ?
                """,
            arguments: lane.arguments + [Int64(clamping: sequence)])
    }

    /// Notes that a segment is in the remote, and lets go of those up to the first that is not.
    public func markSettled(_ lane: Lane, _ sequence: UInt64) throws {
        let place = "device = ? AND incarnation = ? AND stream = ?"
        try db.execute(
            sql: "UPDATE sync_outbox SET settled = 1 WHERE \(place) AND sequence = ?",
            arguments: lane.arguments + [Int64(clamping: sequence)])
        try db.execute(
            sql: """
                DELETE FROM sync_outbox WHERE \(place) AND sequence < ifnull((SELECT min(sequence)
                    FROM sync_outbox WHERE \(place) AND NOT settled), 9223372036854775807)
                """,
            arguments: lane.arguments + lane.arguments)
    }

    /// Applies the transactions of segments, in order, and remembers which they came from. Must come first in
    /// its transaction.
    @discardableResult
    public func apply(segments: [(seen: Observation, batches: [ChangeBatch])]) throws -> MergeReport {
        var next = try lastChangeSequence() + 1
        let report = try apply(segments.flatMap(\.batches))
        for segment in segments {
            let last = next + Int64(segment.batches.count) - 1
            try addSegment(segment.seen.lane, segment.seen.position, next...max(next, last), isOwn: false)
            try noteBlobs(in: segment.batches)
            next = last + 1
        }
        return report
    }

    /// Forgets segments of a lane above `sequence`. What was sealed here waits to be sealed anew; what came
    /// from elsewhere counts no longer, except what came in a checkpoint: there it can't be told from what
    /// stays, and its author, who is still a member, sends it again in the life that followed.
    ///
    /// - Parameters:
    ///   - device: this vault's own, 16 bytes. Of others everything came from elsewhere, even if a backup of
    ///     theirs, from which this vault was restored, says that it was sealed there.
    ///   - reason: why it counts no longer, where a person may want to look at it (`voidChanges`); nil where
    ///     its author writes it again.
    public func discardSegments(
        _ lane: Lane, above sequence: UInt64, of device: [UInt8], because reason: String? = nil
    ) throws {
        let arguments = lane.arguments + [Int64(clamping: sequence)]
        let place = "device = ? AND incarnation = ? AND stream = ? AND sequence > ?"
        let isOwn = lane.author.device.bytes == device
        let foreign = try Row.fetchAll(
            db,
            sql: """
                SELECT first_batch, last_batch, sequence FROM sync_segment
                WHERE \(place) \(isOwn ? "AND NOT is_own" : "")
                    AND first_batch NOT IN (SELECT first_batch FROM sync_checkpoint)
                """,
            arguments: arguments)
        // Between the first and the last of a segment that was sealed stand transactions of others.
        let ofSegment = """
            batch IN (SELECT b.seq FROM change_batch b JOIN origin o ON o.id = b.origin
                WHERE b.seq BETWEEN ? AND ? AND o.device = ?)
            """
        var touched: Set<RecordKey> = []
        for row in foreign {
            if let reason {
                let batches = try changes(after: (row[0] as Int64) - 1, through: row[1]).filter {
                    $0.origin.device == lane.author.device.bytes
                }
                try keepVoid(batches, of: lane, in: UInt64(clamping: row[2] as Int64), because: reason)
            }
            let range: StatementArguments = [
                row[0] as Int64, row[1] as Int64, Data(lane.author.device.bytes),
            ]
            let changed = try Row.fetchAll(
                db, sql: "SELECT collection, record, fields FROM change WHERE \(ofSegment)", arguments: range)
            for change in changed {
                let key = RecordKey(change[0], change[1])
                guard key.collection == Verdict.collection else {
                    touched.insert(key)
                    continue
                }
                let fields = try FieldCodec.decode(Array(change[2] as Data))
                if let verdict = Verdict(id: key.id, fields) { touched.insert(verdict.write.key) }
            }
            try db.execute(sql: "DELETE FROM change WHERE \(ofSegment)", arguments: range)
        }
        try db.execute(sql: "DELETE FROM sync_segment WHERE \(place)", arguments: arguments)
        try db.execute(
            sql: "DELETE FROM sync_sealed WHERE stream = ?", arguments: [Int64(lane.stream)])
        try db.execute(sql: "DELETE FROM sync_outbox WHERE \(place)", arguments: arguments)
        for key in touched.sorted() { try show(state(key), changes: 1) }
    }

    func addSegment(
        _ lane: Lane, _ position: Position, _ batches: ClosedRange<Int64>, isOwn: Bool
    ) throws {
        try db.execute(
            sql: """
                INSERT INTO sync_segment(
                    device, incarnation, stream, sequence, hash, first_batch, last_batch, is_own)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: lane.arguments + [
                Int64(clamping: position.sequence), Data(position.hash), batches.lowerBound,
                batches.upperBound, isOwn,
            ])
    }
}

extension Lane {
    var arguments: StatementArguments {
        [Data(author.device.bytes), Int64(author.incarnation), Int64(stream)]
    }

    /// From a row that begins with device, incarnation and stream.
    init(_ row: Row) throws {
        guard let device = DeviceID(Array(row[0] as Data)),
            let incarnation = UInt32(exactly: row[1] as Int64),
            let stream = UInt16(exactly: row[2] as Int64)
        else { throw VaultError(.integrityFailure, "a lane of sync is malformed") }
        self.init(author: Author(device: device, incarnation: incarnation), stream: stream)
    }
}

extension Row {
    fileprivate var sequence: UInt64 { UInt64(clamping: self[3] as Int64) }
}
