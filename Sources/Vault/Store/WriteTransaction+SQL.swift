internal import FoundationEssentials
internal import GRDB

/// The one place through which records change. Each change goes into the typed table and, as fields with
/// their numbers, into the change log, in the same transaction and under one stamp.
public final class WriteTransaction: ReadTransaction {
    /// Who writes: a person's or an agent's name.
    public let actor: String
    let ids: IDGenerator
    let surroundings: Surroundings
    let origin: Origin
    /// What this vault's device may write; nil for everything.
    let rules: WriteRules?
    private var batch: Batch?
    /// The number of the transaction in the change log; nil while it has changed no travelling record.
    var sequence: Int64? { batch?.sequence }
    /// The groups whose others need not be told anything any more.
    var toldGroups: Set<SyncGroup> = []

    init(
        db: Database, actor: String, origin: Origin, rules: WriteRules?, surroundings: Surroundings,
        ids: IDGenerator
    ) {
        self.rules = rules
        self.actor = actor
        self.origin = origin
        self.surroundings = surroundings
        self.ids = ids
        super.init(db: db, now: surroundings.now(), device: origin.device)
    }

    /// Creates a record. Null fields may be left out.
    func insert(_ collection: Collection, id: String, _ fields: [FieldChange]) throws {
        let batch = try openBatch()
        let counter = try append(
            collection.number, id: id, dot: nil, fields: fields.filter { $0.value != .null }, batch: batch)
        try Self.insertRow(
            db, collection, id: id, origin: batch.origin, counter: counter, version: 1, at: batch.time,
            fields.compactMap { field in collection.column(field.field).map { ($0, field.value) } })
    }

    /// Changes fields of a record that exists.
    func update(_ collection: Collection, id: String, _ fields: [FieldChange]) throws {
        guard !fields.isEmpty else { return }
        let batch = try batch(for: RecordKey(collection.number, id), fields)
        let dot = try Self.updateRow(db, collection, id: id, at: batch.time, fields)
        guard let dot else { throw VaultError(.notFound, "nothing has the id \(id)") }
        try append(collection.number, id: id, dot: dot, fields: fields, batch: batch)
    }

    /// Writes down a change that a statement of its own has made to the row already.
    func record(_ collection: Collection, id: String, dot: (Int64, Int64), _ fields: [FieldChange]) throws {
        let batch = try batch(for: RecordKey(collection.number, id), fields)
        try append(collection.number, id: id, dot: dot, fields: fields, batch: batch)
    }

    /// Changes fields of any record, one that no table shows too, and shows what comes of it.
    func change(_ state: inout RecordState, _ fields: [FieldChange]) throws {
        guard let dot = state.dot, !fields.isEmpty else { return }
        let batch = try batch(for: state.key, fields)
        try append(
            state.key.collection, id: state.key.id, dot: (origins.number(db, of: dot.origin), dot.counter),
            fields: fields, batch: batch)
        state.apply(fields, dot: dot, stamp: batch.stamp, origin: origin)
        try show(state, changes: 1)
    }

    /// Writes down a verdict on values of a record.
    func record(_ verdict: Verdict) throws {
        let change = verdict.change(dot: Dot(origin: origin, counter: 0))
        try rules?.require(change.collection, change.fields)
        let batch = try openBatch()
        try tell(change.group, in: batch)
        _ = try appendChange(
            to: batch.sequence, change.collection, change.id, dot: (batch.origin, nil), change.fields)
    }

    /// Tells the others what was taken over of them since they were told last.
    private func tell(_ group: SyncGroup, in batch: Batch) throws {
        guard toldGroups.insert(group).inserted, let note = try untold(group) else { return }
        let change = note.change(dot: Dot(origin: origin, counter: 0))
        _ = try appendChange(
            to: batch.sequence, change.collection, change.id, dot: (batch.origin, nil), change.fields)
        try self.note(note, by: origin, since: batch.stamp)
    }

    /// Removes a record for good: its row, and its old values from the change log. What stays is that it was.
    func purge(_ collection: Collection, id: String) throws {
        let batch = try openBatch()
        guard
            let row = try Row.fetchOne(
                db, sql: "DELETE FROM \(collection.table) WHERE id = ? RETURNING origin, counter",
                arguments: [id])
        else { return }
        let purged = try append(
            collection.number, id: id, dot: (row[0], row[1]),
            fields: [FieldChange(Collection.purgedField, .integer(batch.time.milliseconds))], batch: batch)
        try forget(RecordKey(collection.number, id), but: purged)
        try db.cachedStatement(sql: "DELETE FROM conflict WHERE collection = ? AND record = ?")
            .execute(arguments: [collection.number, id])
    }

    /// Removes what the log has of a record, but for one change.
    func forget(_ key: RecordKey, but kept: Int64) throws {
        try db.cachedStatement(sql: "DELETE FROM change WHERE collection = ? AND record = ? AND seq <> ?")
            .execute(arguments: [key.collection, key.id, kept])
    }

    /// The stamp's time: what `updated_at` of everything written in this transaction becomes.
    func stampTime() throws -> Timestamp { try openBatch().time }

    /// Called once before the commit: a transaction that changed no travelling record still carries
    /// 16 fresh random bytes (docs/FORMAT.md, "Change log").
    func finish() throws {
        guard batch == nil else { return }
        try Blinding.write(db)
    }

    /// A batch that this transaction writes to.
    struct Batch {
        let sequence: Int64
        /// The number of this vault's origin.
        let origin: Int64
        let stamp: HybridTime
        var time: Timestamp { stamp.time }
    }

    @discardableResult
    func openBatch() throws -> Batch {
        if let batch { return batch }
        return try beginBatch(after: clock())
    }

    /// The stamp that the next one of this vault must be later than: the newest row's is always its own.
    func clock() throws -> HybridTime? {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT stamp FROM change_batch ORDER BY seq DESC LIMIT 1")
        ).map(HybridTime.init(rawValue:))
    }

    /// Begins a batch of this vault's own, which may be one more in this transaction.
    @discardableResult
    func beginBatch(after last: HybridTime?) throws -> Batch {
        let stamp = HybridTime(now: now, after: last)
        let number = try origins.number(db, of: origin)
        let opened = Batch(
            sequence: try appendBatch(stamp, number, actor), origin: number, stamp: stamp)
        batch = opened
        return opened
    }

    func appendBatch(_ stamp: HybridTime, _ origin: Int64, _ actor: String) throws -> Int64 {
        try db.cachedStatement(
            sql: "INSERT INTO change_batch(random, stamp, origin, actor) VALUES (blind(), ?, ?, ?)"
        ).execute(arguments: [stamp.rawValue, origin, actor])
        return db.lastInsertedRowID
    }

    /// The batch for a change of these fields. Where one of them was changed in this transaction already, a
    /// further batch: two values of one field under one stamp would count by their bytes.
    private func batch(for key: RecordKey, _ fields: [FieldChange]) throws -> Batch {
        guard let batch else { return try openBatch() }
        let statement = try db.cachedStatement(
            sql: """
                SELECT fields FROM change INDEXED BY change_of_record
                WHERE collection = ? AND record = ? AND batch = ?
                """)
        let earlier = try Data.fetchAll(statement, arguments: [key.collection, key.id, batch.sequence])
        let written = try Set(earlier.flatMap { try FieldCodec.decode(Array($0)).map(\.field) })
        guard fields.contains(where: { written.contains($0.field) }) else { return batch }
        return try beginBatch(after: clock())
    }

    /// - Returns: the number of the change, which is also the counter of a new record's dot.
    @discardableResult
    private func append(
        _ collection: UInt32, id: String, dot: (Int64, Int64)?, fields: [FieldChange], batch: Batch
    ) throws -> Int64 {
        try rules?.require(collection, fields)
        if let group = SyncGroup(collection: collection) { try tell(group, in: batch) }
        return try appendChange(
            to: batch.sequence, collection, id, dot: (dot?.0 ?? batch.origin, dot?.1), fields)
    }

    /// - Parameter dot: origin, and counter; nil for the number that the change gets.
    func appendChange(
        to batch: Int64, _ collection: UInt32, _ id: String, dot: (Int64, Int64?), _ fields: [FieldChange]
    ) throws -> Int64 {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO change(batch, collection, record, origin, counter, fields)
                VALUES (?1, ?2, ?3, ?4, ifnull(?5, (SELECT ifnull(max(seq), 0) + 1 FROM change)), ?6)
                """)
        try statement.execute(
            arguments: [batch, collection, id, dot.0, dot.1, Data(FieldCodec.encode(fields))])
        return db.lastInsertedRowID
    }
}

extension WriteTransaction {
    /// - Parameter values: those that are null may be left out.
    static func insertRow(
        _ db: Database, _ collection: Collection, id: String, origin: Int64, counter: Int64, version: Int64,
        at time: Timestamp, _ values: [(column: String, value: FieldValue)]
    ) throws {
        var sql = "INSERT INTO \(collection.table)(id,origin,counter,version,updated_at"
        var marks = ") VALUES (?,?,?,?,?"
        var row: [(any DatabaseValueConvertible)?] = [id, origin, counter, version, time.milliseconds]
        for (column, value) in values where value != .null {
            sql += ","
            sql += column
            marks += ",?"
            row.append(value.databaseValue)
        }
        try db.cachedStatement(sql: sql + marks + ")").execute(arguments: StatementArguments(row))
        guard collection.number == Collection.task.number else { return }
        try SearchIndex.add(db, row: db.lastInsertedRowID, values)
    }

    /// - Returns: the record's dot, nil when there is no such record.
    static func updateRow(
        _ db: Database, _ collection: Collection, id: String, at time: Timestamp, _ fields: [FieldChange]
    ) throws -> (Int64, Int64)? {
        let known = fields.compactMap { change in
            collection.column(change.field).map { ($0, change.value) }
        }
        let sets = known.map { "\($0.0) = ?, " }.joined()
        let statement = try db.cachedStatement(
            sql: """
                UPDATE \(collection.table)
                SET \(sets)version = version + 1, updated_at = max(updated_at, ?)
                WHERE id = ? RETURNING origin, counter
                """)
        let values: [any DatabaseValueConvertible] = known.map(\.1.databaseValue)
        let row = try Row.fetchOne(
            statement, arguments: StatementArguments(values + [time.milliseconds, id]))
        return row.map { ($0[0], $0[1]) }
    }
}

/// Random bytes, which the SQL function `blind()` of EncryptedSQLite makes, for transactions without a
/// batch; without them the database's shared memory would hold a
/// checksum that gives plaintext away.
enum Blinding {
    static func write(_ db: Database) throws {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO blinding(id, random) VALUES (1, blind())")
            .execute()
    }
}
