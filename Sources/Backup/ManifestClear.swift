package import Cryptography

/// A key sealed to one public key.
package struct WrappedKey: Sendable, Equatable, Canonical {
    /// 1: the backup key pair of an epoch. 2: a named recipient.
    package var kind: UInt8
    /// Recipient's id; zeros for kind 1.
    package var recipient: [UInt8]
    package var ephemeral: [UInt8]
    package var box: [UInt8]

    package init(kind: UInt8, recipient: [UInt8], ephemeral: [UInt8], box: [UInt8]) {
        self.kind = kind
        self.recipient = recipient
        self.ephemeral = ephemeral
        self.box = box
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        kind = try reader.u8()
        recipient = try reader.raw(16)
        ephemeral = try reader.raw(32)
        box = try reader.raw(48)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u8(kind)
        writer.raw(recipient)
        writer.raw(ephemeral)
        writer.raw(box)
    }
}

/// One row of a manifest's pack table.
package struct PackRecord: Sendable, Equatable, Canonical {
    /// 16 random bytes; the file's name is their base32.
    package var id: [UInt8]
    /// Bytes of the file, padding and encryption included.
    package var length: UInt64
    package var sha256: [UInt8]
    /// What an S3 store shows as the ETag of an object that was put in one piece. Proves nothing.
    package var md5: [UInt8]
    /// The first 56 bytes of the file, Cobblestone's header: who reads a part of a pack from far away needs
    /// one request for it.
    package var header: [UInt8]
    /// The epoch whose backup key pair the key is sealed to.
    package var epoch: UInt32
    package var wraps: [WrappedKey]

    package init(
        id: [UInt8], length: UInt64, sha256: [UInt8], md5: [UInt8], header: [UInt8], epoch: UInt32,
        wraps: [WrappedKey]
    ) {
        self.id = id
        self.length = length
        self.sha256 = sha256
        self.md5 = md5
        self.header = header
        self.epoch = epoch
        self.wraps = wraps
    }

    /// The file's name below `p/<2>/`.
    package var name: String { Crockford32.encode(id) }
    /// Its path in a store: `p/<2>/<name>`.
    package var path: String { Self.path(name) }

    /// The path of the pack of this name.
    static func path(_ name: String) -> String { "p/\(name.prefix(2))/\(name)" }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        id = try reader.raw(16)
        length = try reader.u64()
        sha256 = try reader.raw(32)
        md5 = try reader.raw(16)
        header = try reader.raw(Cobblestone.headerCount)
        epoch = try reader.u32()
        wraps = try reader.list(of: WrappedKey.self, limit: 256, size: 97)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(id)
        writer.u64(length)
        writer.raw(sha256)
        writer.raw(md5)
        writer.raw(header)
        writer.u32(epoch)
        writer.list(wraps)
    }
}

/// The part of a manifest that anybody can read: what recovery and a store's check need before any key.
package struct ManifestClear: Sendable, Equatable, Canonical {
    /// The backup's id: a ULID's 16 bytes.
    package var id: [UInt8]
    /// The roster chain up to the manifest's writing: each record as it was signed.
    package var roster: [[UInt8]]
    /// The packs that this backup needs, its own and older ones.
    package var packs: [PackRecord]
    /// The encrypted part: bytes, hash of its ciphertext, epoch, key.
    package var bodyLength: UInt64
    package var bodyHash: [UInt8]
    package var bodyEpoch: UInt32
    package var bodyWraps: [WrappedKey]

    package init(
        id: [UInt8], roster: [[UInt8]], packs: [PackRecord], bodyLength: UInt64, bodyHash: [UInt8],
        bodyEpoch: UInt32, bodyWraps: [WrappedKey]
    ) {
        self.id = id
        self.roster = roster
        self.packs = packs
        self.bodyLength = bodyLength
        self.bodyHash = bodyHash
        self.bodyEpoch = bodyEpoch
        self.bodyWraps = bodyWraps
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        id = try reader.raw(16)
        roster = try reader.blobs(limit: 1 << 20, length: 1 << 24)
        // 0: the table stands here. Other values: an object of its own, for many thousand packs.
        guard try reader.u8() == 0 else { throw CryptoError(.malformed, "a pack table of a newer format") }
        packs = try reader.list(of: PackRecord.self, limit: 1 << 24, size: 136)
        bodyLength = try reader.u64()
        bodyHash = try reader.raw(32)
        bodyEpoch = try reader.u32()
        bodyWraps = try reader.list(of: WrappedKey.self, limit: 256, size: 97)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(id)
        writer.blobs(roster)
        writer.u8(0)
        writer.list(packs)
        writer.u64(bodyLength)
        writer.raw(bodyHash)
        writer.u32(bodyEpoch)
        writer.list(bodyWraps)
    }
}
