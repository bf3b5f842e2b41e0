import Cryptography

/// What a machine that may only write backups hands to who lets it: its public keys and its name, signed by
/// itself, so that nobody enrols keys whose holder never meant to be.
///
///     "ATWP" ‖ version u8 = 1 ‖ suite u8 = 1 ‖ 0 u16 ‖ device id (16) ‖ Ed25519 (32) ‖ X25519 (32)
///     ‖ string name (at most 63 bytes) ‖ signature (64)
///
/// The signature is over everything before it, domain "ai-team/writer-key/v1". As text: "ai-team-writer:" and
/// the base32 of these bytes.
public struct WriterPublicKey: Sendable, Hashable {
    /// Both public keys; the device's id follows from them.
    public let keys: PublicKeys
    /// What the machine calls itself. Not secret: it stands in the file.
    public let name: String
    private let bytes: [UInt8]

    /// The longest text that is read, in bytes.
    public static let textLimit = 4096
    static let nameLimit = 63
    private static let magic = Array("ATWP".utf8)
    private static let prefix = "ai-team-writer:"

    /// The device's name.
    public var id: DeviceID { keys.id }
    /// One line, without its end.
    public var text: String { Self.prefix + Crockford32.encode(bytes) }

    init(_ identity: IdentityKeys, name: String) throws(KeyError) {
        guard name.utf8.count <= Self.nameLimit else {
            throw KeyError(.malformed, "a device's name has at most \(Self.nameLimit) bytes")
        }
        var writer = CanonicalWriter()
        writer.raw(Self.magic + [1, 1, 0, 0] + identity.publicKeys.id.bytes)
        identity.publicKeys.encode(into: &writer)
        writer.string(name)
        let signed = writer.bytes
        let signature = try orKeyError(.failed, "public key file") { () throws(CryptoError) in
            try identity.signing.sign(signed, domain: Domain.writerKey)
        }
        keys = identity.publicKeys
        self.name = name
        bytes = signed + signature
    }

    /// Reads the text of a public key file.
    ///
    /// - Throws: `malformed`, `newerFormat`, `integrityFailure` when the signature does not fit.
    public init(text: String) throws(KeyError) {
        let line = String(text.drop { $0.isWhitespace }.prefix { !$0.isWhitespace })
        guard line.hasPrefix(Self.prefix), text.utf8.count <= Self.textLimit,
            let bytes = Crockford32.decode(String(line.dropFirst(Self.prefix.count))),
            Self.prefix + Crockford32.encode(bytes) == line
        else {
            throw KeyError(
                .malformed, "this is no public key of a machine that writes backups",
                hint: "`ai-team init --backup-only` makes it on that machine")
        }
        do { try self.init(parsing: bytes) } catch {
            let isNewer = error.code == .parameterOutOfRange
            throw KeyError(error, isNewer ? .newerFormat : .integrityFailure, "public key file")
        }
        try keys.validate()
    }

    private init(parsing bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        guard try reader.raw(4) == Self.magic else {
            throw CryptoError(.malformed, "it does not begin as one")
        }
        guard try reader.raw(4) == [1, 1, 0, 0] else {
            throw CryptoError(.parameterOutOfRange, "it is of a newer format")
        }
        let id = try DeviceID(from: &reader)
        keys = try PublicKeys(from: &reader)
        name = try reader.string(limit: Self.nameLimit)
        let signed = Array(bytes[..<reader.offset])
        let signature = try reader.raw(Ed25519.signatureCount)
        try reader.expectEnd()
        guard id == keys.id else { throw CryptoError(.malformed, "its id is not that of its keys") }
        try Ed25519.verify(
            signature: signature, of: signed, domain: Domain.writerKey, publicKey: keys.signing)
        self.bytes = bytes
    }
}
