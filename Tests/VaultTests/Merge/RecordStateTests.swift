import TestSupport
import Testing
import Vault

@Suite struct RecordStateTests {
    private func fold(_ batches: [ChangeBatch]) -> ReplicaState {
        var state = ReplicaState()
        for batch in batches { state.apply(batch) }
        return state
    }

    private func bytes(_ state: ReplicaState) -> [[UInt8]] { state.all.map { $0.canonicalBytes() } }

    @Test func anyOrderGivesTheSameBytes() {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        for seed in start..<start + 60 {
            var made = RandomBatches(seed: seed)
            let batches = made.make(40)
            let first = fold(batches)
            for _ in 0..<4 {
                let other = fold(made.shuffled())
                #expect(bytes(other) == bytes(first), "seed \(seed)")
                #expect(other.root() == first.root(), "seed \(seed)")
            }
            let twice = fold(batches + made.shuffled())
            #expect(twice.root() == first.root(), "seed \(seed)")
        }
    }

    /// A batch that is cut into its changes means the same: how an author groups them is for the log alone.
    @Test func anyPartitionGivesTheSameBytes() {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        for seed in start..<start + 40 {
            var made = RandomBatches(seed: seed)
            let whole = fold(made.make(40))
            let pieces = made.shuffled().flatMap { batch in
                batch.changes.map { change in
                    ChangeBatch(
                        sequence: 0, stamp: batch.stamp, origin: batch.origin, actor: "b", changes: [change])
                }
            }
            #expect(fold(pieces).root() == whole.root(), "seed \(seed)")
        }
    }

    @Test func theReferenceModelAgrees() {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        for seed in start..<start + 60 {
            var made = RandomBatches(seed: seed)
            var model = ReferenceModel()
            let batches = made.make(40)
            for batch in batches { model.apply(batch) }
            let state = fold(made.shuffled())
            #expect(state.keys == model.keys, "seed \(seed)")
            for key in model.keys {
                #expect(state[key]?.dot == model.dot(key), "seed \(seed), \(key)")
                #expect(state[key]?.purge == model.purge(key), "seed \(seed), \(key)")
                for field: UInt32 in [1, 2, 3, 4, 60, 100] {
                    #expect(state[key]?.winner(field) == model.winner(key, field), "seed \(seed), \(key)")
                    #expect(state[key]?.candidates(field) == model.candidates(key, field), "seed \(seed)")
                }
            }
        }
    }

    @Test func theBytesAreTheState() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var made = RandomBatches(seed: seed)
        var (seen, malformed): (Set<[UInt8]>, Int) = ([], 0)
        for state in fold(made.make(200)).all {
            let bytes = state.canonicalBytes()
            #expect(try RecordState(canonical: bytes).canonicalBytes() == bytes)
            #expect(seen.insert(bytes).inserted)
            for index in bytes.indices {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(made.below(8))
                do {
                    let other = try RecordState(canonical: flipped)
                    #expect(other.canonicalBytes() == flipped)
                } catch { malformed += 1 }
            }
        }
        #expect(malformed > 0)
    }

    private let one = Origin(device: [UInt8](repeating: 1, count: 16), incarnation: 1)
    private let two = Origin(device: [UInt8](repeating: 2, count: 16), incarnation: 1)

    private func batch(
        _ stamp: Int64, _ origin: Origin, _ field: UInt32, _ value: FieldValue
    ) -> ChangeBatch {
        ChangeBatch(
            sequence: 0, stamp: HybridTime(rawValue: stamp), origin: origin, actor: "",
            changes: [
                RecordChange(
                    collection: 1, id: "t", dot: Dot(origin: one, counter: 1),
                    fields: [FieldChange(field, value)])
            ])
    }

    private func verdict(_ stamp: Int64, _ origin: Origin, _ field: UInt32, settles: Bool) -> ChangeBatch {
        let write = FieldWrite(
            key: RecordKey(1, "t"), origin: origin, stamp: HybridTime(rawValue: stamp), fields: [field])
        return ChangeBatch(
            sequence: 0, stamp: HybridTime(rawValue: 1), origin: one, actor: "",
            changes: [Verdict(write, settles: settles).change(dot: Dot(origin: one, counter: 9))])
    }

    @Test func aDemotedValueGivesWayAndWaits() {
        let batches = [
            batch(10, one, 2, .text("old")), batch(99, two, 2, .text("from the future")),
            verdict(99, two, 2, settles: false),
        ]
        let state = fold(batches)[RecordKey(1, "t")]
        #expect(state?.winner(2)?.value == .text("old"))
        #expect(state?.candidates(2).map(\.value) == [.text("from the future")])
        let settled = fold([verdict(99, two, 2, settles: true)] + batches)[RecordKey(1, "t")]
        #expect(settled?.winner(2)?.value == .text("old") && settled?.candidates(2) == [])
        // What a vault sees before the verdict comes.
        let hiding = fold(Array(batches.prefix(2)))[RecordKey(1, "t")]
        #expect(hiding?.winner(2, notAfter: HybridTime(rawValue: 50))?.value == .text("old"))
        #expect(hiding?.winner(2)?.value == .text("from the future"))
    }

    @Test func completionIsFinal() {
        let state = fold([
            batch(20, two, 4, .text("in_progress")), batch(10, one, 4, .text("completed")),
            batch(30, two, 4, .text("cancelled")),
        ])[RecordKey(1, "t")]
        #expect(state?.winner(4)?.value == .text("completed"))
    }

    @Test func editsOfADeletedRecordStayForItsRestoration() {
        let deleted = [batch(10, one, 2, .text("a")), batch(20, one, 100, .integer(5))]
        let edited = fold(deleted + [batch(15, two, 2, .text("b"))])
        #expect(edited[RecordKey(1, "t")]?.winner(100)?.value == .integer(5))
        let restored = fold(deleted + [batch(15, two, 2, .text("b")), batch(30, one, 100, .null)])
        #expect(restored[RecordKey(1, "t")]?.winner(100)?.value == .null)
        #expect(restored[RecordKey(1, "t")]?.winner(2)?.value == .text("b"))
    }

    @Test func idsAreComparedByTheirBytes() {
        let dot = Dot(origin: one, counter: 1)
        let changes = ["\u{E9}", "e\u{301}", "", "a\0b"].map {
            RecordChange(collection: 1, id: $0, dot: dot, fields: [FieldChange(2, .text("x"))])
        }
        let batch = ChangeBatch(
            sequence: 0, stamp: HybridTime(rawValue: 1), origin: one, actor: "", changes: changes)
        #expect(fold([batch]).keys.count == 2)
    }
}
