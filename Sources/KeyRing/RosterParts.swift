import Cryptography

/// What a member may do.
public enum MemberRole: UInt8, Sendable, Hashable {
    case owner = 1
    case admin = 2
    case writer = 3
    case reader = 4
    /// Reads everything, and writes what its `AgentRights` say.
    case agent = 5
    /// Pushes packs and never gets an epoch's key.
    case backup = 6

    /// Whether epochs are sealed to a member of this role.
    public var reads: Bool { self != .backup }
    /// Whether it may add members and change recovery keys.
    public var administers: Bool { self == .owner || self == .admin }

    /// Whether it may write records at all.
    public var writes: Bool { backsUp || self == .agent }

    /// Whether it may do less than in another role, so that what it wrote in that one has to end somewhere.
    public func isNarrower(than other: MemberRole) -> Bool { breadth < other.breadth }

    /// Whether it may do more than in another role.
    public func isWider(than other: MemberRole) -> Bool { breadth > other.breadth }

    private var breadth: Int {
        switch self {
        case .owner: 5
        case .admin: 4
        case .writer: 3
        case .agent: 2
        case .reader: 1
        case .backup: 0
        }
    }

    /// Whether backups that a member of this role signs alone count.
    public var backsUp: Bool { administers || self == .writer }

    /// Whether backups that a member of this role signs may count at all: those of the backup role do with a
    /// statement by a member who backs up.
    public var signsBackups: Bool { backsUp || self == .backup }

    /// The name in listings.
    public var name: String { "\(self)" }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard let role = MemberRole(rawValue: try reader.u8()) else {
            throw CryptoError(.parameterOutOfRange, "a member has a role that this program lacks")
        }
        self = role
    }
}

/// The public half of what a recovery code or a recovery passphrase leads to.
struct RecoveryPair: Sendable, Hashable {
    enum Kind: UInt8 {
        case code = 1
        case passphrase = 2
    }
    let kind: Kind
    let keys: PublicKeys
    /// The salt of scrypt; zeros for a code.
    let salt: [UInt8]

    static let encodedCount = 1 + 64 + 32
    static let limit = 4

    /// Whether there is a salt if and only if something is salted.
    var isWellFormed: Bool { (kind == .passphrase) != salt.allSatisfy { $0 == 0 } }
}

extension [RecoveryPair] {
    func encode(into writer: inout CanonicalWriter) {
        writer.count(count)
        for pair in self {
            writer.u8(pair.kind.rawValue)
            pair.keys.encode(into: &writer)
            writer.raw(pair.salt)
        }
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        self = []
        for _ in 0..<(try reader.count(limit: RecoveryPair.limit, elementCount: RecoveryPair.encodedCount)) {
            guard let kind = RecoveryPair.Kind(rawValue: try reader.u8()) else {
                throw CryptoError(.malformed, "a recovery pair is of an unknown kind")
            }
            let keys = try PublicKeys(from: &reader)
            append(RecoveryPair(kind: kind, keys: keys, salt: try reader.raw(32)))
        }
    }
}

/// What names a vault: its hash is the vault id.
struct GenesisCore: Sendable, Hashable {
    let random: [UInt8]
    let device: PublicKeys
    let recovery: [RecoveryPair]
    let policy: SyncPolicy
    let time: UInt64

    var encoded: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(random)
        device.encode(into: &writer)
        recovery.encode(into: &writer)
        policy.encode(into: &writer)
        writer.u64(time)
        return writer.bytes
    }

    var vaultID: VaultID { VaultID(ofCore: encoded) }
}

extension GenesisCore {
    init(_ bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        random = try reader.raw(32)
        device = try PublicKeys(from: &reader)
        recovery = try [RecoveryPair](from: &reader)
        policy = try SyncPolicy(from: &reader)
        time = try reader.u64()
        try reader.expectEnd()
    }
}

/// What syncs in which direction, for how long logs are kept, who registers, what the store honours.
struct SyncPolicy: Sendable, Hashable {
    enum Direction: UInt8 {
        case none = 0
        case push = 1
        case pull = 2
        case both = 3
    }
    struct Rule: Sendable, Hashable {
        let collection: String
        let direction: Direction
    }

    /// Sorted by the bytes of the collection's name.
    let rules: [Rule]
    let logRetentionDays: UInt16
    /// The device that alone writes the roster at a store without conditional writes; zeros: none.
    let registrar: [UInt8]
    /// The last result of probing the store; 0: none.
    let probe: UInt8

    /// What a new vault begins with.
    static let initial = SyncPolicy(
        rules: [
            Rule(collection: "documents", direction: .push),
            Rule(collection: "knowledge_base", direction: .both),
            Rule(collection: "logs", direction: .push),
            Rule(collection: "tasks", direction: .both),
        ], logRetentionDays: 90, registrar: [UInt8](repeating: 0, count: DeviceID.count), probe: 0)
}

extension SyncPolicy {
    func encode(into writer: inout CanonicalWriter) {
        writer.count(rules.count)
        for rule in rules {
            writer.string(rule.collection)
            writer.u8(rule.direction.rawValue)
        }
        writer.u16(logRetentionDays)
        writer.raw(registrar)
        writer.u8(probe)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        var rules: [Rule] = []
        for _ in 0..<(try reader.count(limit: 64, elementCount: 5)) {
            let collection = try reader.string(limit: 64)
            let sorted = rules.last.map {
                Array($0.collection.utf8).lexicographicallyPrecedes(Array(collection.utf8))
            }
            guard let direction = Direction(rawValue: try reader.u8()), sorted ?? true else {
                throw CryptoError(.malformed, "a policy is not sorted or has an unknown direction")
            }
            rules.append(Rule(collection: collection, direction: direction))
        }
        self.rules = rules
        logRetentionDays = try reader.u16()
        registrar = try reader.raw(DeviceID.count)
        probe = try reader.u8()
    }
}

/// The last thing of one kind that a device's ended incarnation is believed to have written.
public struct Pin: Sendable, Hashable {
    /// What is pinned.
    public enum Kind: UInt8, Sendable {
        case segments = 1
        case manifests = 2
    }
    /// The incarnation that ended.
    public let incarnation: UInt32
    /// Segments of a stream, or manifests.
    public let kind: Kind
    /// The stream of segments; 0 for manifests.
    public let stream: UInt16
    /// The last sequence number that counts.
    public let sequence: UInt64
    /// The hash of what stands there.
    public let hash: [UInt8]

    static let encodedCount = 4 + 1 + 2 + 8 + 32

    /// A pin; `hash` has 32 bytes.
    public init(incarnation: UInt32, kind: Kind, stream: UInt16, sequence: UInt64, hash: [UInt8]) {
        self.incarnation = incarnation
        self.kind = kind
        self.stream = stream
        self.sequence = sequence
        self.hash = hash
    }
}

extension Pin {
    /// Whether it ends the same thing.
    func isOf(_ incarnation: UInt32, _ kind: Kind, _ stream: UInt16) -> Bool {
        self.incarnation == incarnation && self.kind == kind && self.stream == stream
    }

    func encode(into writer: inout CanonicalWriter) {
        writer.u32(incarnation)
        writer.u8(kind.rawValue)
        writer.u16(stream)
        writer.u64(sequence)
        writer.raw(hash)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        incarnation = try reader.u32()
        guard let kind = Kind(rawValue: try reader.u8()) else {
            throw CryptoError(.malformed, "a pin is of an unknown kind")
        }
        self.kind = kind
        stream = try reader.u16()
        sequence = try reader.u64()
        hash = try reader.raw(32)
    }
}

extension [Pin] {
    private static let limit = 4096

    func encode(into writer: inout CanonicalWriter) {
        writer.count(count)
        for pin in self { pin.encode(into: &writer) }
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        self = []
        for _ in 0..<(try reader.count(limit: Self.limit, elementCount: Pin.encodedCount)) {
            append(try Pin(from: &reader))
        }
    }
}

/// Which backup a home was restored from.
public struct BackupOrigin: Sendable, Hashable {
    /// The device that made it.
    public let device: DeviceID
    /// That device's incarnation then.
    public let incarnation: UInt32
    /// The backup's number in that incarnation.
    public let sequence: UInt64
    /// SHA-256 of its manifest, 32 bytes.
    public let manifestHash: [UInt8]

    /// An origin; `manifestHash` has 32 bytes.
    public init(device: DeviceID, incarnation: UInt32, sequence: UInt64, manifestHash: [UInt8]) {
        self.device = device
        self.incarnation = incarnation
        self.sequence = sequence
        self.manifestHash = manifestHash
    }

    func encode(into writer: inout CanonicalWriter) {
        writer.raw(device.bytes)
        writer.u32(incarnation)
        writer.u64(sequence)
        writer.raw(manifestHash)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        device = try DeviceID(from: &reader)
        incarnation = try reader.u32()
        sequence = try reader.u64()
        manifestHash = try reader.raw(32)
    }
}
