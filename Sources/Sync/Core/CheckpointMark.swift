internal import KeyRing
public import Vault

/// A checkpoint of the remote, as it is remembered.
public struct CheckpointMark: Sendable, Hashable {
    /// What this device thinks of it.
    public enum Verdict: UInt8, Sendable, Hashable {
        /// It was not looked into yet.
        case open
        /// The state root is what this device comes to as well.
        case attested
        /// This device can't tell: something was purged meanwhile, or it has taken this or a later one over.
        case unknown
        /// This device comes to another root, or it is not what it should be: nobody should use it.
        case refused
    }

    /// Its name.
    public let id: CheckpointID
    /// Who wrote it.
    public let author: Author
    /// What its manifest says.
    public let body: CheckpointBody
    /// When this device saw it first, in milliseconds since 1970.
    public let seenAt: Int64
    /// What this device thinks of it.
    public internal(set) var verdict: Verdict

    /// A checkpoint that was seen.
    public init(id: CheckpointID, author: Author, body: CheckpointBody, seenAt: Int64, verdict: Verdict) {
        self.id = id
        self.author = author
        self.body = body
        self.seenAt = seenAt
        self.verdict = verdict
    }

    /// Its name and root, as a head stands for them.
    var attestation: HeadBody.Attestation {
        HeadBody.Attestation(checkpoint: id.bytes, stateRoot: body.root.value())
    }

    /// Whether it speaks of everything that another one speaks of.
    func covers(_ other: CheckpointMark) -> Bool {
        other.body.vector.allSatisfy { end(of: $0.lane) >= $0.position.sequence }
    }

    /// Whether it speaks of what the roster has cut off.
    func exceeds(_ membership: any Membership) -> Bool { body.exceeds(membership) }

    /// How far it speaks of a lane.
    func end(of lane: Lane) -> UInt64 {
        body.vector.first { $0.lane == lane }?.position.sequence ?? 0
    }
}

/// A checkpoint in its final bytes, which are sent once and are in no outbox: one that was not sent whole is
/// given up.
public struct CheckpointDraft: Sendable {
    /// What is remembered once it is sent.
    public let mark: CheckpointMark
    /// The bytes of its manifest, which is sent last.
    public let manifest: [UInt8]
    /// The bytes of its chunks.
    public let chunks: [[UInt8]]

    /// A sealed checkpoint.
    public init(mark: CheckpointMark, manifest: [UInt8], chunks: [[UInt8]]) {
        self.mark = mark
        self.manifest = manifest
        self.chunks = chunks
    }
}

/// The objects of a checkpoint.
public struct CheckpointPlace: Sendable, Hashable {
    /// Its name.
    public let id: CheckpointID
    /// How many chunks it has.
    public let chunks: Int

    /// A checkpoint of so many chunks.
    public init(id: CheckpointID, chunks: Int) {
        self.id = id
        self.chunks = chunks
    }

    /// All names.
    var names: [SyncName] { [.manifest(id)] + (0..<chunks).map { .chunk(id, $0) } }
}

/// When checkpoints are made, used and collected.
public struct CheckpointPolicy: Sendable, Hashable {
    /// Segments of one lane behind the newest checkpoint, from which on another one is made. Devices add a
    /// few of their own, so that not all make one at the same time.
    public var tail: UInt64
    /// Segments that must be missing for a checkpoint to be fetched in their place.
    public var gain: UInt64
    /// Milliseconds after which what a checkpoint covers may be removed from the remote.
    public var age: Int64
    /// Milliseconds for which a blob must have been marked before it may be removed.
    public var patience: Int64

    /// When checkpoints are made, used and collected.
    public init(tail: UInt64, gain: UInt64, age: Int64, patience: Int64 = 7 * 86_400_000) {
        self.tail = tail
        self.gain = gain
        self.age = age
        self.patience = patience
    }

    /// The same, where what a checkpoint saves is no reason to use one.
    var withoutGain: CheckpointPolicy {
        CheckpointPolicy(tail: tail, gain: 1 << 40, age: age, patience: patience)
    }

    /// Every 48 to 64 segments of a lane; after 30 days, and a week.
    public static let standard = CheckpointPolicy(tail: 48, gain: 32, age: 30 * 86_400_000)
}
