package import Cryptography

/// Links of a chain that are missing and given up: nobody knows their heads any more.
package struct LostLinks: Sendable, Equatable, Canonical {
    package var device: [UInt8]
    package var incarnation: UInt32
    /// The first and the last missing sequence.
    package var first: UInt64
    package var last: UInt64

    package init(device: [UInt8], incarnation: UInt32, first: UInt64, last: UInt64) {
        self.device = device
        self.incarnation = incarnation
        self.first = first
        self.last = last
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        device = try reader.raw(16)
        incarnation = try reader.u32()
        first = try reader.u64()
        last = try reader.u64()
        guard first > 0, first <= last else { throw CryptoError(.malformed, "a range that is none") }
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(device)
        writer.u32(incarnation)
        writer.u64(first)
        writer.u64(last)
    }
}

/// The part of a prune record that anybody can read.
package struct PruneClear: Sendable, Equatable, Canonical {
    /// The most heads that one record names.
    package static let headLimit = 65_536
    static let lostLimit = 4096

    /// The record's id: a ULID's 16 bytes.
    package var id: [UInt8]
    /// The roster chain up to the record's writing.
    package var roster: [[UInt8]]
    /// Where the manifests were removed: zeros for the writer's local store, otherwise the remote's id.
    package var location: [UInt8]
    /// The heads of the removed manifests, strictly ascending by device, incarnation and sequence.
    package var removed: [ManifestHead]
    /// Missing links that are given up, strictly ascending by their bytes.
    package var lost: [LostLinks]
    /// The encrypted part: bytes, hash of its ciphertext, epoch, key.
    package var bodyLength: UInt64
    package var bodyHash: [UInt8]
    package var bodyEpoch: UInt32
    package var bodyWraps: [WrappedKey]

    package init(
        id: [UInt8], roster: [[UInt8]], location: [UInt8], removed: [ManifestHead], lost: [LostLinks],
        bodyLength: UInt64, bodyHash: [UInt8], bodyEpoch: UInt32, bodyWraps: [WrappedKey]
    ) {
        self.id = id
        self.roster = roster
        self.location = location
        self.removed = removed.sorted { $0.place.lexicographicallyPrecedes($1.place) }
        self.lost = lost.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        self.bodyLength = bodyLength
        self.bodyHash = bodyHash
        self.bodyEpoch = bodyEpoch
        self.bodyWraps = bodyWraps
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        id = try reader.raw(16)
        roster = try reader.blobs(limit: 1 << 20, length: 1 << 24)
        location = try reader.raw(16)
        removed = []
        var last: [UInt8] = []
        for _ in 0..<(try reader.count(limit: Self.headLimit, elementCount: ManifestHead.count)) {
            let head = try Self.head(reader.raw(ManifestHead.count))
            guard last.lexicographicallyPrecedes(head.place) else {
                throw CryptoError(.malformed, "the removed manifests are not in order")
            }
            last = head.place
            removed.append(head)
        }
        lost = try reader.list(of: LostLinks.self, limit: Self.lostLimit, size: 36)
        guard zip(lost, lost.dropFirst()).allSatisfy({ $0.bytes.lexicographicallyPrecedes($1.bytes) }) else {
            throw CryptoError(.malformed, "the lost manifests are not in order")
        }
        bodyLength = try reader.u64()
        bodyHash = try reader.raw(32)
        bodyEpoch = try reader.u32()
        bodyWraps = try reader.list(of: WrappedKey.self, limit: 256, size: 97)
    }

    private static func head(_ bytes: [UInt8]) throws(CryptoError) -> ManifestHead {
        do throws(BackupError) { return try ManifestHead(bytes, object: "") } catch {
            throw CryptoError(.malformed, "a removed manifest's head is malformed")
        }
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(id)
        writer.blobs(roster)
        writer.raw(location)
        writer.count(removed.count)
        for head in removed { writer.raw(head.bytes) }
        writer.list(lost)
        writer.u64(bodyLength)
        writer.raw(bodyHash)
        writer.u32(bodyEpoch)
        writer.list(bodyWraps)
    }
}

/// A signed record of manifests that were removed from one location: a link of its writer's chain like any
/// backup (`ManifestKind.prune`).
///
///     head 212 ‖ clear part ‖ encrypted part
///
/// The encrypted part is Cobblestone over `string (policy) ‖ zeros`, 1,024 bytes: tags may be named in it.
package struct PruneRecord: Sendable {
    /// Bytes of the encrypted part before it is encrypted.
    static let bodyCount = 1024

    package let head: ManifestHead
    package let clear: PruneClear
    let encrypted: [UInt8]

    /// The file's bytes.
    package var bytes: [UInt8] { head.bytes + clear.bytes + encrypted }

    /// Reads a record and checks that its parts belong together. Who signed it, and whether that member may
    /// remove what it names, is the caller's next question.
    ///
    /// - Throws: `.integrity`, `.newerFormat`, naming `object`.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        let parts = try ManifestParts(bytes, object: object)
        guard parts.head.kind == .prune else { throw .integrity(object, "not a prune record") }
        clear = try PruneClear(whole: parts.clear, "the clear part", object: object)
        head = parts.head
        encrypted = parts.rest
        guard UInt64(encrypted.count) == clear.bodyLength else {
            throw .integrity(object, "the record is cut or extended")
        }
        guard Hash.digest(.sha256, encrypted) == clear.bodyHash else {
            throw .integrity(object, "the encrypted part was changed")
        }
    }

    /// Makes and signs a record.
    ///
    /// - Parameters:
    ///   - policy: what was asked for, in words; it is cut at 1,000 bytes.
    ///   - previous: the head before it in this writer's incarnation.
    package init(
        id: [UInt8], removed: [ManifestHead], lost: [LostLinks] = [], at location: BackupLocation,
        policy: String, previous: ManifestHead?, created: UInt64, keys: some BackupKeys
    ) throws {
        guard removed.count <= PruneClear.headLimit, lost.count <= PruneClear.lostLimit else {
            throw BackupError(.failed, "a prune record of too many backups")
        }
        let key = try ObjectKey(.prune, id: id, keys: keys)
        encrypted = try Cobblestone.seal(key: key.key, context: key.context, Self.packed(policy))
        clear = PruneClear(
            id: id, roster: keys.rosterRecords, location: location.id, removed: removed, lost: lost,
            bodyLength: UInt64(encrypted.count), bodyHash: Hash.digest(.sha256, encrypted),
            bodyEpoch: key.epoch, bodyWraps: key.wraps)
        var head = ManifestHead(
            kind: .prune, vaultID: keys.vaultID, deviceID: keys.deviceID, incarnation: keys.incarnation,
            sequence: (previous?.sequence ?? 0) + 1,
            previous: previous?.hash ?? Array(repeating: 0, count: 32), created: created, clear: clear.bytes)
        head.signature = try keys.sign(head.signedBytes, domain: ManifestHead.domain)
        self.head = head
    }

    /// What was asked for when it was written.
    ///
    /// - Throws: `.integrity`, `.locked`, naming `object`.
    package func policy(keys: some BackupKeys, object: String) throws -> String {
        let key = try ObjectKey.open(
            .prune, id: clear.id, epoch: clear.bodyEpoch, wraps: clear.bodyWraps, keys: keys, object: object)
        do {
            let context = ObjectKey.Kind.prune.context(vaultID: head.vaultID, id: clear.id)
            let plain = try Cobblestone.open(key: key, context: context, encrypted)
            var reader = CanonicalReader(plain)
            let policy = try reader.string(limit: Self.bodyCount)
            guard plain.count == Self.bodyCount,
                try reader.raw(reader.remaining).allSatisfy({ $0 == 0 })
            else { throw CryptoError(.malformed, "the encrypted part is malformed") }
            return policy
        } catch let error as CryptoError {
            throw BackupError.integrity(object, error.message)
        }
    }

    private static func packed(_ policy: String) -> [UInt8] {
        var text = policy
        while text.utf8.count > bodyCount - 24 { text.removeLast() }
        var writer = CanonicalWriter()
        writer.string(text)
        writer.raw(Array(repeating: 0, count: bodyCount - writer.bytes.count))
        return writer.bytes
    }
}

/// A file below `m/`, whichever kind it is.
package enum StoredManifest: Sendable {
    case backup(Manifest)
    case prune(PruneRecord)

    package var head: ManifestHead {
        switch self {
        case .backup(let manifest): manifest.head
        case .prune(let record): record.head
        }
    }

    /// The file's bytes.
    var bytes: [UInt8] {
        switch self {
        case .backup(let manifest): manifest.bytes
        case .prune(let record): record.bytes
        }
    }

    var roster: [[UInt8]] {
        switch self {
        case .backup(let manifest): manifest.clear.roster
        case .prune(let record): record.clear.roster
        }
    }

    var id: [UInt8] {
        switch self {
        case .backup(let manifest): manifest.clear.id
        case .prune(let record): record.clear.id
        }
    }

    /// Reads either kind.
    ///
    /// - Throws: `.integrity`, `.newerFormat`, naming `object`.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        switch try ManifestHead(bytes, object: object).kind {
        case .backup, .relayed: self = .backup(try Manifest(bytes, object: object))
        case .prune: self = .prune(try PruneRecord(bytes, object: object))
        }
    }
}
