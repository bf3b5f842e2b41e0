internal import Cryptography
internal import KeyRing
internal import Sync
internal import TestSupport
internal import Vault

/// Checkpoints of a simulated device: all segments up to a vector, a lane in each chunk.
extension ModelDisk {
    mutating func draftCheckpoint(_ crypto: ModelCrypto, _ random: inout SplitMix64) -> CommitResult {
        let vector = state.observed
        guard !vector.isEmpty else { return .noCheckpoint }
        let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        guard let id = CheckpointID(bytes) else { return .noCheckpoint }
        let link = bytes + [UInt8](repeating: 0, count: 16)
        let lane = Lane(author: state.author, stream: 0)
        let chunks = vector.enumerated().map { index, seen in
            object(.chunk, lane, UInt64(index + 1), link: link, content(of: seen), crypto, &random)
        }
        let body = CheckpointBody(
            vector: vector, root: root(at: vector), chunks: chunks.map { Self.position($0, 1).hash })
        let manifest = object(.checkpoint, lane, 1, link: link, body.encoded, crypto, &random)
        let mark = CheckpointMark(id: id, author: state.author, body: body, seenAt: 0, verdict: .attested)
        return .checkpoint(CheckpointDraft(mark: mark, manifest: manifest, chunks: chunks))
    }

    private func content(of seen: Observation) -> [UInt8] {
        var writer = CanonicalWriter()
        let applied = (segments[seen.lane] ?? []).prefix(Int(seen.position.sequence))
        writer.count(applied.count)
        for segment in applied {
            writer.raw(segment.hash)
            writer.blob(OpBatch.encode(segment.batches))
        }
        return writer.bytes
    }

    /// Whether a checkpoint speaks of all that came in others: what those had left out can't be told apart.
    func covers(_ mark: CheckpointMark) -> Bool {
        loaded.allSatisfy { lane, end in
            mark.body.vector.contains { $0.lane == lane && $0.position.sequence >= end }
        }
    }

    /// The root of all operations up to a vector.
    func root(at vector: [Observation]) -> StateRoot {
        if isForging { return StateRoot(subRoots: [.tasks: [UInt8](repeating: 1, count: 32)]) }
        return Self.root(vector.map { Array((segments[$0.lane] ?? []).prefix(Int($0.position.sequence))) })
    }

    private static func root(_ lanes: [[Applied]]) -> StateRoot {
        var fold = ReplicaState()
        for batch in lanes.joined().flatMap(\.batches) { fold.apply(batch) }
        return fold.root()
    }

    /// - Returns: why it can't be taken over, if so.
    mutating func load(_ mark: CheckpointMark, _ chunks: [SignedObject], _ crypto: ModelCrypto) -> String? {
        var lanes: [[Applied]] = []
        do {
            for (seen, chunk) in zip(mark.body.vector, chunks) {
                let plain = try PaddedBody.decode(crypto.open(chunk, name: "c"), name: "c")
                var reader = CanonicalReader(plain)
                lanes.append(
                    try (0..<(try reader.count(limit: 1 << 20))).map { _ in
                        let hash = try reader.raw(32)
                        let batches = try OpBatch.decode(
                            reader.blob(limit: 1 << 20), by: seen.lane.author, name: "c")
                        return Applied(hash: hash, batches: batches)
                    })
            }
        } catch { return "\(error)" }
        guard Self.root(lanes) == mark.body.root else { return "another root" }
        for (seen, applied) in zip(mark.body.vector, lanes) {
            loaded[seen.lane] = max(loaded[seen.lane] ?? 0, seen.position.sequence)
            let here = segments[seen.lane] ?? []
            if here.count < applied.count { segments[seen.lane] = here + applied.dropFirst(here.count) }
        }
        refold()
        return nil
    }
}
