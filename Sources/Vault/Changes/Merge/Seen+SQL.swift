internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// Whether whoever wrote `later` had taken over `earlier` by then, as far as this vault was told.
    func wasSeen(_ earlier: Register, by later: Register, _ group: SyncGroup) throws -> Bool {
        if earlier.origin == later.origin { return earlier.stamp <= later.stamp }
        let upTo = try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT max(s.upto) FROM seen s
                    JOIN origin a ON a.id = s.observer JOIN origin b ON b.id = s.observed
                    WHERE a.device = ? AND a.incarnation = ? AND b.device = ? AND b.incarnation = ?
                        AND s.sync_group = ? AND s.since <= ?
                    """),
            arguments: [
                Data(later.origin.device), later.origin.incarnation, Data(earlier.origin.device),
                earlier.origin.incarnation, group.rawValue, later.stamp.rawValue,
            ])
        return upTo.map { $0 >= earlier.stamp.rawValue } ?? false
    }
}

extension WriteTransaction {
    /// Remembers what was taken over, until the next batch of this vault's own tells the others.
    func hear(_ batches: [ChangeBatch]) throws {
        var last: [SyncGroup: [Origin: HybridTime]] = [:]
        for batch in batches where batch.stamp <= believed && batch.origin != origin {
            for group in Set(batch.changes.map(\.group)) {
                let before = last[group]?[batch.origin] ?? batch.stamp
                last[group, default: [:]][batch.origin] = max(before, batch.stamp)
            }
        }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO heard(sync_group, origin, upto, told) VALUES (?, ?, ?, 0)
                ON CONFLICT(sync_group, origin) DO UPDATE SET upto = max(upto, excluded.upto)
                """)
        for (group, stamps) in last {
            for (origin, stamp) in stamps {
                try statement.execute(
                    arguments: [group.rawValue, origins.number(db, of: origin), stamp.rawValue])
            }
        }
    }

    /// What the others have not been told yet of what was taken over; they count as told.
    func untold(_ group: SyncGroup) throws -> SeenNote? {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT origin, upto FROM heard WHERE sync_group = ? AND upto > told ORDER BY origin"),
            arguments: [group.rawValue])
        guard !rows.isEmpty else { return nil }
        try db.execute(
            sql: "UPDATE heard SET told = upto WHERE sync_group = ?", arguments: [group.rawValue])
        return try SeenNote(
            group: group,
            entries: rows.map { row in
                SeenNote.Entry(
                    origin: try origins.origin(db, row[0]), upTo: HybridTime(rawValue: row[1]))
            })
    }

    /// Remembers what an author says that it had taken over.
    func note(_ note: SeenNote, by observer: Origin, since stamp: HybridTime) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO seen(observer, sync_group, observed, since, upto)
                VALUES (?, ?, ?, ?, ?)
                """)
        for entry in note.entries {
            try statement.execute(
                arguments: [
                    origins.number(db, of: observer), note.group.rawValue,
                    origins.number(db, of: entry.origin), stamp.rawValue, entry.upTo.rawValue,
                ])
        }
    }
}
