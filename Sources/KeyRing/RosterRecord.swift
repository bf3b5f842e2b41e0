import Cryptography

/// One record of the roster: who says what about the vault's members and epochs, signed.
///
///     "ATR1" ‖ suite u8 = 1 ‖ kind u8 ‖ 0 u16 ‖ V (32) ‖ seq u64 ‖ prevHash (32) ‖ author (16) ‖ time u64
///     ‖ body (u32 length) ‖ count of signatures u32 ‖ (role u8 ‖ signer (16) ‖ Ed25519 (64)) each
///
/// The record hash is SHA-256 of everything before the signatures, and all of these are over it; `prevHash`
/// is SHA-256 of the whole previous record. docs/FORMAT.md, "Roster".
public struct RosterRecord: Sendable, Hashable {
    /// Kinds of records. Others exist in later formats; a reader that meets one says `newerFormat`.
    enum Kind: UInt8 {
        case genesis = 1
        case add = 2
        case remove = 3
        case role = 4
        case rotate = 5
        case recoveryChange = 7
        case recoveryUse = 8
        case rekey = 9
        case reincarnate = 10
        case restored = 11
        case recipients = 12
        case relabel = 13
        case retire = 14
    }

    struct Signature: Sendable, Hashable {
        enum Role: UInt8 {
            case author = 1
            case newKey = 2
            case recovery = 3
            case approval = 4
        }
        let role: Role
        let signer: DeviceID
        let bytes: [UInt8]
    }

    /// The canonical bytes, exactly as received or made.
    public let bytes: [UInt8]
    /// The vault it belongs to.
    public let vaultID: VaultID
    /// Its place in the chain; genesis is 0.
    public let sequence: UInt64
    /// Who made it: a device, or a recovery key pair.
    public let author: DeviceID
    /// Milliseconds since 1970, by the author's clock: for people, never for a decision.
    public let time: UInt64
    let prevHash: [UInt8]
    let body: RosterBody
    let signatures: [Signature]
    let recordHash: [UInt8]

    /// SHA-256 of the whole record: the next one's `prevHash`.
    public var hash: [UInt8] { Hash.digest(.sha256, bytes) }

    static let magic = Array("ATR1".utf8)
    static let suite: UInt8 = 1
    static let sizeLimit = 1 << 20
    static let signatureLimit = 8
}

extension RosterRecord {
    /// What stands before the signatures.
    struct Unsigned {
        var vaultID: VaultID
        var sequence: UInt64
        var prevHash: [UInt8]
        var author: DeviceID
        var time: UInt64
        var body: RosterBody

        var bytes: [UInt8] {
            var writer = CanonicalWriter()
            writer.raw(RosterRecord.magic)
            writer.u8(RosterRecord.suite)
            writer.u8(body.kind.rawValue)
            writer.u16(0)
            writer.raw(vaultID.bytes)
            writer.u64(sequence)
            writer.raw(prevHash)
            writer.raw(author.bytes)
            writer.u64(time)
            writer.blob(body.encoded)
            return writer.bytes
        }
    }

    /// A key that signs a record, and as what.
    struct Signer {
        let role: Signature.Role
        let id: DeviceID
        let keys: IdentityKeys
    }

    /// Signs a record.
    init(
        _ unsigned: Unsigned, signers: [Signer], behind earlier: [Signature] = []
    ) throws(CryptoError) {
        let signed = unsigned.bytes
        recordHash = Hash.digest(.sha256, signed)
        vaultID = unsigned.vaultID
        sequence = unsigned.sequence
        prevHash = unsigned.prevHash
        author = unsigned.author
        time = unsigned.time
        body = unsigned.body
        var signatures = earlier
        for signer in signers {
            let (domain, message) = RosterRecord.message(signer.role, vaultID, recordHash)
            let bytes = try signer.keys.signing.sign(message, domain: domain)
            signatures.append(Signature(role: signer.role, signer: signer.id, bytes: bytes))
        }
        self.signatures = signatures
        var writer = CanonicalWriter()
        writer.raw(signed)
        writer.count(signatures.count)
        for signature in signatures { signature.encode(into: &writer) }
        bytes = writer.bytes
    }

    /// The same record with one more signature.
    func adding(_ signer: Signer) throws(CryptoError) -> RosterRecord {
        try RosterRecord(
            RosterRecord.Unsigned(
                vaultID: vaultID, sequence: sequence, prevHash: prevHash, author: author, time: time,
                body: body),
            signers: [signer], behind: signatures)
    }

    /// Reads a record; every signature and rule is checked when it joins a `Roster`.
    ///
    /// Throws `newerFormat` for another suite or an unknown kind, `invalidRoster` for anything not canonical.
    public init(_ bytes: [UInt8]) throws(KeyError) {
        do { try self.init(parsing: bytes) } catch {
            let isNewer = error.code == .parameterOutOfRange
            throw KeyError(error, isNewer ? .newerFormat : .invalidRoster, "roster")
        }
    }

    private init(parsing bytes: [UInt8]) throws(CryptoError) {
        guard bytes.count <= RosterRecord.sizeLimit else {
            throw CryptoError(.malformed, "a record is too large")
        }
        var reader = CanonicalReader(bytes)
        guard try reader.raw(4) == RosterRecord.magic else {
            throw CryptoError(.malformed, "a record does not begin as one")
        }
        let suite = try reader.u8()
        let kindByte = try reader.u8()
        guard suite == RosterRecord.suite, let kind = Kind(rawValue: kindByte), try reader.u16() == 0 else {
            throw CryptoError(.parameterOutOfRange, "a record is of a suite or kind that this program lacks")
        }
        guard let vaultID = VaultID(try reader.raw(VaultID.count)) else { throw RosterRecord.cut }
        sequence = try reader.u64()
        prevHash = try reader.raw(32)
        guard let author = DeviceID(try reader.raw(DeviceID.count)) else { throw RosterRecord.cut }
        time = try reader.u64()
        let encodedBody = try reader.blob(limit: RosterRecord.sizeLimit)
        body = try RosterBody(kind: kind, encodedBody)
        let signedCount = reader.offset
        var signatures: [Signature] = []
        for _ in 0..<(try reader.count(limit: RosterRecord.signatureLimit, elementCount: 81)) {
            signatures.append(try Signature(from: &reader))
        }
        try reader.expectEnd()
        guard body.encoded == encodedBody else { throw CryptoError(.malformed, "a record is not canonical") }
        self.vaultID = vaultID
        self.author = author
        self.signatures = signatures
        self.bytes = bytes
        recordHash = Hash.digest(.sha256, Array(bytes[..<signedCount]))
    }

    private static var cut: CryptoError { CryptoError(.malformed, "a record ends too early") }

    private static func message(
        _ role: Signature.Role, _ vault: VaultID, _ recordHash: [UInt8]
    ) -> (domain: String, [UInt8]) {
        switch role {
        case .author, .newKey: (Domain.record, recordHash)
        case .recovery: (Domain.recoveryBinds, vault.bytes + recordHash)
        case .approval: (Domain.approval, recordHash)
        }
    }

    /// Throws unless signature `index` is of that role and signer and was made with that key.
    func verify(_ index: Int, _ role: Signature.Role, by signer: DeviceID, key: [UInt8]) throws(KeyError) {
        let found = index < signatures.count ? signatures[index] : nil
        guard let found, found.role == role, found.signer == signer else {
            throw KeyError(.invalidRoster, "record \(sequence) of the roster lacks a signature")
        }
        let (domain, message) = RosterRecord.message(role, vaultID, recordHash)
        try orKeyError(.invalidRoster, "record \(sequence) of the roster") { () throws(CryptoError) in
            try Ed25519.verify(signature: found.bytes, of: message, domain: domain, publicKey: key)
        }
    }
}

extension RosterRecord.Signature {
    func encode(into writer: inout CanonicalWriter) {
        writer.u8(role.rawValue)
        writer.raw(signer.bytes)
        writer.raw(bytes)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard let role = Role(rawValue: try reader.u8()) else {
            throw CryptoError(.malformed, "a signature has an unknown role")
        }
        self.role = role
        signer = try DeviceID(from: &reader)
        bytes = try reader.raw(Ed25519.signatureCount)
    }
}
