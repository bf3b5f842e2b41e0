import Cryptography
import KeyRing
import Sync
import TestSupport
import Testing
import Vault

/// The bytes of sync's objects: exactly one encoding, and no other is read.
struct FormatTests {
    private let vault = VaultID([UInt8](repeating: 7, count: 32))
    private let device = DeviceID([UInt8](repeating: 9, count: 16))

    private func author(_ incarnation: UInt32 = 0) throws -> Author {
        Author(device: try #require(device), incarnation: incarnation)
    }

    private func object(_ content: [UInt8] = Array("content".utf8)) throws -> [UInt8] {
        let draft = ObjectDraft(
            kind: .segment, vaultID: try #require(vault), lane: Lane(author: try author(), stream: 1),
            epoch: 3,
            sequence: 5, link: [UInt8](repeating: 1, count: 32), rosterSequence: 2,
            rosterHash: [UInt8](repeating: 2, count: 32))
        return try draft.seal(content) { plain, _ in
            plain
        } sign: { _ in
            [UInt8](repeating: 4, count: 64)
        }
    }

    @Test func anObjectSaysWhatWasSealed() throws {
        let bytes = try object()
        let read = try SignedObject(bytes, name: "s")
        #expect(read.bytes == bytes)
        #expect(read.header.kind == .segment)
        #expect(read.header.lane == Lane(author: try author(), stream: 1))
        #expect(read.header.epoch == 3)
        #expect(read.header.sequence == 5)
        #expect(read.header.rosterSequence == 2)
        #expect(try PaddedBody.decode(read.body, name: "s") == Array("content".utf8))
        // What the layout says: lengths and offsets that other programs rely on.
        #expect(bytes.count == 256 + 1024)
        #expect(Array(bytes[..<6]) == Array("ATS1".utf8) + [1, 1])
        #expect(Array(bytes[72..<80]) == [0, 0, 0, 0, 0, 0, 0, 5])
        #expect(Array(bytes[160..<192]) == Hash.digest(.sha256, Array(bytes[256...])))
    }

    /// A13, A17, A27: no other version, suite, kind, flag or padding is read, and no field is free. Of the
    /// fields that mean something else when changed, the signature speaks; here only those are accepted.
    @Test func onlyFieldsThatMeanSomethingMayDiffer() throws {
        let bytes = try object()
        let meaningful = Set([5]).union(12..<66).union(68..<152)
        for place in 0..<192 {
            var changed = bytes
            changed[place] ^= 1
            guard let read = try? SignedObject(changed, name: "s") else { continue }
            #expect(meaningful.contains(place), "byte \(place) can be changed")
            #expect(read.bytes == changed)
        }
        for count in [0, 100, 255, 256, bytes.count - 1] {
            #expect(throws: SyncError.self) { try SignedObject(Array(bytes.prefix(count)), name: "s") }
        }
        #expect(throws: SyncError.self) { try SignedObject(bytes + [0], name: "s") }
        var newer = bytes
        newer[7] = 2
        let error = #expect(throws: SyncError.self) { try SignedObject(newer, name: "s") }
        #expect(error?.code == .newerFormat)
    }

    @Test func paddingLeavesFewSizes() throws {
        var random = SplitMix64(seed: 11)
        var sizes: Set<Int> = []
        for count in stride(from: 0, through: 200_000, by: 997) {
            let content = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let padded = try PaddedBody.encode(content)
            #expect(try PaddedBody.decode(padded, name: "s") == content)
            #expect(padded.count < max(1025, (count + 40) * 9 / 8))
            sizes.insert(padded.count)
        }
        #expect(sizes.count < 100)
    }

    /// A22: a body that claims more than it has, or more than any may have, costs nothing.
    @Test func aBodyThatLiesIsRefused() throws {
        let honest = try PaddedBody.encode([UInt8](repeating: 5, count: 5000))
        for place in [0, 1, 2, 3, 4, 5, 6, 7, honest.count - 1] {
            var changed = honest
            changed[place] ^= 0x40
            #expect(throws: SyncError.self) { try PaddedBody.decode(changed, name: "s") }
        }
        #expect(throws: SyncError.self) { try PaddedBody.decode(honest + [0], name: "s") }
        #expect(throws: SyncError.self) { try PaddedBody.decode([], name: "s") }
    }

    private func batches(_ count: Int, device: [UInt8]) -> [ChangeBatch] {
        let origin = Origin(device: device, incarnation: 0)
        return (0..<count).map { number in
            ChangeBatch(
                sequence: 0, stamp: HybridTime(rawValue: Int64(number) << 16 + 1_800_000_000_000),
                origin: origin,
                actor: "林小明",
                changes: [
                    RecordChange(
                        collection: 1, id: "task-01arz3ndektsv4rrffq69g\(number)5fav",
                        dot: Dot(origin: origin, counter: Int64(number)),
                        fields: [FieldChange(4, .text("in_progress")), FieldChange(2, .text("寫登入頁面的測試"))])
                ])
        }
    }

    @Test func operationsComeBackAsTheyWere() throws {
        let author = try author()
        let sent = batches(300, device: author.device.bytes)
        let bytes = OpBatch.encode(sent)
        #expect(try OpBatch.decode(bytes, by: author, name: "s") == sent)
        // Another device can't speak in this one's name.
        let other = Author(device: try #require(DeviceID([UInt8](repeating: 1, count: 16))), incarnation: 0)
        #expect(throws: SyncError.self) { try OpBatch.decode(bytes, by: other, name: "s") }
        #expect(throws: SyncError.self) { try OpBatch.decode(bytes + [0], by: author, name: "s") }
    }

    /// Ten thousand damaged batches: an error or another honest reading, never a crash.
    @Test func damagedOperationsAreRefusedOrCanonical() throws {
        let author = try author()
        let bytes = OpBatch.encode(batches(5, device: author.device.bytes))
        var random = SplitMix64(seed: 23)
        for _ in 0..<10_000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { damaged.removeLast(Int.random(in: 0..<40, using: &random)) }
            guard let read = try? OpBatch.decode(damaged, by: author, name: "s") else { continue }
            #expect(OpBatch.encode(read) == damaged)
        }
    }

    /// Ten operations on ten tasks fit into the smallest class: 1,408 bytes with 56 + 16 of encryption.
    @Test func tenOperationsAreSmall() throws {
        let bytes = OpBatch.encode(batches(10, device: try author().device.bytes))
        #expect(try object(bytes).count + 72 <= 1408)
    }

    @Test func headsAndBellsComeBackAsTheyWere() throws {
        let lanes = try (0..<5).map { number in
            Observation(
                lane: Lane(author: try author(UInt32(number)), stream: 1),
                position: Position(sequence: UInt64(number), hash: [UInt8](repeating: 3, count: 32)))
        }
        let head = HeadBody(
            observed: lanes,
            attested: [
                .init(
                    checkpoint: [UInt8](repeating: 1, count: 16), stateRoot: [UInt8](repeating: 2, count: 32))
            ])
        #expect(try HeadBody(head.encoded, name: "h") == head)
        let bell = BellBody(lanes: lanes, heads: [.init(author: try author(), number: 4)])
        #expect(try BellBody(bell.encoded, name: "x") == bell)
        // A lane twice, or out of order, is no second way to say the same.
        let twice = HeadBody(observed: [lanes[1], lanes[0]])
        #expect(throws: SyncError.self) { try HeadBody(twice.encoded, name: "h") }
        // Lists of 1 and of 8 lanes have the same length.
        let one = HeadBody(observed: Array(lanes.prefix(1)))
        #expect(one.encoded.count == HeadBody(observed: lanes).encoded.count)
    }
}
