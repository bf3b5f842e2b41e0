internal import Cryptography
public import KeyRing
public import Vault

/// What an object of the remote is.
public enum ObjectKind: UInt8, Sendable, Hashable, CaseIterable {
    case segment = 1
    case head = 2
    case bell = 3
    case checkpoint = 4
    case chunk = 5
    case marks = 6
    case log = 7
    case claim = 8

    /// The string in front of what is signed, so that a signature of one kind fits no other.
    var domain: String { "ai-team/\(self)/v1" }

    /// The key that encrypts bodies of this kind.
    public var purpose: KeyPurpose { KeyPurpose(rawValue: "\(self)") }
}

/// The signed front of every object that sync writes (docs/FORMAT.md, "Sync objects"): 256 bytes with its
/// signature, of one layout for all kinds, so that one piece of code checks them.
public struct ObjectHeader: Sendable, Hashable {
    /// What the object is.
    public var kind: ObjectKind
    /// To which vault it belongs.
    public var vaultID: VaultID
    /// Who wrote it; `stream` is 0 for all but segments.
    public var lane: Lane
    /// The epoch under which the body is encrypted.
    public var epoch: UInt32
    /// Its number among the author's objects of this kind (and stream), from 1, without gaps; of a claim its
    /// round.
    public var sequence: UInt64
    /// 32 bytes: the hash of the segment or log object before, or what `HeadTimes` says, or which checkpoint
    /// it belongs to, or which task it claims.
    public var link: [UInt8]
    /// The newest roster record that the author knew.
    public var rosterSequence: UInt64
    /// SHA-256 of that record.
    public var rosterHash: [UInt8]
    /// Bytes of ciphertext behind the header.
    public var bodyCount: UInt64
    /// SHA-256 of these bytes.
    public var bodyHash: [UInt8]

    /// Bytes of header and signature.
    public static let count = 256
    /// Bytes that the body's encryption is bound to: everything but what depends on the ciphertext.
    static let contextCount = 152
    /// Bytes that are signed.
    static let signedCount = 192
    /// The newest layout that this program reads.
    private static let reader: UInt16 = 1
    private static let magic = Array("ATS1".utf8)
    private static let suite: UInt8 = 1

    /// The epoch of an object that was made here.
    static func epoch(of object: [UInt8]) -> UInt32 {
        object.dropFirst(68).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The bytes in front of the signature.
    var signedBytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.u8(Self.suite)
        writer.u8(kind.rawValue)
        writer.u16(Self.reader)
        writer.u32(0)
        writer.raw(vaultID.bytes)
        writer.raw(lane.author.device.bytes)
        writer.u32(lane.author.incarnation)
        writer.u16(lane.stream)
        writer.u16(0)
        writer.u32(epoch)
        writer.u64(sequence)
        writer.raw(link)
        writer.u64(rosterSequence)
        writer.raw(rosterHash)
        writer.u64(bodyCount)
        writer.raw(bodyHash)
        return writer.bytes
    }

}

extension ObjectHeader {
    /// - Throws: `integrity` for bytes that no version writes, `newerFormat` for those of a newer program.
    init(_ bytes: [UInt8], name: String) throws(SyncError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.magic else { throw CryptoError(.malformed, "its magic is wrong") }
            let suite = try reader.u8()
            let kindByte = try reader.u8()
            guard try reader.u16() <= Self.reader, suite == Self.suite else {
                throw CryptoError(.parameterOutOfRange, "")
            }
            guard let kind = ObjectKind(rawValue: kindByte), try reader.u32() == 0,
                let vaultID = VaultID(try reader.raw(32)), let device = DeviceID(try reader.raw(16))
            else { throw CryptoError(.malformed, "its header is malformed") }
            self.kind = kind
            self.vaultID = vaultID
            let author = Author(device: device, incarnation: try reader.u32())
            lane = Lane(author: author, stream: try reader.u16())
            guard try reader.u16() == 0 else { throw CryptoError(.malformed, "its header is malformed") }
            epoch = try reader.u32()
            sequence = try reader.u64()
            link = try reader.raw(32)
            rosterSequence = try reader.u64()
            rosterHash = try reader.raw(32)
            bodyCount = try reader.u64()
            bodyHash = try reader.raw(32)
        } catch {
            guard error.code == .parameterOutOfRange else { throw .integrity(name, error.message) }
            throw SyncError(
                .newerFormat, "\(name) was written by a newer ai-team",
                hint: "install the newest ai-team on this device; nothing was changed")
        }
    }
}

/// An object as it lies in the remote: header, signature, ciphertext. A value says only that the three fit
/// together; who signed it and what is inside are the next two questions.
public struct SignedObject: Sendable, Hashable {
    /// The signed part.
    public let header: ObjectHeader
    /// Ed25519, 64 bytes, over the kind's domain NUL the first 192 bytes.
    public let signature: [UInt8]
    /// Ciphertext.
    public let body: [UInt8]
    /// SHA-256 of header and signature: what the next segment of the lane links to.
    public let hash: [UInt8]
    let signedBytes: [UInt8]

    /// What the body is bound to.
    public var context: [UInt8] { Array(signedBytes[..<ObjectHeader.contextCount]) }
    /// Where it stands in its lane.
    public var position: Position { Position(sequence: header.sequence, hash: hash) }

    /// Takes an object apart and checks that its body is the one of its header.
    ///
    /// - Parameters:
    ///   - bytes: as they came.
    ///   - name: for messages.
    /// - Throws: `integrity`, `newerFormat`.
    public init(_ bytes: [UInt8], name: String) throws(SyncError) {
        guard bytes.count > ObjectHeader.count else { throw .integrity(name, "it is cut") }
        signedBytes = Array(bytes[..<ObjectHeader.signedCount])
        header = try ObjectHeader(signedBytes, name: name)
        guard header.signedBytes == signedBytes else { throw .integrity(name, "its header is not canonical") }
        signature = Array(bytes[ObjectHeader.signedCount..<ObjectHeader.count])
        body = Array(bytes[ObjectHeader.count...])
        guard UInt64(body.count) == header.bodyCount, Hash.digest(.sha256, body) == header.bodyHash else {
            throw .integrity(name, "its body is not the one that was signed")
        }
        hash = Hash.digest(.sha256, Array(bytes[..<ObjectHeader.count]))
    }

    /// All of its bytes.
    public var bytes: [UInt8] { signedBytes + signature + body }
}

/// The times that a head carries where a segment has its link.
public struct HeadTimes: Sendable, Hashable {
    /// Milliseconds since 1970 by the author's clock.
    public var issuedAt: UInt64
    /// After this, silence of the author is worth a warning.
    public var validUntil: UInt64
    /// The oldest log object that must still be there; lower ones were allowed to expire. One more than the
    /// newest when none must.
    public var oldestLog: UInt64

    /// The times of a head, in milliseconds since 1970.
    public init(issuedAt: UInt64, validUntil: UInt64, oldestLog: UInt64) {
        self.issuedAt = issuedAt
        self.validUntil = validUntil
        self.oldestLog = oldestLog
    }

    /// 32 bytes.
    public var link: [UInt8] {
        var writer = CanonicalWriter()
        writer.u64(issuedAt)
        writer.u64(validUntil)
        writer.u64(oldestLog)
        writer.u64(0)
        return writer.bytes
    }

    init(link: [UInt8], name: String) throws(SyncError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(link)
            issuedAt = try reader.u64()
            validUntil = try reader.u64()
            oldestLog = try reader.u64()
            guard try reader.u64() == 0 else { throw CryptoError(.malformed, "its times are malformed") }
        } catch { throw .integrity(name, error.message) }
    }
}
