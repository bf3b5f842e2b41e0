import Cryptography

/// The name of a vault: the hash of its genesis core, so that nobody can make another vault of the same name.
public struct VaultID: Sendable, Hashable, CustomStringConvertible {
    /// 32 bytes.
    public let bytes: [UInt8]

    /// Nil unless there are 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == VaultID.count else { return nil }
        self.bytes = bytes
    }

    init(ofCore core: [UInt8]) {
        bytes = Hash.digest(.sha256, Array(Domain.vault.utf8) + [0] + core)
    }

    static let count = 32
    /// What slot and recovery secrets are expanded with: they are used before the vault's name is known.
    static let none = VaultID(known: [UInt8](repeating: 0, count: count))

    private init(known bytes: [UInt8]) { self.bytes = bytes }

    /// Crockford's base32, lower case: 52 letters.
    public var description: String { Crockford32.encode(bytes) }
}

/// The name of a device or of a recovery key pair: the hash of its first two public keys. It stays when the
/// keys change.
public struct DeviceID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 16 bytes.
    public let bytes: [UInt8]

    /// Nil unless there are 16 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == DeviceID.count else { return nil }
        self.bytes = bytes
    }

    /// SHA-256(signing key ‖ agreement key), the first 16 bytes.
    public init(signing: [UInt8], agreement: [UInt8]) {
        bytes = Array(Hash.digest(.sha256, signing + agreement)[..<DeviceID.count])
    }

    static let count = 16

    /// How the device is called in the names of a vault's objects: base32(SHA-256("ai-team/writer" NUL V ‖
    /// device id)), the first 16 letters. Other vaults call the same device otherwise.
    public func tag(in vault: VaultID) -> String { DeviceID.tag(device: bytes, vault: vault.bytes) }

    /// The tag of a device whose ids are at hand as bytes.
    package static func tag(device: [UInt8], vault: [UInt8]) -> String {
        let bytes = Array(Domain.writerTag.utf8) + [0] + vault + device
        return String(Crockford32.encode(Hash.digest(.sha256, bytes)).prefix(16))
    }

    /// `dev-` and 26 letters.
    public var description: String { "dev-" + Crockford32.encode(bytes) }

    /// The order of the bytes.
    public static func < (a: DeviceID, b: DeviceID) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

/// The name of a slot, random.
public struct SlotID: Sendable, Hashable, CustomStringConvertible {
    /// 16 bytes.
    public let bytes: [UInt8]

    /// Nil unless there are 16 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == SlotID.count else { return nil }
        self.bytes = bytes
    }

    static let count = 16

    /// `slot-` and 26 letters.
    public var description: String { "slot-" + Crockford32.encode(bytes) }
}

/// The strings in front of what is hashed or signed, one for each meaning.
enum Domain {
    static let vault = "ai-team/vault/v1"
    static let writerTag = "ai-team/writer"
    static let record = "ai-team/roster/v1"
    static let approval = "ai-team/roster-approval/v1"
    static let recoveryBinds = "ai-team/recovery-binds/v1"
    static let ring = "ai-team/ring/v1"
    static let handover = "ai-team/hand-over/v1"
    static let recoveryCheck = "ai-team/recovery-code/v1"
    static let recoverySet = "ai-team/recovery-set/v1"
    static let recoveryShare = "ai-team/recovery-share/v1"
    static let writerKey = "ai-team/writer-key/v1"
    static let writerHome = "ai-team/writer-home/v1"
}
