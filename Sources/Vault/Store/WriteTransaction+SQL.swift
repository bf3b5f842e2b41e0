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
    private var batch: (sequence: Int64, origin: Int64, time: Timestamp)?

    init(db: Database, actor: String, origin: Origin, surroundings: Surroundings, ids: IDGenerator) {
        self.actor = actor
        self.origin = origin
        self.surroundings = surroundings
        self.ids = ids
        super.init(db: db, now: surroundings.now())
    }

    /// Creates a record. Null fields may be left out.
    func insert(_ collection: Collection, id: String, _ fields: [FieldChange]) throws {
        let batch = try openBatch()
        let counter = try append(
            collection, id: id, dot: nil, fields: fields.filter { $0.value != .null }, batch: batch)
        try Self.insertRow(
            db, collection, id: id, origin: batch.origin, counter: counter, version: 1, at: batch.time,
            fields)
    }

    /// Changes fields of a record that exists.
    func update(_ collection: Collection, id: String, _ fields: [FieldChange]) throws {
        guard !fields.isEmpty else { return }
        let batch = try openBatch()
        let dot = try Self.updateRow(db, collection, id: id, at: batch.time, fields)
        guard let dot else { throw VaultError(.notFound, "nothing has the id \(id)") }
        try append(collection, id: id, dot: dot, fields: fields, batch: batch)
    }

    /// Writes down a change that a statement of its own has made to the row already.
    func record(_ collection: Collection, id: String, dot: (Int64, Int64), _ fields: [FieldChange]) throws {
        try append(collection, id: id, dot: dot, fields: fields, batch: openBatch())
    }

    /// Removes a record for good: its row, and its old values from the change log. What stays is that it was.
    func purge(_ collection: Collection, id: String) throws {
        let batch = try openBatch()
        guard
            let row = try Row.fetchOne(
                db, sql: "DELETE FROM \(collection.table) WHERE id = ? RETURNING origin, counter",
                arguments: [id])
        else { return }
        try append(
            collection, id: id, dot: (row[0], row[1]),
            fields: [FieldChange(Collection.purgedField, .integer(batch.time.milliseconds))], batch: batch)
        try db.execute(
            sql: "DELETE FROM change WHERE record = ?1 AND collection = ?2 AND batch < ?3",
            arguments: [id, collection.number, batch.sequence])
    }

    /// The stamp's time: what `updated_at` of everything written in this transaction becomes.
    func stampTime() throws -> Timestamp { try openBatch().time }

    /// Called once before the commit: a transaction that changed no travelling record still carries
    /// 16 fresh random bytes (docs/FORMAT.md, "Change log").
    func finish() throws {
        guard batch == nil else { return }
        try Blinding.write(db)
    }

    @discardableResult
    func openBatch(
        after seen: HybridTime? = nil
    ) throws -> (sequence: Int64, origin: Int64, time: Timestamp) {
        if let batch { return batch }
        let origin = try OriginTable.id(db, of: origin)
        let last = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT stamp FROM change_batch ORDER BY seq DESC LIMIT 1"))
        let before = [last.map(HybridTime.init(rawValue:)), seen].compactMap { $0 }.max()
        let stamp = HybridTime(now: now, after: before)
        let statement = try db.cachedStatement(
            sql: "INSERT INTO change_batch(random, stamp, origin, actor) VALUES (blind(), ?, ?, ?)")
        try statement.execute(arguments: [stamp.rawValue, origin, actor])
        let opened = (db.lastInsertedRowID, origin, stamp.time)
        batch = opened
        return opened
    }

    /// - Returns: the number of the change, which is also the counter of a new record's dot.
    @discardableResult
    private func append(
        _ collection: Collection, id: String, dot: (Int64, Int64)?, fields: [FieldChange],
        batch: (sequence: Int64, origin: Int64, time: Timestamp)
    ) throws -> Int64 {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO change(batch, collection, record, origin, counter, fields)
                VALUES (?1, ?2, ?3, ?4, ifnull(?5, (SELECT ifnull(max(seq), 0) + 1 FROM change)), ?6)
                """)
        try statement.execute(
            arguments: [
                batch.sequence, collection.number, id, dot?.0 ?? batch.origin, dot?.1,
                Data(FieldCodec.encode(fields)),
            ])
        return db.lastInsertedRowID
    }
}

extension WriteTransaction {
    static func insertRow(
        _ db: Database, _ collection: Collection, id: String, origin: Int64, counter: Int64, version: Int64,
        at time: Timestamp, _ fields: [FieldChange]
    ) throws {
        let known = fields.compactMap { change in
            change.value == .null ? nil : collection.column(change.field).map { ($0, change.value) }
        }
        let columns = ["id", "origin", "counter", "version", "updated_at"] + known.map(\.0)
        let marks = Array(repeating: "?", count: columns.count).joined(separator: ",")
        let statement = try db.cachedStatement(
            sql: "INSERT INTO \(collection.table)(\(columns.joined(separator: ","))) VALUES (\(marks))")
        let header: [any DatabaseValueConvertible] = [id, origin, counter, version, time.milliseconds]
        try statement.execute(arguments: StatementArguments(header + known.map(\.1.databaseValue)))
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

/// Devices and incarnations by small numbers, so that each row need not repeat 20 bytes.
enum OriginTable {
    static func id(_ db: Database, of origin: Origin) throws -> Int64 {
        let arguments: StatementArguments = [Data(origin.device), origin.incarnation]
        let select = try db.cachedStatement(
            sql: "SELECT id FROM origin WHERE device = ? AND incarnation = ?")
        if let known = try Int64.fetchOne(select, arguments: arguments) { return known }
        try db.execute(sql: "INSERT INTO origin(device, incarnation) VALUES (?, ?)", arguments: arguments)
        return db.lastInsertedRowID
    }

    static func all(_ db: Database) throws -> [Int64: Origin] {
        let rows = try Row.fetchAll(db, sql: "SELECT id, device, incarnation FROM origin")
        return rows.reduce(into: [:]) { origins, row in
            origins[row[0]] = Origin(device: Array(row[1] as Data), incarnation: row[2])
        }
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
