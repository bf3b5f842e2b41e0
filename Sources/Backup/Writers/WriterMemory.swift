internal import Cryptography
internal import FileSystem
internal import KeyRing

/// What a machine without keys has seen of the vault that it works for: which one it is, the longest roster,
/// and the newest state of each database that was offered. An older one of any is a rollback.
///
///     "ATWM" ‖ version u8 = 1 ‖ suite u8 = 1 ‖ 0 u16 ‖ list of blob(roster record)
///     ‖ list of statement 272, one for each database id, the last offered one last ‖ MAC 32
///
/// in `keys/offer-seen`. MAC = HMAC-SHA-256 under the machine's home key "offer-seen" over everything before.
struct WriterMemory: Canonical {
    static let fileName = "offer-seen"
    private static let purpose = KeyPurpose(rawValue: "offer-seen")
    private static let opening = Array("ATWM".utf8) + [1, 1, 0, 0]

    /// Databases that are remembered: each device of the vault that offers has one.
    private static let limit = 4096

    private(set) var roster: [[UInt8]]
    private var statements: [FreshnessStatement]

    /// The vault.
    var vaultID: VaultID? { statements.first.flatMap { VaultID($0.vaultID) } }

    /// What is remembered from an offer on.
    init(_ state: OfferedState, after before: WriterMemory?) {
        roster = state.offer.roster
        let newest = state.offer.statement
        let others = (before?.statements ?? []).filter { $0.databaseID != newest.databaseID }
        statements = others.suffix(Self.limit - 1) + [newest]
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard try reader.raw(8) == Self.opening else {
            throw CryptoError(.malformed, "a memory of a newer format")
        }
        roster = try reader.blobs(limit: 1 << 20, length: 1 << 24)
        statements = try reader.list(
            of: FreshnessStatement.self, limit: Self.limit, size: FreshnessStatement.count)
    }

    func write(to writer: inout CanonicalWriter) {
        writer.raw(Self.opening)
        writer.blobs(roster)
        writer.list(statements)
    }

    /// What is remembered; nil before the first offer.
    ///
    /// - Throws: `.integrity` when it was changed.
    static func read(in keysDirectory: String, _ identity: WriterIdentity) throws -> WriterMemory? {
        let path = keysDirectory + "/" + fileName
        guard try Files.exists(path) else { return nil }
        let bytes = try Files.readAll(path, limit: 1 << 28)
        let text = Array(bytes.dropLast(32))
        let mac = try HMAC.authenticate(.sha256, key: identity.homeKey(purpose), text)
        guard ConstantTime.equal(mac, Array(bytes.suffix(32))) else {
            throw BackupError.integrity(path, "changed by someone without this machine's keys")
        }
        return try WriterMemory(whole: text, "what was seen of offers", object: path)
    }

    func store(in keysDirectory: String, _ identity: WriterIdentity) throws {
        let mac = try HMAC.authenticate(.sha256, key: identity.homeKey(Self.purpose), bytes)
        try Durable.replace(keysDirectory + "/" + Self.fileName, with: bytes + mac)
    }

    /// Refuses a state that is of another vault or older than this.
    ///
    /// - Parameter acceptsRollback: whether an older database, as after a restore, is taken. An older roster
    ///   never is.
    /// - Throws: `.integrity`, `.rollback`.
    func require(_ state: OfferedState, acceptsRollback: Bool) throws(BackupError) {
        let (object, chain) = (Offer.fileName, state.offer.roster)
        guard state.roster.vaultID == vaultID else {
            throw .integrity(object, "it is of another vault than this machine works for")
        }
        guard zip(chain, roster).allSatisfy({ $0 == $1 }) else {
            throw .integrity(object, "its roster is a fork of the one that was seen before")
        }
        guard chain.count >= roster.count else {
            throw BackupError(
                .rollback, "its roster is older than the one that was seen before", object: object,
                hint: "someone put an old spool back: run `ai-team backup offer` again")
        }
        let new = state.offer.statement
        guard acceptsRollback || !statements.contains(where: { new.isOlder(than: $0) }) else {
            throw BackupError(
                .rollback, "the state in the spool is older than the one that was seen before",
                object: object,
                hint: "if the vault was restored on purpose, say so with --accept-rollback")
        }
    }
}
