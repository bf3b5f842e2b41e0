internal import FoundationEssentials
internal import GRDB

extension WriteTransaction {
    /// Takes over changes from elsewhere: of each field the value with the latest (stamp, device, value)
    /// counts, in whatever order they arrive. Fields and collections that this program doesn't know are kept
    /// in the log. Must come first in its transaction; each batch must be given once.
    package func apply(_ batches: [ChangeBatch]) throws {
        let last = try Int64.fetchOne(db, sql: "SELECT stamp FROM change_batch ORDER BY seq DESC LIMIT 1")
        for batch in batches {
            let origin = try OriginTable.id(db, of: batch.origin)
            try db.execute(
                sql: "INSERT INTO change_batch(random, stamp, origin, actor) VALUES (blind(), ?, ?, ?)",
                arguments: [batch.stamp.rawValue, origin, batch.actor])
            let sequence = db.lastInsertedRowID
            for change in batch.changes { try merge(change, batch, sequence) }
        }
        let seen = batches.map(\.stamp) + [last.map(HybridTime.init(rawValue:))].compactMap { $0 }
        try openBatch(after: seen.max())
    }

    private func merge(_ change: RecordChange, _ batch: ChangeBatch, _ sequence: Int64) throws {
        let dotOrigin = try OriginTable.id(db, of: change.dot.origin)
        let winning = try change.fields.filter { field in
            guard let rival = try newest(field.field, of: change) else { return true }
            return rival < Rank(batch.stamp, batch.origin, field.value)
        }
        let isPurged = try newest(Collection.purgedField, of: change) != nil
        try db.execute(
            sql: """
                INSERT INTO change(batch, collection, record, origin, counter, fields)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                sequence, change.collection, change.id, dotOrigin, change.dot.counter,
                Data(isPurged ? [] : FieldCodec.encode(change.fields)),
            ])
        guard let collection = Collection.numbered(change.collection), !isPurged else { return }
        if change.fields.contains(where: { $0.field == Collection.purgedField }) {
            try db.execute(sql: "DELETE FROM \(collection.table) WHERE id = ?", arguments: [change.id])
            try db.execute(
                sql: "DELETE FROM change WHERE record = ?1 AND collection = ?2 AND batch < ?3",
                arguments: [change.id, change.collection, sequence])
            return
        }
        let time = batch.stamp.time
        guard try Self.updateRow(db, collection, id: change.id, at: time, winning) == nil else { return }
        try Self.insertRow(
            db, collection, id: change.id, origin: dotOrigin, counter: change.dot.counter, version: 1,
            at: time, winning)
    }

    /// How values of one field compare.
    private struct Rank: Comparable {
        let stamp: HybridTime
        let device: [UInt8]
        let value: [UInt8]

        init(_ stamp: HybridTime, _ origin: Origin, _ value: FieldValue) {
            self.stamp = stamp
            device = origin.device
            self.value = FieldCodec.encode([FieldChange(0, value)])
        }

        static func < (a: Rank, b: Rank) -> Bool {
            if a.stamp != b.stamp { return a.stamp < b.stamp }
            if a.device != b.device { return a.device.lexicographicallyPrecedes(b.device) }
            return a.value.lexicographicallyPrecedes(b.value)
        }
    }

    private func newest(_ field: UInt32, of change: RecordChange) throws -> Rank? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT c.fields, b.stamp, o.device, o.incarnation FROM change c
                JOIN change_batch b ON b.seq = c.batch JOIN origin o ON o.id = b.origin
                WHERE c.record = ? AND c.collection = ?
                """)
        let rows = try Row.fetchAll(statement, arguments: [change.id, change.collection])
        return try rows.flatMap { row in
            try FieldCodec.decode(Array(row[0] as Data)).filter { $0.field == field }.map { found in
                Rank(
                    HybridTime(rawValue: row[1]), Origin(device: Array(row[2] as Data), incarnation: row[3]),
                    found.value)
            }
        }.max()
    }
}
