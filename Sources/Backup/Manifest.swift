internal import Compression
internal import Cryptography

/// A signed manifest, as it stands in the file `m/<writer>/<inc>/<seq>`.
///
///     head 212 ‖ clear part ‖ encrypted part
///
/// The encrypted part is Cobblestone over `plain length u64 ‖ frame length u64 ‖ zstd frame ‖ zeros`, padded
/// to the size grid. In a relayed backup (kind 3) the statement stands before the clear part's other fields,
/// and the writer's secret for chunks before those of the encrypted part.
package struct Manifest: Sendable {
    /// The largest clear part and the largest encrypted part that are read.
    static let partLimit: UInt64 = 1 << 29

    package let head: ManifestHead
    package let clear: ManifestClear
    /// What a key holder said of the state, in a relayed backup.
    package let statement: FreshnessStatement?
    /// The encrypted part's ciphertext.
    package let encrypted: [UInt8]

    /// The file's bytes.
    package var bytes: [UInt8] { head.bytes + Self.clearBytes(statement, clear) + encrypted }

    private static func clearBytes(_ statement: FreshnessStatement?, _ clear: ManifestClear) -> [UInt8] {
        (statement?.bytes ?? []) + clear.bytes
    }

    /// Reads a file and checks that its parts belong together: lengths, hashes, canonical form. Who signed it
    /// is the caller's next question (`ManifestHead.verify`).
    ///
    /// - Throws: `.integrity`, `.newerFormat`, naming `object`.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        let parts = try ManifestParts(bytes, object: object)
        guard parts.head.kind != .prune else { throw .integrity(object, "not a backup's manifest") }
        let isRelayed = parts.head.kind == .relayed
        let count = isRelayed ? min(FreshnessStatement.count, parts.clear.count) : 0
        statement =
            isRelayed
            ? try FreshnessStatement(whole: Array(parts.clear[..<count]), "the statement", object: object)
            : nil
        let clear = try ManifestClear(
            whole: Array(parts.clear[count...]), "the clear part", object: object)
        encrypted = parts.rest
        guard clear.bodyLength <= Self.partLimit, encrypted.count == Int(clear.bodyLength) else {
            throw .integrity(object, "the manifest is cut or extended")
        }
        guard Hash.digest(.sha256, encrypted) == clear.bodyHash else {
            throw .integrity(object, "the encrypted part was changed")
        }
        head = parts.head
        self.clear = clear
    }

    /// Makes and signs a manifest.
    ///
    /// - Parameters:
    ///   - previous: the head before it in this writer's incarnation, nil for the first.
    ///   - relay: what makes it a relayed backup.
    package init(
        id: [UInt8], body: ManifestBody, packs: [PackRecord], previous: ManifestHead?, created: UInt64,
        relay: Relay? = nil, keys: some BackupKeys
    ) throws {
        let key = try ObjectKey(.body, id: id, keys: keys, isKept: true)
        let secret = relay?.secret.bytes.withUnsafeBytes { Array($0) } ?? []
        let encrypted = try Cobblestone.seal(
            key: key.key, context: key.context, Self.packed(secret + body.bytes))
        let clear = ManifestClear(
            id: id, roster: keys.rosterRecords, packs: packs, bodyLength: UInt64(encrypted.count),
            bodyHash: Hash.digest(.sha256, encrypted), bodyEpoch: key.epoch, bodyWraps: key.wraps)
        var head = ManifestHead(
            kind: relay == nil ? .backup : .relayed, vaultID: keys.vaultID, deviceID: keys.deviceID,
            incarnation: keys.incarnation,
            sequence: (previous?.sequence ?? 0) + 1,
            previous: previous?.hash ?? Array(repeating: 0, count: 32), created: created,
            clear: Self.clearBytes(relay?.statement, clear))
        head.signature = try keys.sign(head.signedBytes, domain: ManifestHead.domain)
        self.head = head
        statement = relay?.statement
        self.clear = clear
        self.encrypted = encrypted
    }

    /// What a machine without the vault's keys adds to a backup.
    package struct Relay: Sendable {
        package let statement: FreshnessStatement
        package let secret: OutsideSecret

        package init(statement: FreshnessStatement, secret: OutsideSecret) {
            self.statement = statement
            self.secret = secret
        }
    }

    /// Opens the encrypted part.
    ///
    /// - Throws: `.integrity`, `.locked`, naming `object`.
    package func body(keys: some BackupKeys, object: String) throws -> ManifestBody {
        try opened(keys: keys, object: object).body
    }

    /// Opens the encrypted part, with the writer's secret for chunks in a relayed backup.
    ///
    /// - Throws: `.integrity`, `.locked`, naming `object`.
    package func opened(
        keys: some BackupKeys, object: String
    ) throws -> (body: ManifestBody, secret: OutsideSecret?) {
        let key = try ObjectKey.open(
            .body, id: clear.id, epoch: clear.bodyEpoch, wraps: clear.bodyWraps, keys: keys, object: object)
        do {
            let context = ObjectKey.Kind.body.context(vaultID: head.vaultID, id: clear.id)
            let plain = try Cobblestone.open(key: key, context: context, encrypted)
            let bytes = try Self.unpacked(plain)
            let count = head.kind == .relayed ? 32 : 0
            guard bytes.count >= count else {
                throw BackupError.integrity(object, "the encrypted part is malformed")
            }
            let body = try ManifestBody(
                whole: Array(bytes[count...]), "the encrypted part", object: object)
            guard head.kind == .relayed else { return (body, nil) }
            return (body, OutsideSecret(SecretBytes(copying: Array(bytes[..<count]))))
        } catch let error as CryptoError {
            throw BackupError.integrity(object, error.message)
        } catch let error as CompressionError {
            throw BackupError.integrity(object, error.message)
        }
    }

    private static func packed(_ bytes: [UInt8]) throws -> [UInt8] {
        guard bytes.count <= partLimit else {
            throw BackupError(
                .failed, "the list of what the backup holds is too long", hint: "back up fewer paths at once")
        }
        let frame = try Zstandard.compress(bytes)
        var writer = CanonicalWriter()
        writer.u64(UInt64(bytes.count))
        writer.u64(UInt64(frame.count))
        writer.raw(frame)
        let padding = SizeGrid.padded(writer.bytes.count) - writer.bytes.count
        writer.raw(Array(repeating: 0, count: padding))
        return writer.bytes
    }

    private static func unpacked(_ plain: [UInt8]) throws -> [UInt8] {
        var reader = CanonicalReader(plain)
        let count = try reader.u64()
        let frameCount = try reader.u64()
        guard count <= partLimit, frameCount <= UInt64(reader.remaining) else {
            throw CryptoError(.malformed, "the encrypted part is malformed")
        }
        let frame = try reader.raw(Int(frameCount))
        guard try reader.raw(reader.remaining).allSatisfy({ $0 == 0 }) else {
            throw CryptoError(.malformed, "the padding of the encrypted part is not empty")
        }
        return try Zstandard.decompress(frame, plainCount: Int(count), limit: Int(partLimit))
    }
}
