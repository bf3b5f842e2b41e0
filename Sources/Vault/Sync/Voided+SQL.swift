internal import FoundationEssentials
internal import GRDB
public import KeyRing

/// A change that counts nowhere, kept so that a person can look at it and take it over.
public struct VoidChange: Sendable, Equatable {
    /// Its number in this vault.
    public let number: Int64
    /// Who wrote it, and in which stream.
    public let lane: Lane
    /// The number of its segment.
    public let segment: UInt64
    /// When it was written, by its author's clock.
    public let stamp: HybridTime
    /// The person's or agent's name that its author gave.
    public let actor: String
    /// What it would have changed.
    public let change: RecordChange
    /// Why it counts nowhere.
    public let reason: String
    /// Whether somebody here has written it anew.
    public let isTaken: Bool

    /// Its collection, as people call it.
    public var collection: String { Collection.name(change.collection) }
    /// The values by the names of their fields.
    public var values: [(name: String, value: FieldValue)] {
        let known = Collection.numbered(change.collection)
        return change.fields.map { (known?.column($0.field) ?? "field_\($0.field)", $0.value) }
    }

    /// Whether it can be written anew: a value of a record that this program knows, and no purge, which a
    /// person who wants it repeats.
    public var canBeTaken: Bool {
        Collection.numbered(change.collection) != nil
            && !change.fields.contains { $0.field == Collection.purgedField }
    }
}

extension ReadTransaction {
    /// The changes of a device that count nowhere, in the order in which they were written.
    public func voidChanges(of device: DeviceID) throws -> [VoidChange] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT device, incarnation, stream, sequence, stamp, actor, collection, record, birth_device,
                    birth_incarnation, counter, fields, reason, is_taken, number
                FROM sync_void WHERE device = ? ORDER BY stamp, number
                """,
            arguments: [Data(device.bytes)])
        return try rows.map { row in
            VoidChange(
                number: row[14], lane: try Lane(row), segment: UInt64(clamping: row[3] as Int64),
                stamp: HybridTime(rawValue: row[4]), actor: row[5],
                change: RecordChange(
                    collection: row[6], id: row[7],
                    dot: Dot(
                        origin: Origin(device: Array(row[8] as Data), incarnation: row[9]), counter: row[10]),
                    fields: try FieldCodec.decode(Array(row[11] as Data))),
                reason: row[12], isTaken: row[13])
        }
    }

    /// How many changes count nowhere and were not taken over, of all devices.
    public func voidChangeCount() throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM sync_void WHERE NOT is_taken") ?? 0
    }
}

extension WriteTransaction {
    /// Keeps changes of a segment that count nowhere; where some of a segment are kept for the same reason
    /// already, these are the same.
    public func keepVoid(
        _ batches: [ChangeBatch], of lane: Lane, in segment: UInt64, because reason: String
    ) throws {
        let place = lane.arguments + [Int64(clamping: segment)]
        let isKept = try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM sync_void
                    WHERE device = ? AND incarnation = ? AND stream = ? AND sequence = ? AND reason = ?)
                """,
            arguments: place + [reason])
        guard isKept != true else { return }
        for batch in batches {
            for change in batch.changes { try setAside(change, of: batch, at: place, because: reason) }
        }
    }

    private func setAside(
        _ change: RecordChange, of batch: ChangeBatch, at place: StatementArguments, because reason: String
    ) throws {
        // What somebody has seen is of no use to anybody.
        guard change.collection != SeenNote.collection else { return }
        try db.cachedStatement(
            sql: """
                INSERT INTO sync_void(device, incarnation, stream, sequence, stamp, actor, collection,
                    record, birth_device, birth_incarnation, counter, fields, reason, is_taken)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
                """
        ).execute(
            arguments: place + [
                batch.stamp.rawValue, batch.actor, change.collection, change.id,
                Data(change.dot.origin.device), change.dot.origin.incarnation, change.dot.counter,
                Data(FieldCodec.encode(change.fields)), reason,
            ])
    }

    /// Takes back what this vault's own device wrote, has not sealed and may not write any more: it would
    /// count nowhere else.
    ///
    /// - Returns: how many changes.
    public func setAsideUnsealed(
        by author: Author, in stream: UInt16, as rules: WriteRules, because reason: String
    ) throws -> Int {
        let place = Lane(author: author, stream: stream).arguments + [0]
        var touched: Set<RecordKey> = []
        var count = 0
        for batch in try unsealedBatches(of: author.device.bytes, in: stream, limit: Int(Int32.max)) {
            for change in batch.changes where rules.objection(to: change) != nil {
                try setAside(change, of: batch, at: place, because: reason)
                try db.execute(
                    sql: """
                        DELETE FROM change WHERE batch = ? AND collection = ? AND record = ? AND fields = ?
                        """,
                    arguments: [
                        batch.sequence, change.collection, change.id, Data(FieldCodec.encode(change.fields)),
                    ])
                let verdict =
                    change.collection == Verdict.collection ? Verdict(id: change.id, change.fields) : nil
                touched.insert(verdict?.write.key ?? RecordKey(change.collection, change.id))
                count += 1
            }
        }
        for key in touched.sorted() { try show(state(key), changes: 1) }
        return count
    }

    /// Writes a void change anew, as this device's own: its values are the newest from here.
    ///
    /// - Throws: `invalid` for one that can't be.
    public func take(_ void: VoidChange) throws {
        guard void.canBeTaken, let collection = Collection.numbered(void.change.collection) else {
            throw VaultError(
                .invalid, "the change \(void.number) can't be taken over: it is no value of a record")
        }
        var state = try state(RecordKey(void.change.collection, void.change.id))
        guard state.purge == nil else {
            throw VaultError(.conflict, "\(void.change.id) was removed for good")
        }
        if state.exists {
            try change(&state, void.change.fields)
        } else {
            try insert(collection, id: void.change.id, void.change.fields)
        }
        // Of a document's content its author alone has said where it is.
        let origin = Origin(
            device: void.lane.author.device.bytes, incarnation: void.lane.author.incarnation)
        try noteBlobs(in: [
            ChangeBatch(
                sequence: 0, stamp: void.stamp, origin: origin, actor: void.actor, changes: [void.change])
        ])
        try db.execute(sql: "UPDATE sync_void SET is_taken = 1 WHERE number = ?", arguments: [void.number])
    }
}
