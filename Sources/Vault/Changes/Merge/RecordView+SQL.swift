internal import FoundationEssentials
internal import GRDB

/// The typed tables show what is believed now of the records' states.
extension WriteTransaction {
    /// The last stamp that this transaction takes for true.
    var believed: HybridTime { .lastBelieved(at: now) }

    /// Makes a record's row what its state says.
    /// - Parameter changes: how many changes are new: so much the row's version rises.
    func show(_ state: RecordState, changes: Int64) throws {
        try noteHidden(state)
        guard let collection = Collection.numbered(state.key.collection) else { return }
        guard let dot = state.dot, let last = state.lastStamp(notAfter: believed) else {
            try db.cachedStatement(sql: "DELETE FROM \(collection.table) WHERE id = ?")
                .execute(arguments: [state.key.id])
            return
        }
        let shown = collection.shown { state.winner($0, notAfter: believed)?.value }
        let number = try origins.number(db, of: dot.origin)
        let select = try db.cachedStatement(
            sql: """
                SELECT \(shown.map(\.column).joined(separator: ",")), origin, counter, updated_at, version
                FROM \(collection.table) WHERE id = ?
                """)
        guard let row = try Row.fetchOne(select, arguments: [state.key.id]) else {
            return try Self.insertRow(
                db, collection, id: state.key.id, origin: number, counter: dot.counter,
                version: max(1, changes), at: last.time, shown)
        }
        var new = shown.enumerated().filter { !$0.element.value.isStored(in: row, $0.offset) }.map(\.element)
        let header: [(String, Int64)] = [
            ("origin", number), ("counter", dot.counter), ("updated_at", last.time.milliseconds),
            // What somebody read before must not look unchanged.
            ("version", row[shown.count + 3] + (new.isEmpty ? changes : max(1, changes))),
        ]
        for (index, column) in header.enumerated() where column.1 != row[shown.count + index] as Int64 {
            new.append((column.0, .integer(column.1)))
        }
        try setRow(collection, state.key.id, new)
    }

    /// `show`, where it is known what can have changed.
    func showPlainly(_ touched: TouchedRecord) throws {
        let state = touched.state
        guard let collection = Collection.numbered(state.key.collection), let dot = state.dot,
            let latest = touched.latest
        else { return }
        if touched.isNew {
            return try Self.insertRow(
                db, collection, id: state.key.id, origin: origins.number(db, of: dot.origin),
                counter: dot.counter, version: touched.changes, at: latest.time,
                collection.shown { state.winner($0)?.value })
        }
        let changed = touched.changed.compactMap { field in
            collection.shown(field, state.winner(field)?.value)
        }
        let sets = changed.map { "\($0.column) = ?, " }.joined()
        let values: [any DatabaseValueConvertible] = changed.map(\.value.databaseValue)
        try db.cachedStatement(
            sql: """
                UPDATE \(collection.table)
                SET \(sets)version = version + ?, updated_at = max(updated_at, ?) WHERE id = ?
                """
        ).execute(
            arguments: StatementArguments(
                values + [touched.changes, latest.time.milliseconds, state.key.id]))
        guard db.changesCount > 0 else { return try show(state, changes: touched.changes) }
        try endLostClaim(collection, state.key.id, changed)
    }

    private func setRow(
        _ collection: Collection, _ id: String, _ columns: [(column: String, value: FieldValue)]
    ) throws {
        guard !columns.isEmpty else { return }
        let sets = columns.map { "\($0.column) = ?" }.joined(separator: ", ")
        let values: [any DatabaseValueConvertible] = columns.map(\.value.databaseValue)
        try db.cachedStatement(sql: "UPDATE \(collection.table) SET \(sets) WHERE id = ?")
            .execute(arguments: StatementArguments(values + [id]))
        try endLostClaim(collection, id, columns)
    }

    private func endLostClaim(
        _ collection: Collection, _ id: String, _ columns: [(column: String, value: FieldValue)]
    ) throws {
        guard collection.number == Collection.task.number,
            columns.contains(where: { $0.column == "status" || $0.column == "assigned_to" })
        else { return }
        // A claim that lost against another vault's: its holder is told by the next use of the lease.
        try db.cachedStatement(
            sql: """
                UPDATE task SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL
                WHERE id = ? AND lease_token IS NOT NULL
                    AND (status <> 'in_progress' OR assigned_to IS NOT lease_holder)
                """
        ).execute(arguments: [id])
    }
}

extension FieldValue {
    /// Whether a row has it already. Texts are compared by their bytes.
    fileprivate func isStored(in row: Row, _ index: Int) -> Bool {
        switch (self, (row[index] as DatabaseValue).storage) {
        case (.null, .null): true
        case (.integer(let a), .int64(let b)): a == b
        case (.real(let a), .double(let b)): a.bitPattern == b.bitPattern
        case (.text(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.blob(let a), .blob(let b)): b.elementsEqual(a)
        default: false
        }
    }
}

extension RecordState {
    /// The latest stamp that counts for anything; nil when nothing does.
    func lastStamp(notAfter limit: HybridTime) -> HybridTime? {
        fields.compactMap { field in
            field.registers.last { $0.stamp <= limit && !isDemoted($0, field.number) }?.stamp
        }.max()
    }

    /// What was written after `limit` and not judged yet.
    func writes(after limit: HybridTime) -> [FieldWrite] {
        var found: [(register: Register, field: UInt32)] = []
        for field in fields {
            for register in field.registers.reversed() {
                guard register.stamp > limit else { break }
                if !isDemoted(register, field.number) { found.append((register, field.number)) }
            }
        }
        found.sort { ($0.register.stamp, $0.register.origin) < ($1.register.stamp, $1.register.origin) }
        var writes: [FieldWrite] = []
        for (register, field) in found {
            var fields = [field]
            if let last = writes.last, last.stamp == register.stamp, last.origin == register.origin {
                fields += last.fields
                writes.removeLast()
            }
            writes.append(
                FieldWrite(key: key, origin: register.origin, stamp: register.stamp, fields: fields))
        }
        return writes
    }
}
