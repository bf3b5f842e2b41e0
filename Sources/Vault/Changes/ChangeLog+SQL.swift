internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// The sequence of the newest transaction in this vault's log, 0 when there is none: two reads that see
    /// the same one see the same travelling records.
    public func lastChangeSequence() throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT seq FROM change_batch ORDER BY seq DESC LIMIT 1")) ?? 0
    }

    /// The transactions that changed travelling records, in the order of this vault's log.
    /// - Parameters:
    ///   - sequence: only later ones.
    ///   - last: none behind this one.
    ///   - limit: at most so many; 0 means all.
    public func changes(
        after sequence: Int64, through last: Int64 = .max, limit: Int = 0
    ) throws -> [ChangeBatch] {
        let batches = try Row.fetchAll(
            db,
            sql: """
                SELECT seq, stamp, origin, actor FROM change_batch WHERE seq > ? AND seq <= ? ORDER BY seq
                \(limit > 0 ? "LIMIT \(limit)" : "")
                """,
            arguments: [sequence, last])
        let statement = try db.cachedStatement(
            sql: "SELECT collection, record, origin, counter, fields FROM change WHERE batch = ? ORDER BY seq"
        )
        return try batches.map { row in
            let changes = try Row.fetchAll(statement, arguments: [row[0] as Int64]).map { change in
                RecordChange(
                    collection: change[0], id: change[1],
                    dot: Dot(origin: try origins.origin(db, change[2]), counter: change[3]),
                    fields: try FieldCodec.decode(Array(change[4] as Data)))
            }
            return ChangeBatch(
                sequence: row[0], stamp: HybridTime(rawValue: row[1]), origin: try origins.origin(db, row[2]),
                actor: row[3], changes: changes)
        }
    }
}
