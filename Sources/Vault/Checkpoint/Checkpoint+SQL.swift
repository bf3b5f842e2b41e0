internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// How long what was overwritten by a value from the future is kept in checkpoints: a day of
    /// milliseconds. Longer than any clock is off that still judges the stamps of others.
    private static let doubtMilliseconds: Int64 = 86_400_000

    /// The state root of what the segments up to a vector say, whatever else was applied or written since.
    ///
    /// - Parameters:
    ///   - vector: no further than what was applied here.
    ///   - chunk: given the chunks of a checkpoint, one after the other; nil when only the root is wanted.
    /// - Returns: nil when it can't be told any more: something was purged since, or a checkpoint was taken
    ///   over that reaches further.
    public func checkpoint(
        at vector: [Observation], chunk: (([UInt8]) throws -> Void)? = nil
    ) throws -> StateRoot? {
        let coverage = try SegmentCoverage(self, vector: vector)
        guard !coverage.isPartial else { return nil }
        let limit = HybridTime(
            rawValue: max(0, now.milliseconds - Self.doubtMilliseconds) << 16 | 0xFFFF)
        var hasPurgedSince = false
        var hasher = StateRootHasher()
        var writer = CheckpointChunkWriter()
        func flush() throws {
            let full = writer
            writer = CheckpointChunkWriter()
            try chunk?(full.finish())
        }
        var verdicts = try coveredVerdicts(in: coverage)
        var kept: [Verdict] = []
        try forEachState(in: coverage, hasPurgedSince: &hasPurgedSince) { state in
            var state = state
            for verdict in verdicts.removeValue(forKey: state.key) ?? [] { state.apply(verdict) }
            hasher.add(state)
            kept += state.verdictsBeyondCandidates()
            guard chunk != nil, let image = state.image(keepingAfter: limit) else { return }
            writer.add(image)
            if writer.count >= CheckpointChunk.target { try flush() }
        }
        guard !hasPurgedSince else { return nil }
        if chunk != nil {
            for verdict in (kept + verdicts.values.joined()).sorted(by: Self.order) { writer.add(verdict) }
            for sighting in try sightings(in: coverage, after: limit) { writer.add(sighting) }
            try flush()
        }
        return hasher.finalize()
    }

    private static func order(_ a: Verdict, _ b: Verdict) -> Bool {
        let (left, right) = (a.write, b.write)
        if left.key != right.key { return left.key < right.key }
        if (left.stamp, left.origin) != (right.stamp, right.origin) {
            return (left.stamp, left.origin) < (right.stamp, right.origin)
        }
        if left.fields != right.fields { return left.fields.lexicographicallyPrecedes(right.fields) }
        return !a.settles && b.settles
    }

    /// Every record that what is covered has made, in the order of keys, with what is covered of its changes.
    private func forEachState(
        in coverage: SegmentCoverage, hasPurgedSince: inout Bool, _ body: (RecordState) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT c.fields, b.stamp, b.origin, c.origin, c.counter, c.collection, c.record, b.seq
                FROM change c INDEXED BY change_of_record CROSS JOIN change_batch b ON b.seq = c.batch
                WHERE c.collection NOT BETWEEN 50 AND 59 ORDER BY c.collection, c.record
                """)
        var state: RecordState?
        func close() throws {
            if let state, state.exists { try body(state) }
        }
        while let row = try rows.next() {
            let key = RecordKey(row[5], row[6])
            if key != state?.key {
                try close()
                state = RecordState(key)
            }
            let fields = try FieldCodec.decode(Array(row[0] as Data))
            guard coverage.covers(row[7], by: row[2], in: SyncStream.of(collection: key.collection)) else {
                hasPurgedSince =
                    hasPurgedSince || fields.contains { $0.field == Collection.purgedField }
                continue
            }
            state?.apply(
                fields, dot: Dot(origin: try origins.origin(db, row[3]), counter: row[4]),
                stamp: HybridTime(rawValue: row[1]), origin: try origins.origin(db, row[2]))
        }
        try close()
    }

    private func coveredVerdicts(in coverage: SegmentCoverage) throws -> [RecordKey: [Verdict]] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT c.record, c.fields, b.seq, b.origin
                FROM change c JOIN change_batch b ON b.seq = c.batch
                WHERE c.collection = ?
                """,
            arguments: [Verdict.collection])
        var verdicts: [RecordKey: [Verdict]] = [:]
        while let row = try rows.next() {
            let fields = try FieldCodec.decode(Array(row[1] as Data))
            guard let verdict = Verdict(id: row[0], fields),
                coverage.covers(
                    row[2], by: row[3], in: SyncStream.of(collection: verdict.write.key.collection))
            else { continue }
            verdicts[verdict.write.key, default: []].append(verdict)
        }
        return verdicts
    }

    /// What authors said that they had seen: all of the last time, and of what was before the newest.
    private func sightings(
        in coverage: SegmentCoverage, after limit: HybridTime
    ) throws -> [CheckpointChunk.Sighting] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT c.record, c.fields, b.seq, b.origin, b.stamp
                FROM change c JOIN change_batch b ON b.seq = c.batch WHERE c.collection = ? ORDER BY b.stamp
                """,
            arguments: [SeenNote.collection])
        struct Pair: Hashable {
            let observer: Origin
            let group: SyncGroup
            let observed: Origin
        }
        var newest: [Pair: CheckpointChunk.Sighting] = [:]
        var recent: [CheckpointChunk.Sighting] = []
        // Notes that are older than a record may lie in the trash no longer matter to any conflict.
        let horizon = HybridTime(rawValue: limit.rawValue - Self.trashMilliseconds << 16)
        while let row = try rows.next() {
            guard let note = SeenNote(id: row[0], try FieldCodec.decode(Array(row[1] as Data))),
                coverage.covers(row[2], by: row[3], in: SyncStream.of(note.group))
            else { continue }
            let observer = try origins.origin(db, row[3])
            for entry in note.entries {
                let sighting = CheckpointChunk.Sighting(
                    observer: observer, since: HybridTime(rawValue: row[4]), group: note.group,
                    observed: entry.origin, upTo: entry.upTo)
                if sighting.since > horizon {
                    recent.append(sighting)
                } else {
                    newest[Pair(observer: observer, group: note.group, observed: entry.origin)] = sighting
                }
            }
        }
        return (Array(newest.values) + recent).sorted {
            ($0.since, $0.observer, $0.group.rawValue, $0.observed)
                < ($1.since, $1.observer, $1.group.rawValue, $1.observed)
        }
    }

    /// How long deleted records are kept.
    private static let trashMilliseconds: Int64 = 30 * 86_400_000
}

/// A checkpoint that can't be taken over, for a reason that lies in it.
public struct CheckpointRefusal: Error {
    public let reason: String

    public init(reason: String) { self.reason = reason }
}

extension WriteTransaction {
    /// Takes over a checkpoint: what it says counts as applied up to its vector. Must come first in its
    /// transaction.
    ///
    /// - Parameters:
    ///   - vector: how far it speaks; of each lane at least as far as was applied here counts.
    ///   - root: what its author says that it comes to.
    ///   - chunk: gives its chunks one after the other; nil at the end.
    /// - Throws: `CheckpointRefusal` when the chunks are malformed or come to another root: nothing of the
    ///   transaction must be kept then.
    @discardableResult
    public func apply(
        checkpointAt vector: [Observation], root: StateRoot, chunk: () throws -> [UInt8]?
    ) throws -> MergeReport {
        let first = try lastChangeSequence() + 1
        var hasher = StateRootHasher()
        var last: RecordKey?
        let report = try apply {
            guard let bytes = try chunk() else { return nil }
            let content: CheckpointChunk.Content
            do { content = try CheckpointChunk.decode(bytes) } catch {
                throw CheckpointRefusal(reason: "its content is malformed")
            }
            for image in content.images {
                guard last.map({ $0 < image.key }) ?? true else {
                    throw CheckpointRefusal(reason: "its records are not in order")
                }
                last = image.key
                hasher.add(image.state)
            }
            let batches = Self.batches(of: content)
            try noteBlobs(in: batches)
            return batches
        }
        guard hasher.finalize() == root else {
            throw CheckpointRefusal(reason: "it does not come to the state root that it names")
        }
        // The vault's own newest transaction ends every `apply`.
        let end = try max(first, lastChangeSequence() - 1)
        try db.execute(
            sql: "INSERT INTO sync_checkpoint(first_batch, last_batch) VALUES (?, ?)",
            arguments: [first, end])
        for seen in vector where try segmentHash(seen.lane, seen.position.sequence) == nil {
            try addSegment(seen.lane, seen.position, first...end, isOwn: false)
        }
        return report
    }

    /// The transactions that a chunk's images and notes came from, as far as they still matter.
    private static func batches(of content: CheckpointChunk.Content) -> [ChangeBatch] {
        struct Name: Hashable {
            let stamp: HybridTime
            let origin: Origin
        }
        var batches: [ChangeBatch] = []
        var places: [Name: Int] = [:]
        func add(_ stamp: HybridTime, _ origin: Origin, _ change: RecordChange) {
            let name = Name(stamp: stamp, origin: origin)
            let place = places[name] ?? batches.count
            if place == batches.count {
                places[name] = place
                batches.append(
                    ChangeBatch(sequence: 0, stamp: stamp, origin: origin, actor: "checkpoint", changes: []))
            }
            batches[place].changes.append(change)
        }
        for image in content.images {
            for (stamp, origin, change) in image.changes() { add(stamp, origin, change) }
        }
        for verdict in content.verdicts {
            let write = verdict.write
            let change = verdict.change(dot: Dot(origin: write.origin, counter: 0))
            add(write.stamp, write.origin, change)
        }
        for sighting in content.sightings {
            let note = SeenNote(
                group: sighting.group,
                entries: [SeenNote.Entry(origin: sighting.observed, upTo: sighting.upTo)])
            add(
                sighting.since, sighting.observer,
                note.change(dot: Dot(origin: sighting.observer, counter: 0)))
        }
        return batches
    }
}
