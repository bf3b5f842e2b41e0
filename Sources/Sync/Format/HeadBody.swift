internal import Cryptography
internal import KeyRing
public import Vault

/// What a head says inside its encryption: all that its author has verified and applied, and what it has
/// computed from it.
public struct HeadBody: Sendable, Hashable {
    /// How far each lane was applied, own lanes among them, in their order; each lane once.
    public var observed: [Observation]
    /// Checkpoints whose state root the author has computed itself, at the same vector.
    public var attested: [Attestation]
    /// The log objects of the author that must be there.
    public var logs: LogRange
    /// The database's freshness, as its seal and its change log have it.
    public var anchor: Anchor

    /// A state root that the author of a head stands for.
    public struct Attestation: Sendable, Hashable {
        /// 16 bytes.
        public var checkpoint: [UInt8]
        /// 32 bytes.
        public var stateRoot: [UInt8]

        /// That a checkpoint has the root that it says.
        public init(checkpoint: [UInt8], stateRoot: [UInt8]) {
            self.checkpoint = checkpoint
            self.stateRoot = stateRoot
        }
    }

    /// How new the author's database was; zeros where it is not anchored.
    public struct Anchor: Sendable, Hashable {
        /// The seal's counter.
        public var counter: UInt64
        /// The page map's root, 32 bytes.
        public var root: [UInt8]
        /// The newest transaction of the change log.
        public var changeSequence: UInt64

        /// How new a database is; `root` has 32 bytes.
        public init(counter: UInt64, root: [UInt8], changeSequence: UInt64) {
            self.counter = counter
            self.root = root
            self.changeSequence = changeSequence
        }

        /// Not anchored.
        public static let none = Anchor(counter: 0, root: [UInt8](repeating: 0, count: 32), changeSequence: 0)
    }

    /// The inside of a head.
    public init(
        observed: [Observation], attested: [Attestation] = [], anchor: Anchor = .none, logs: LogRange = .none
    ) {
        self.observed = observed
        self.attested = attested
        self.anchor = anchor
        self.logs = logs
    }

    /// The most checkpoints that a head stands for.
    static let attestationLimit = 64

    /// The canonical bytes.
    public var encoded: [UInt8] {
        var writer = CanonicalWriter()
        observed.encode(into: &writer)
        writer.count(attested.count)
        for attestation in attested {
            writer.raw(attestation.checkpoint)
            writer.raw(attestation.stateRoot)
        }
        writer.u64(anchor.counter)
        writer.raw(anchor.root)
        writer.u64(anchor.changeSequence)
        logs.encode(into: &writer)
        return writer.bytes
    }

    /// - Throws: `integrity` for bytes that `encoded` doesn't make.
    public init(_ bytes: [UInt8], name: String) throws(SyncError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            observed = try [Observation](from: &reader)
            attested = []
            for _ in 0..<(try reader.count(limit: Self.attestationLimit, elementCount: 48)) {
                attested.append(
                    Attestation(checkpoint: try reader.raw(16), stateRoot: try reader.raw(32)))
            }
            anchor = Anchor(
                counter: try reader.u64(), root: try reader.raw(32), changeSequence: try reader.u64())
            logs = try LogRange(from: &reader)
            try reader.expectEnd()
        } catch { throw .integrity(name, error.message) }
        guard encoded == bytes else { throw .integrity(name, "it is not canonical") }
    }
}

/// A summary of all heads that whoever writes brings up to date, so that looking for news costs one request.
/// It is a hint: what it says is believed of nobody but fetched and checked.
public struct BellBody: Sendable, Hashable {
    /// The newest segments that its writers know, in the order of lanes.
    public var lanes: [Observation]
    /// The numbers of the newest heads, in the order of authors.
    public var heads: [HeadNumber]

    /// An author's newest head.
    public struct HeadNumber: Sendable, Hashable {
        /// Whose.
        public var author: Author
        /// Its number.
        public var number: UInt64

        /// A head's number.
        public init(author: Author, number: UInt64) {
            self.author = author
            self.number = number
        }
    }

    /// A summary.
    public init(lanes: [Observation], heads: [HeadNumber]) {
        self.lanes = lanes
        self.heads = heads
    }

    private static let authorLimit = 1 << 14

    /// The canonical bytes.
    public var encoded: [UInt8] {
        var writer = CanonicalWriter()
        lanes.encode(into: &writer)
        writer.count(heads.count)
        for head in heads {
            head.author.encode(into: &writer)
            writer.u64(head.number)
        }
        return writer.bytes
    }

    /// - Throws: `integrity` for bytes that `encoded` doesn't make.
    public init(_ bytes: [UInt8], name: String) throws(SyncError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            lanes = try [Observation](from: &reader)
            heads = []
            for _ in 0..<(try reader.count(limit: Self.authorLimit, elementCount: 28)) {
                let author = try Author(from: &reader)
                guard heads.last.map({ $0.author < author }) ?? true else {
                    throw CryptoError(.malformed, "its authors are not in order")
                }
                heads.append(HeadNumber(author: author, number: try reader.u64()))
            }
            try reader.expectEnd()
        } catch { throw .integrity(name, error.message) }
        guard encoded == bytes else { throw .integrity(name, "it is not canonical") }
    }

    /// This and `other`, of each lane and author the higher.
    public func merged(_ other: BellBody) -> BellBody {
        var lanes = SortedMap<Lane, Position>()
        for seen in self.lanes + other.lanes where seen.position.sequence >= lanes[seen.lane]?.sequence ?? 0 {
            lanes[seen.lane] = seen.position
        }
        var heads = SortedMap<Author, UInt64>()
        for head in self.heads + other.heads {
            heads[head.author] = max(heads[head.author] ?? 0, head.number)
        }
        return BellBody(
            lanes: lanes.map { Observation(lane: $0.key, position: $0.value) },
            heads: heads.map { HeadNumber(author: $0.key, number: $0.value) })
    }
}

extension [Observation] {
    private static let limit = 1 << 16
    private static let encodedCount = 62
    /// Lists are filled up to a multiple of this, so that their length tells less.
    private static let group = 8

    func encode(into writer: inout CanonicalWriter) {
        writer.count(count)
        for seen in self {
            seen.lane.author.encode(into: &writer)
            writer.u16(seen.lane.stream)
            writer.u64(seen.position.sequence)
            writer.raw(seen.position.hash)
        }
        writer.raw([UInt8](repeating: 0, count: Self.filling(count)))
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        self = []
        let count = try reader.count(limit: Self.limit, elementCount: Self.encodedCount)
        for _ in 0..<count {
            let author = try Author(from: &reader)
            let lane = Lane(author: author, stream: try reader.u16())
            guard last.map({ $0.lane < lane }) ?? true else {
                throw CryptoError(.malformed, "its lanes are not in order")
            }
            let position = Position(sequence: try reader.u64(), hash: try reader.raw(32))
            append(Observation(lane: lane, position: position))
        }
        guard try reader.raw(Self.filling(count)).allSatisfy({ $0 == 0 }) else {
            throw CryptoError(.malformed, "its filling is malformed")
        }
    }

    private static func filling(_ count: Int) -> Int {
        ((count + group - 1) / group * group - count) * encodedCount
    }
}

extension Author {
    func encode(into writer: inout CanonicalWriter) {
        writer.raw(device.bytes)
        writer.u32(incarnation)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard let device = DeviceID(try reader.raw(16)) else {
            throw CryptoError(.malformed, "a device id is malformed")
        }
        self.init(device: device, incarnation: try reader.u32())
    }
}
