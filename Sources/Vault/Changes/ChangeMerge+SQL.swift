internal import FoundationEssentials
internal import GRDB

extension WriteTransaction {
    /// Takes over changes from elsewhere, in whatever order they arrive: of each field the newest value
    /// counts (`RecordState`). Fields and collections that this program doesn't know are kept in the log.
    /// Each batch must be given once.
    ///
    /// A stamp more than ten minutes ahead of the clock is not believed: the tables show the value below it,
    /// the clock of this vault does not follow it, and the report names it.
    @discardableResult
    public func apply(_ batches: [ChangeBatch]) throws -> MergeReport {
        var rest = [batches]
        return try apply { rest.popLast() }
    }

    /// `apply`, of what is too much to be held at once.
    /// - Parameter slice: gives the next batches; nil at the end.
    @discardableResult
    func apply(slices slice: () throws -> [ChangeBatch]?) throws -> MergeReport {
        var merge = Merge(last: try clock())
        toldGroups = []
        while let batches = try slice() {
            merge.beginSlice()
            try hear(batches)
            for batch in batches {
                if batch.stamp <= believed { merge.seen = max(merge.seen ?? batch.stamp, batch.stamp) }
                let sequence = try appendBatch(batch.stamp, origins.number(db, of: batch.origin), batch.actor)
                for change in batch.changes {
                    switch change.collection {
                    case Verdict.collection: try take(verdict: change, to: sequence, &merge)
                    case Collection.control: try take(control: change, batch, to: sequence)
                    default: try take(change, batch, sequence, &merge)
                    }
                }
            }
            try show(&merge)
        }
        // Only now do the tables show all that conflicts are looked for in.
        for key in merge.suspects {
            merge.report.conflicts += try noteConflicts(in: merge.records[key]?.state ?? state(key))
        }
        if merge.purgesTasks { try SearchIndex.compact(db) }
        // The newest row of the log is this vault's own again, and later than all it believes.
        try beginBatch(after: [try ownClock(merge), merge.seen].compactMap { $0 }.max())
        try refreshHidden()
        return merge.report
    }

    /// Lets the tables show what a slice has changed.
    private func show(_ merge: inout Merge) throws {
        let hidden = try hiddenRecords()
        let known = try recordsInConflict()
        for key in merge.order {
            guard let touched = merge.records[key] else { continue }
            if touched.isPlain && !hidden.contains(key) {
                try showPlainly(touched)
            } else {
                try show(touched.state, changes: touched.changes)
            }
            merge.report.future += touched.state.writes(after: believed)
            if touched.state.mayConflict || known.contains(key) { merge.suspects.append(key) }
        }
    }

    /// The records that an `apply` touches, each loaded once.
    private struct Merge {
        /// The last stamp of this vault before.
        let last: HybridTime?
        var order: [RecordKey] = []
        var records: [RecordKey: TouchedRecord] = [:]
        /// Records that may be in conflict, of all slices.
        var suspects: [RecordKey] = []
        /// The last believed stamp of what came.
        var seen: HybridTime?
        var report = MergeReport()
        var purgesTasks = false
        /// Somebody found this device's clock to be ahead.
        var demotesOwn = false

        mutating func beginSlice() {
            order = []
            records = [:]
        }
    }

    private func take(
        _ change: RecordChange, _ batch: ChangeBatch, _ sequence: Int64, _ merge: inout Merge
    ) throws {
        let key = RecordKey(change.collection, change.id)
        guard key.isValid else { return }
        try load(key, &merge)
        let purge = change.fields.filter { $0.field == Collection.purgedField }.prefix(1)
        let wasPurged = merge.records[key]?.state.purge != nil
        let fields = purge.isEmpty && !wasPurged ? change.fields : Array(purge)
        let number = try appendChange(
            to: sequence, change.collection, change.id,
            dot: (origins.number(db, of: change.dot.origin), change.dot.counter), fields)
        if !purge.isEmpty && !wasPurged {
            try forget(key, but: number)
            merge.purgesTasks = merge.purgesTasks || change.collection == Collection.task.number
        }
        merge.report.fields += fields.count
        merge.records[key]?.apply(fields, change.dot, batch.stamp, batch.origin, believed)
    }

    /// Takes over what is about the log itself, or what only a later program understands.
    private func take(control change: RecordChange, _ batch: ChangeBatch, to sequence: Int64) throws {
        guard RecordKey(change.collection, change.id).isValid else { return }
        _ = try appendChange(
            to: sequence, change.collection, change.id,
            dot: (origins.number(db, of: change.dot.origin), change.dot.counter), change.fields)
        guard change.collection == SeenNote.collection, let note = SeenNote(id: change.id, change.fields)
        else { return }
        try self.note(note, by: batch.origin, since: batch.stamp)
    }

    private func take(verdict change: RecordChange, to sequence: Int64, _ merge: inout Merge) throws {
        guard RecordKey(change.collection, change.id).isValid else { return }
        _ = try appendChange(
            to: sequence, change.collection, change.id,
            dot: (origins.number(db, of: change.dot.origin), change.dot.counter), change.fields)
        guard let verdict = Verdict(id: change.id, change.fields) else { return }
        merge.demotesOwn = merge.demotesOwn || verdict.write.origin.device == origin.device
        // The log has it now, so that loading applies it too; twice is as once.
        try load(verdict.write.key, &merge)
        merge.records[verdict.write.key]?.state.apply(verdict)
        merge.records[verdict.write.key]?.isPlain = false
    }

    private func load(_ key: RecordKey, _ merge: inout Merge) throws {
        guard merge.records[key] == nil else { return }
        merge.records[key] = TouchedRecord(try state(key))
        merge.order.append(key)
    }

    /// The stamp that the next one follows. A device whose clock was ahead, and is right again, falls back to
    /// what it believes now; until somebody has said so, its stamps only rise.
    private func ownClock(_ merge: Merge) throws -> HybridTime? {
        guard merge.demotesOwn, let last = merge.last, last > believed else { return merge.last }
        // What was told under stamps that are void now must be told again.
        try db.execute(sql: "UPDATE heard SET told = 0")
        return try Int64.fetchOne(
            db, sql: "SELECT max(stamp) FROM change_batch WHERE stamp <= ?", arguments: [believed.rawValue]
        ).map(HybridTime.init(rawValue:))
    }
}
