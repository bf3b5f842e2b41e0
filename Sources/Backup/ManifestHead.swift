internal import Cryptography

/// What a manifest is.
package enum ManifestKind: UInt8, Sendable {
    /// A backup.
    case backup = 1
    /// A record of what was pruned.
    case prune = 2
    /// A backup by a machine without the vault's keys: pages as ciphertext, and a key holder's statement.
    case relayed = 3
}

/// The first 212 bytes of a manifest: what is signed, and all that a prune record keeps of it.
///
///     0 "ATBM"   4 suite u8 = 1   5 kind u8   6 minReader u16 = 1   8 vault id 32   40 device id 16
///     56 incarnation u32   60 seq u64   68 prev 32   100 created, ms since 1970 u64
///     108 length of the clear part u64   116 SHA-256 of the clear part 32   148 signature 64
///
/// `prev` is the SHA-256 of the 212 bytes of the writer's manifest before it in this incarnation, zeros at
/// seq 1. The clear part holds length and hash of the encrypted part, so one signature covers the file.
package struct ManifestHead: Sendable, Equatable {
    /// Bytes with the signature.
    package static let count = 212
    static let signedCount = 148
    static let magic = Array("ATBM".utf8)
    /// Signature domain.
    static let domain = "ai-team/manifest/v1"

    package var kind: ManifestKind
    package var vaultID: [UInt8]
    package var deviceID: [UInt8]
    package var incarnation: UInt32
    package var sequence: UInt64
    package var previous: [UInt8]
    package var created: UInt64
    package var clearLength: UInt64
    package var clearHash: [UInt8]
    package var signature: [UInt8] = []

    /// What manifests are ordered by in a prune record: device, incarnation, sequence.
    var place: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(deviceID)
        writer.u32(incarnation)
        writer.u64(sequence)
        return writer.bytes
    }

    /// The 148 bytes under the signature.
    package var signedBytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.u8(1)
        writer.u8(kind.rawValue)
        writer.u16(1)
        writer.raw(vaultID)
        writer.raw(deviceID)
        writer.u32(incarnation)
        writer.u64(sequence)
        writer.raw(previous)
        writer.u64(created)
        writer.u64(clearLength)
        writer.raw(clearHash)
        return writer.bytes
    }

    /// All 212 bytes.
    package var bytes: [UInt8] { signedBytes + signature }

    /// What the writer's next manifest names as `prev`.
    package var hash: [UInt8] { Hash.digest(.sha256, bytes) }

    /// Reads a head; the signature is not checked here.
    ///
    /// - Throws: `.integrity`, or `.newerFormat` for a suite or a reader version that is not known.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        guard bytes.count >= Self.count, bytes.starts(with: Self.magic) else {
            throw .integrity(object, "not a manifest")
        }
        let suite = bytes[4]
        let minReader = UInt16(bytes[6]) << 8 | UInt16(bytes[7])
        guard suite == 1, minReader == 1, let kind = ManifestKind(rawValue: bytes[5]) else {
            throw BackupError(
                .newerFormat, "a manifest of a newer format", object: object, hint: "update ai-team")
        }
        self.kind = kind
        do throws(CryptoError) {
            var reader = CanonicalReader(Array(bytes[8..<Self.count]))
            vaultID = try reader.raw(32)
            deviceID = try reader.raw(16)
            incarnation = try reader.u32()
            sequence = try reader.u64()
            previous = try reader.raw(32)
            created = try reader.u64()
            clearLength = try reader.u64()
            clearHash = try reader.raw(32)
            signature = try reader.raw(64)
        } catch {
            throw .integrity(object, "not a manifest")
        }
        guard sequence > 0 else { throw .integrity(object, "a manifest without a sequence") }
        guard (sequence == 1) == previous.allSatisfy({ $0 == 0 }) else {
            throw .integrity(object, "a manifest whose chain does not begin at 1")
        }
    }

    /// A head that is still to be signed.
    package init(
        kind: ManifestKind, vaultID: [UInt8], deviceID: [UInt8], incarnation: UInt32, sequence: UInt64,
        previous: [UInt8], created: UInt64, clear: [UInt8]
    ) {
        self.kind = kind
        self.vaultID = vaultID
        self.deviceID = deviceID
        self.incarnation = incarnation
        self.sequence = sequence
        self.previous = previous
        self.created = created
        clearLength = UInt64(clear.count)
        clearHash = Hash.digest(.sha256, clear)
    }

    /// Checks the signature under the writer's public key.
    package func verify(publicKey: [UInt8], object: String) throws(BackupError) {
        do {
            try Ed25519.verify(
                signature: signature, of: signedBytes, domain: Self.domain, publicKey: publicKey)
        } catch {
            throw .integrity(object, "the signature does not fit")
        }
    }
}

/// A file below `m/`, cut into what every kind has: a head, a clear part that fits it, and the rest.
struct ManifestParts {
    let head: ManifestHead
    let clear: [UInt8]
    let rest: [UInt8]

    /// - Throws: `.integrity`, `.newerFormat`, naming `object`.
    init(_ bytes: [UInt8], object: String) throws(BackupError) {
        head = try ManifestHead(bytes, object: object)
        let count = bytes.count - ManifestHead.count
        guard head.clearLength <= Manifest.partLimit, Int(head.clearLength) <= count else {
            throw .integrity(object, "the manifest is cut")
        }
        let split = ManifestHead.count + Int(head.clearLength)
        clear = Array(bytes[ManifestHead.count..<split])
        guard Hash.digest(.sha256, clear) == head.clearHash else {
            throw .integrity(object, "the clear part was changed")
        }
        rest = Array(bytes[split...])
    }
}
