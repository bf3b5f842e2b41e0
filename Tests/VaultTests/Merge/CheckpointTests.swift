import KeyRing
import TestSupport
import Testing
import Vault

/// What a checkpoint leaves out may never be missed.
@Suite struct CheckpointTests {
    private func fold(_ batches: [ChangeBatch]) -> ReplicaState {
        var state = ReplicaState()
        for batch in batches { state.apply(batch) }
        return state
    }

    private static let device = [UInt8](repeating: 9, count: 16)

    private func segment(_ number: UInt64) throws -> Observation {
        let author = Author(device: try #require(DeviceID(Self.device)), incarnation: 0)
        let lane = Lane(author: author, stream: SyncStream.tasks)
        let hash = [UInt8](repeating: UInt8(number), count: 32)
        return Observation(lane: lane, position: Position(sequence: number, hash: hash))
    }

    /// Everything travels in one stream here, whatever it belongs to elsewhere.
    private func tasksOnly(_ batches: [ChangeBatch]) -> [ChangeBatch] {
        batches.map { batch in
            var batch = batch
            batch.changes.removeAll { [5, 6].contains($0.collection) }
            return batch
        }
    }

    private func checkpoint(
        _ test: TestVault, at vector: [Observation]
    ) throws -> (root: StateRoot?, chunks: [[UInt8]]) {
        var chunks: [[UInt8]] = []
        let root = try test.vault.read { try $0.checkpoint(at: vector) { chunks.append($0) } }
        return (root, chunks)
    }

    private func load(
        _ chunks: [[UInt8]], _ root: StateRoot, at vector: [Observation], into test: TestVault
    ) throws {
        try test.vault.write { transaction in
            var rest = chunks[...]
            _ = try transaction.apply(checkpointAt: vector, root: root) { rest.popFirst() }
        }
    }

    @Test func whatComesLaterFoldsAlikeOverAnImage() throws {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        for seed in start..<start + 200 {
            var made = RandomBatches(seed: seed)
            let batches = made.make(60)
            let (before, after) = (Array(batches.prefix(40)), Array(batches.dropFirst(40)))
            let whole = fold(before)
            let limit = HybridTime(rawValue: Int64(seed % 70))
            var images = ReplicaState()
            var rest = Set<Verdict>()
            for batch in before {
                for change in batch.changes where change.collection == Verdict.collection {
                    if let verdict = Verdict(id: change.id, change.fields) { rest.insert(verdict) }
                }
            }
            for state in whole.all {
                let image = try #require(state.image(keepingAfter: limit))
                #expect(image.state.canonicalBytes() == state.canonicalBytes(), "seed \(seed)")
                let content = CheckpointChunk.Content(images: [image])
                let bytes = CheckpointChunk.encode(content)
                #expect(try CheckpointChunk.encode(CheckpointChunk.decode(bytes)) == bytes)
                for write in image.writes {
                    images.apply(
                        ChangeBatch(
                            sequence: 0, stamp: write.stamp, origin: write.origin, actor: "",
                            changes: [
                                RecordChange(
                                    collection: image.key.collection, id: image.key.id, dot: image.dot,
                                    fields: write.fields)
                            ]))
                }
                if image.writes.isEmpty {
                    images.apply(
                        ChangeBatch(
                            sequence: 0, stamp: HybridTime(rawValue: 0), origin: image.dot.origin, actor: "",
                            changes: [
                                RecordChange(
                                    collection: image.key.collection, id: image.key.id, dot: image.dot,
                                    fields: [])
                            ]))
                }
            }
            for verdict in rest {
                images.apply(
                    ChangeBatch(
                        sequence: 0, stamp: HybridTime(rawValue: 0), origin: verdict.write.origin, actor: "",
                        changes: [verdict.change(dot: Dot(origin: verdict.write.origin, counter: 0))]))
            }
            #expect(images.root() == whole.root(), "seed \(seed)")
            // Nobody judges what lies behind the limit any more.
            let believable = after.map { batch in
                var batch = batch
                batch.changes.removeAll { change in
                    change.collection == Verdict.collection
                        && Verdict(id: change.id, change.fields).map { $0.write.stamp <= limit } ?? false
                }
                return batch
            }
            var (left, right) = (whole, images)
            for batch in believable {
                left.apply(batch)
                right.apply(batch)
            }
            #expect(left.root() == right.root(), "seed \(seed), limit \(limit.rawValue)")
        }
    }

    @Test func aVaultMadeFromACheckpointIsTheSame() throws {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        for seed in start..<start + 6 {
            var made = RandomBatches(seed: seed)
            let batches = tasksOnly(made.make(80))
            let (first, second) = (
                try TestVault(seed: seed, device: 77), try TestVault(seed: seed, device: 78)
            )
            let early = Array(batches.prefix(60))
            try first.vault.write { _ = try $0.apply(segments: [(try segment(1), early)]) }
            let (root, chunks) = try checkpoint(first, at: [try segment(1)])
            #expect(try first.vault.read { try $0.stateRoot() } == root, "seed \(seed)")
            try load(chunks, try #require(root), at: [try segment(1)], into: second)
            #expect(try second.vault.read { try $0.stateRoot() } == root, "seed \(seed)")
            // Nothing of it waits to be sent from here.
            for stream in SyncStream.all {
                let device = [UInt8](repeating: 78, count: 16)
                #expect(
                    try second.vault.read { try $0.unsealedBatches(of: device, in: stream, limit: 9) }.isEmpty
                )
            }
            // These stamps are long past: nobody judges them any more.
            let late = batches.suffix(20).map { batch in
                var batch = batch
                batch.changes.removeAll { $0.collection == Verdict.collection }
                return batch
            }
            for test in [first, second] {
                try test.vault.write { _ = try $0.apply(segments: [(try segment(2), late)]) }
            }
            let roots = try [first, second].map { test in try test.vault.read { try $0.stateRoot() } }
            #expect(roots[0] == roots[1], "seed \(seed)")
        }
    }

    @Test func theRootOfThePastCanBeToldUntilSomethingIsPurged() throws {
        let test = try TestVault(seed: 1, device: 77)
        let origin = Origin(device: Self.device, incarnation: 0)
        func batch(_ stamp: Int64, _ id: String, _ fields: [FieldChange]) -> ChangeBatch {
            let change = RecordChange(
                collection: 1, id: id, dot: Dot(origin: origin, counter: 1), fields: fields)
            return ChangeBatch(
                sequence: 0, stamp: HybridTime(rawValue: stamp), origin: origin, actor: "a", changes: [change]
            )
        }
        func apply(_ number: UInt64, _ batches: [ChangeBatch]) throws {
            try test.vault.write { _ = try $0.apply(segments: [(try segment(number), batches)]) }
        }
        try apply(1, [batch(1, "task-a", [FieldChange(2, .text("old"))])])
        let root = try test.vault.read { try $0.stateRoot() }
        try apply(2, [batch(2, "task-a", [FieldChange(2, .text("new"))])])
        // What was written here and is in no segment belongs to no vector.
        try test.vault.write { _ = try $0.createTask(TaskDraft(title: "own")) }
        #expect(try checkpoint(test, at: [try segment(1)]).root == root)
        #expect(try checkpoint(test, at: [try segment(2)]).root != root)
        // Who has taken over a later one can't tell what an earlier vector comes to.
        let (later, chunks) = try checkpoint(test, at: [try segment(2)])
        let other = try TestVault(seed: 2, device: 78)
        try load(chunks, try #require(later), at: [try segment(2)], into: other)
        #expect(try checkpoint(other, at: [try segment(1)]).root == nil)
        #expect(try checkpoint(other, at: [try segment(2)]).root == later)
        try apply(3, [batch(3, "task-a", [FieldChange(101, .null)])])
        #expect(try checkpoint(test, at: [try segment(1)]).root == nil)
        #expect(try checkpoint(test, at: [try segment(3)]).root != nil)
    }

    @Test func aFalseCheckpointLeavesNothing() throws {
        let (first, second) = (try TestVault(seed: 1, device: 77), try TestVault(seed: 2, device: 78))
        var made = RandomBatches(seed: 3)
        let batches = tasksOnly(made.make(30))
        try first.vault.write { _ = try $0.apply(segments: [(try segment(1), batches)]) }
        let (root, chunks) = try checkpoint(first, at: [try segment(1)])
        let other = StateRoot(subRoots: [.tasks: [UInt8](repeating: 1, count: 32)])
        let empty = try second.vault.read { try $0.stateRoot() }
        #expect(throws: CheckpointRefusal.self) {
            try load(chunks, other, at: [try segment(1)], into: second)
        }
        var cut = chunks
        cut[0].removeLast()
        #expect(throws: CheckpointRefusal.self) {
            try load(cut, try #require(root), at: [try segment(1)], into: second)
        }
        #expect(try second.vault.read { try $0.stateRoot() } == empty)
        try load(chunks, try #require(root), at: [try segment(1)], into: second)
        #expect(try second.vault.read { try $0.stateRoot() } == root)
    }
}
