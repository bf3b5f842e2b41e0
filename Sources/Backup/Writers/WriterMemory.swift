internal import Cryptography
internal import FileSystem
internal import KeyRing

/// What a machine without keys has seen of the vault that it works for: which one it is, the longest roster,
/// and the newest state that was offered. An older one of either is a rollback.
///
///     "ATWM" ‖ version u8 = 1 ‖ suite u8 = 1 ‖ 0 u16 ‖ list of blob(roster record) ‖ statement 272 ‖ MAC 32
///
/// in `keys/offer-seen`. MAC = HMAC-SHA-256 under the machine's home key "offer-seen" over everything before.
struct WriterMemory: Canonical {
    static let fileName = "offer-seen"
    private static let purpose = KeyPurpose(rawValue: "offer-seen")
    private static let opening = Array("ATWM".utf8) + [1, 1, 0, 0]

    var roster: [[UInt8]]
    var statement: FreshnessStatement

    init(_ state: OfferedState) {
        roster = state.offer.roster
        statement = state.offer.statement
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard try reader.raw(8) == Self.opening else {
            throw CryptoError(.malformed, "a memory of a newer format")
        }
        roster = try reader.blobs(limit: 1 << 20, length: 1 << 24)
        statement = try FreshnessStatement(from: &reader)
    }

    func write(to writer: inout CanonicalWriter) {
        writer.raw(Self.opening)
        writer.blobs(roster)
        statement.write(to: &writer)
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
        guard state.offer.statement.vaultID == statement.vaultID else {
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
        let (old, new) = (statement, state.offer.statement)
        let isOlder =
            old.databaseID == new.databaseID
            && (new.counter < old.counter || (new.counter == old.counter && new.root != old.root))
        guard acceptsRollback || !isOlder else {
            throw BackupError(
                .rollback, "the state in the spool is older than the one that was seen before",
                object: object,
                hint: "if the vault was restored on purpose, say so with --accept-rollback")
        }
    }
}
