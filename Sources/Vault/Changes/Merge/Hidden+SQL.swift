internal import GRDB

/// Values stamped too far ahead, which the tables don't show.
extension ReadTransaction {
    /// Whether any record has values that are hidden so.
    public func hasHidden() throws -> Bool {
        try Bool.fetchOne(db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM hidden)")) ?? false
    }

    /// All that wait to be judged, or for the clock to come near them.
    public func futureWrites() throws -> [FieldWrite] {
        let rows = try Row.fetchAll(db, sql: "SELECT collection, record FROM hidden ORDER BY 1, 2")
        return try rows.flatMap { row in
            try state(RecordKey(row[0], row[1])).writes(after: .lastBelieved(at: now))
        }
    }
}

extension WriteTransaction {
    /// Keeps values that are stamped too far ahead from ever counting, in all vaults. They stay as
    /// candidates. Only a vault whose clock is known to be right should say so; equal verdicts are one.
    public func demote(_ writes: [FieldWrite]) throws {
        for write in writes { try judge(write, settles: false) }
    }

    /// Writes down a verdict on whatever of `write` has none like it, and shows what is left.
    func judge(_ write: FieldWrite, settles: Bool) throws {
        var state = try state(write.key)
        let open = write.fields.filter {
            !state.isJudged(write.origin, write.stamp, $0, settled: settles)
        }
        guard state.purge == nil, !open.isEmpty else { return }
        let verdict = Verdict(
            FieldWrite(key: write.key, origin: write.origin, stamp: write.stamp, fields: open),
            settles: settles)
        try record(verdict)
        state.apply(verdict)
        try show(state, changes: 0)
        try noteConflicts(in: state)
    }

    /// Shows what the clock has come near in the meantime: a vault whose own clock was behind catches up.
    /// `apply` does it too; whoever syncs calls it in every round, and `Vault.maintain` once a day.
    /// - Returns: how many records changed.
    @discardableResult
    public func refreshHidden() throws -> Int {
        let due = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT collection, record FROM hidden WHERE until <= ?"),
            arguments: [believed.rawValue])
        var last: HybridTime?
        for row in due {
            let state = try state(RecordKey(row[0], row[1]))
            try show(state, changes: 0)
            try noteConflicts(in: state)
            last = [last, state.lastStamp(notAfter: believed)].compactMap { $0 }.max()
        }
        // What counts now must not count more than what is written next.
        if let last, let own = try clock(), last > own { try beginBatch(after: last) }
        return due.count
    }

    func hiddenRecords() throws -> Set<RecordKey> {
        let rows = try Row.fetchAll(db, sql: "SELECT collection, record FROM hidden")
        return Set(rows.map { RecordKey($0[0], $0[1]) })
    }

    /// Remembers a record that has hidden values until the first of them can be shown.
    func noteHidden(_ state: RecordState) throws {
        let arguments: StatementArguments = [state.key.collection, state.key.id]
        if let next = state.writes(after: believed).first {
            try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO hidden(collection, record, until) VALUES (?, ?, ?)"
            ).execute(arguments: arguments + [next.stamp.rawValue])
        } else {
            try db.cachedStatement(sql: "DELETE FROM hidden WHERE collection = ? AND record = ?")
                .execute(arguments: arguments)
        }
    }
}
