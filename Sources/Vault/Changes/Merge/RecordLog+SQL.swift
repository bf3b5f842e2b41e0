internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// What a record is after everything the change log has of it, whether this program shows it or not.
    public func state(_ key: RecordKey) throws -> RecordState {
        var state = RecordState(key)
        let statement = try db.cachedStatement(
            sql: """
                SELECT c.fields, b.stamp, b.origin, c.origin, c.counter, c.collection
                FROM change c INDEXED BY change_of_record JOIN change_batch b ON b.seq = c.batch
                WHERE c.collection IN (?, ?) AND c.record = ?
                """)
        let changes = try Row.fetchCursor(statement, arguments: [key.collection, Verdict.collection, key.id])
        while let row = try changes.next() {
            let fields = try FieldCodec.decode(Array(row[0] as Data))
            guard row[5] == key.collection else {
                Verdict(id: key.id, fields).map { state.apply($0) }
                continue
            }
            state.apply(
                fields, dot: Dot(origin: try origins.origin(db, row[3]), counter: row[4]),
                stamp: HybridTime(rawValue: row[1]), origin: try origins.origin(db, row[2]))
        }
        return state
    }

    /// Applies the verdicts on a record's values.
    private func judge(_ state: inout RecordState) throws {
        let verdicts = try Data.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT fields FROM change INDEXED BY change_of_record WHERE collection = ? AND record = ?
                    """),
            arguments: [Verdict.collection, state.key.id])
        while let fields = try verdicts.next() {
            Verdict(id: state.key.id, try FieldCodec.decode(Array(fields))).map { state.apply($0) }
        }
    }

    /// The hash of everything that vaults with the same changes agree on. Reads the log once, in the order
    /// of the records; memory holds one of them.
    public func stateRoot() throws -> StateRoot {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT c.fields, b.stamp, b.origin, c.origin, c.counter, c.collection, c.record
                FROM change c INDEXED BY change_of_record CROSS JOIN change_batch b ON b.seq = c.batch
                WHERE c.collection NOT BETWEEN 50 AND 59 ORDER BY c.collection, c.record
                """)
        let anyVerdict = try Int.fetchOne(
            db, sql: "SELECT 1 FROM change WHERE collection = ? LIMIT 1", arguments: [Verdict.collection])
        var hasher = StateRootHasher()
        var state: RecordState?
        while true {
            let row = try rows.next()
            let key = row.map { RecordKey($0[5], $0[6]) }
            if key != state?.key {
                if var whole = state {
                    if anyVerdict != nil { try judge(&whole) }
                    hasher.add(whole)
                }
                state = key.map { RecordState($0) }
            }
            guard let row else { break }
            state?.apply(
                try FieldCodec.decode(Array(row[0] as Data)),
                dot: Dot(origin: try origins.origin(db, row[3]), counter: row[4]),
                stamp: HybridTime(rawValue: row[1]), origin: try origins.origin(db, row[2]))
        }
        return hasher.finalize()
    }
}

/// Devices and incarnations by small numbers, so that each row need not repeat 20 bytes. Remembers those
/// that its transaction has met.
final class Origins {
    private var byNumber: [Int64: Origin] = [:]
    private var numbers: [Origin: Int64] = [:]

    /// - Throws: `integrity_failure` for a number that nothing has.
    func origin(_ db: Database, _ number: Int64) throws -> Origin {
        if let known = byNumber[number] { return known }
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT device, incarnation FROM origin WHERE id = ?"),
            arguments: [number])
        guard let row else { throw VaultError(.integrityFailure, "the change log names an unknown device") }
        let origin = Origin(device: Array(row[0] as Data), incarnation: row[1])
        byNumber[number] = origin
        return origin
    }

    /// The number of an origin, which gets one if it has none.
    func number(_ db: Database, of origin: Origin) throws -> Int64 {
        if let known = numbers[origin] { return known }
        let arguments: StatementArguments = [Data(origin.device), origin.incarnation]
        let select = try db.cachedStatement(
            sql: "SELECT id FROM origin WHERE device = ? AND incarnation = ?")
        let found = try Int64.fetchOne(select, arguments: arguments)
        if found == nil {
            try db.execute(sql: "INSERT INTO origin(device, incarnation) VALUES (?, ?)", arguments: arguments)
        }
        let number = found ?? db.lastInsertedRowID
        numbers[origin] = number
        return number
    }
}
