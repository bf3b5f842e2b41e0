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
            merge.beginSlice(known: try known(in: batches))
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
            merge.report.conflicts += try noteConflicts(in: merge.state(key) ?? state(key))
        }
        if merge.purgesTasks { try SearchIndex.compact(db) }
        if merge.purgesDocuments { try ChunkIndex.compact(db) }
        // The newest row of the log is this vault's own again, and later than all it believes.
        try beginBatch(after: [try ownClock(merge), merge.seen].compactMap { $0 }.max())
        try refreshHidden()
        return merge.report
    }

    /// Lets the tables show what a slice has changed.
    private func show(_ merge: inout Merge) throws {
        let hidden = try hiddenRecords()
        let known = try recordsInConflict()
        for touched in merge.records {
            let key = touched.state.key
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
        /// In the order in which the slice names them.
        var records: [TouchedRecord] = []
        private var places: [RecordKey: Int] = [:]
        /// The ids of the slice that the log may have something of.
        private var known: Set<String> = []
        /// Records that may be in conflict, of all slices.
        var suspects: [RecordKey] = []
        /// The last believed stamp of what came.
        var seen: HybridTime?
        var report = MergeReport()
        var purgesTasks = false
        var purgesDocuments = false
        /// Somebody found this device's clock to be ahead.
        var demotesOwn = false

        init(last: HybridTime?) { self.last = last }

        mutating func beginSlice(known: Set<String>) {
            records = []
            places = [:]
            self.known = known
        }

        func state(_ key: RecordKey) -> RecordState? { places[key].map { records[$0].state } }

        /// Where a record stands among those touched, once it is loaded.
        mutating func place(_ key: RecordKey, load: (RecordKey) throws -> RecordState) rethrows -> Int {
            if let place = places[key] { return place }
            let place = records.count
            records.append(TouchedRecord(known.contains(key.id) ? try load(key) : RecordState(key)))
            places[key] = place
            return place
        }
    }

    /// The ids in these batches that the log may have something of. They are asked for at once: a question
    /// about each record would cost more than all the rest of taking over a new one.
    private func known(in batches: [ChangeBatch]) throws -> Set<String> {
        var ids: [JSONValue] = []
        var collections: Set<UInt32> = [Verdict.collection]
        for batch in batches {
            for change in batch.changes where RecordKey(change.collection, change.id).isValid {
                ids.append(.string(change.id))
                collections.insert(change.collection)
                guard change.collection == Verdict.collection else { continue }
                Verdict(id: change.id, change.fields).map { _ = collections.insert($0.write.key.collection) }
            }
        }
        let numbers = JSONValue.array(collections.sorted().map { .integer(Int64($0)) }).text
        return try String.fetchSet(
            db.cachedStatement(
                sql: """
                    SELECT i.value FROM json_each(?1) i
                    WHERE EXISTS (
                        SELECT 1 FROM json_each(?2) n CROSS JOIN change c INDEXED BY change_of_record
                        ON c.collection = n.value AND c.record = i.value)
                    """),
            arguments: [JSONValue.array(ids).text, numbers])
    }

    private func take(
        _ change: RecordChange, _ batch: ChangeBatch, _ sequence: Int64, _ merge: inout Merge
    ) throws {
        let key = RecordKey(change.collection, change.id)
        guard key.isValid else { return }
        let place = try merge.place(key, load: state)
        let purge = change.fields.filter { $0.field == Collection.purgedField }.prefix(1)
        let wasPurged = merge.records[place].state.purge != nil
        let fields = purge.isEmpty && !wasPurged ? change.fields : Array(purge)
        let number = try appendChange(
            to: sequence, change.collection, change.id,
            dot: (origins.number(db, of: change.dot.origin), change.dot.counter), fields)
        if !purge.isEmpty && !wasPurged {
            try forget(key, but: number)
            merge.purgesTasks = merge.purgesTasks || change.collection == Collection.task.number
            merge.purgesDocuments = merge.purgesDocuments || change.collection == Collection.document.number
        }
        merge.report.fields += fields.count
        merge.records[place].apply(fields, change.dot, batch.stamp, batch.origin, believed)
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
        let place = try merge.place(verdict.write.key, load: state)
        merge.records[place].state.apply(verdict)
        merge.records[place].isPlain = false
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
