package import Cryptography
package import KeyRing

/// What a key holder says of the state that it offers to a machine without keys: which database, as of when,
/// with which pages and which files. A backup that such a machine signs counts only with it, and is restored
/// only if its pages have this root: every page is authentic by itself, so who uploads them could mix old and
/// new ones.
///
///     "ATFS" ‖ version u8 = 1 ‖ suite u8 = 1 ‖ 0 u16 ‖ V 32 ‖ device id 16 ‖ incarnation u32
///     ‖ newest roster record: sequence u64 ‖ SHA-256 of it 32 ‖ time, ms since 1970 u64
///     ‖ database id 16 ‖ page count u32 ‖ counter u64 ‖ root 32 ‖ last change-log sequence u64
///     ‖ SHA-256 of the list of files 32 ‖ signature 64
///
/// The signature is over everything before it, domain "ai-team/freshness/v1".
package struct FreshnessStatement: Sendable, Equatable, Canonical {
    /// Bytes with the signature.
    package static let count = 272
    static let domain = "ai-team/freshness/v1"
    private static let opening = Array("ATFS".utf8) + [1, 1, 0, 0]

    package var vaultID: [UInt8]
    package var deviceID: [UInt8]
    package var incarnation: UInt32
    /// The newest record of the roster that was offered with it.
    package var rosterSequence: UInt64
    package var rosterHash: [UInt8]
    /// Milliseconds since 1970, by the device's clock: for people.
    package var time: UInt64
    package var databaseID: [UInt8]
    package var pageCount: UInt32
    package var counter: UInt64
    /// The root over all pages' epochs, nonces and tags.
    package var root: [UInt8]
    package var changeSequence: UInt64
    /// Of the files of `data/` that belong to it (`OfferedFile`).
    package var filesHash: [UInt8]
    package var signature: [UInt8] = []

    package var signedBytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.opening)
        writer.raw(vaultID)
        writer.raw(deviceID)
        writer.u32(incarnation)
        writer.u64(rosterSequence)
        writer.raw(rosterHash)
        writer.u64(time)
        writer.raw(databaseID)
        writer.u32(pageCount)
        writer.u64(counter)
        writer.raw(root)
        writer.u64(changeSequence)
        writer.raw(filesHash)
        return writer.bytes
    }

    package func write(to writer: inout CanonicalWriter) { writer.raw(signedBytes + signature) }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard try reader.raw(8) == Self.opening else {
            throw CryptoError(.malformed, "a statement of a newer format")
        }
        vaultID = try reader.raw(32)
        deviceID = try reader.raw(16)
        incarnation = try reader.u32()
        rosterSequence = try reader.u64()
        rosterHash = try reader.raw(32)
        time = try reader.u64()
        databaseID = try reader.raw(16)
        pageCount = try reader.u32()
        counter = try reader.u64()
        root = try reader.raw(32)
        changeSequence = try reader.u64()
        filesHash = try reader.raw(32)
        signature = try reader.raw(64)
    }

    /// Makes and signs a statement about a database at one commit.
    ///
    /// - Parameters:
    ///   - root: the root over its pages.
    ///   - time: milliseconds since 1970.
    package init(
        of source: some PageSource, root: [UInt8], changeSequence: UInt64, files: [OfferedFile],
        roster: Roster, time: UInt64, keys: some BackupKeys
    ) throws {
        vaultID = keys.vaultID
        deviceID = keys.deviceID
        incarnation = keys.incarnation
        rosterSequence = roster.headSequence
        rosterHash = roster.headHash
        self.time = time
        databaseID = source.databaseID
        pageCount = source.pageCount
        counter = source.counter
        self.root = root
        self.changeSequence = changeSequence
        filesHash = OfferedFile.hash(files)
        signature = try keys.sign(signedBytes, domain: Self.domain)
    }

    /// Checks who made it.
    ///
    /// - Parameters:
    ///   - chain: the records of the roster that it came with; its newest one must be the last of them.
    ///   - roster: what is known of the members now: `chain` or a longer one.
    /// - Throws: `.integrity` with a reason that has no subject, naming `object`.
    package func verify(chain: [[UInt8]], under roster: Roster, object: String) throws(BackupError) {
        guard vaultID == roster.vaultID.bytes else {
            throw .integrity(object, "a statement about another vault")
        }
        guard let last = chain.last, UInt64(chain.count) == rosterSequence + 1,
            Hash.digest(.sha256, last) == rosterHash
        else { throw .integrity(object, "a statement that was made under another roster") }
        guard let device = DeviceID(deviceID) else { throw .integrity(object, "a statement by nobody") }
        do {
            let key = try roster.statementKey(
                of: device, incarnation: incarnation, recordCount: chain.count)
            try Ed25519.verify(
                signature: signature, of: signedBytes, domain: Self.domain, publicKey: key)
        } catch let error as KeyError {
            throw .integrity(object, "a statement \(error.message)")
        } catch {
            throw .integrity(object, "a statement whose signature does not fit")
        }
    }

    /// Whether it speaks of the same database as `other`, as of earlier or of another history.
    package func isOlder(than other: FreshnessStatement) -> Bool {
        other.databaseID == databaseID
            && (counter < other.counter || (counter == other.counter && root != other.root))
    }

    /// Whether a database in a backup is the one that this speaks of.
    package func fits(_ database: DatabaseRecord) -> Bool {
        database.databaseID == databaseID && database.pageCount == pageCount && database.counter == counter
            && database.root == root && database.changeSequence == changeSequence
    }
}

/// A file of `data/` that belongs to an offered state. Its content is authentic by its name.
package struct OfferedFile: Sendable, Equatable, Canonical {
    /// Below `data/`, such as `documents/ab/abcd…`.
    package var path: String
    package var length: UInt64

    package init(path: String, length: UInt64) {
        self.path = path
        self.length = length
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        path = try reader.string(limit: 4096)
        length = try reader.u64()
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.string(path)
        writer.u64(length)
    }

    /// SHA-256("ai-team/offered-files/v1" ‖ 0x00 ‖ list of (string path ‖ u64 length)), in the order of the
    /// paths' bytes.
    package static func hash(_ files: [OfferedFile]) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Array("ai-team/offered-files/v1".utf8) + [0])
        writer.list(files)
        return Hash.digest(.sha256, writer.bytes)
    }

    /// Whether it is the place of a file of `data/`: `documents/ab/ab…` or `vectors/ab/ab…` with a name of 32
    /// letters of base32. Nothing of the uploader's own is called so, wherever a link in a spool might lead.
    var isInPlace: Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return false }
        return ["documents", "vectors"].contains(parts[0]) && parts[1] == parts[2].prefix(2)
            && parts[2].utf8.count == 32 && parts[2].utf8.allSatisfy(ULIDText.alphabet.contains)
    }
}
