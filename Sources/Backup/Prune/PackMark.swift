internal import Cryptography

/// A mark on a pack that no manifest names: the object `d/<pack>` of a store that several write to. Whoever
/// is about to name a marked pack stores it again first, so that a pack that stayed marked and unnamed for
/// long enough is wanted by nobody.
///
///     "ATDM" ‖ suite u8 = 1 ‖ V 32 ‖ device id 16 ‖ location 16 ‖ pack id 16 ‖ created u64 ‖ signature 64
package struct PackMark: Sendable, Equatable {
    static let magic = Array("ATDM".utf8)
    /// Signature domain.
    static let domain = "ai-team/pack-mark/v1"
    /// How long a pack stays marked before it goes, in milliseconds: 23 hours.
    package static let patience: UInt64 = 23 * 3_600_000
    /// Bytes with the signature.
    package static let count = 157

    package let vaultID: [UInt8]
    package let deviceID: [UInt8]
    package let location: [UInt8]
    package let pack: [UInt8]
    /// Milliseconds since 1970 by its maker's clock; decides nothing.
    package let created: UInt64
    package let signature: [UInt8]

    private var signedBytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.u8(1)
        writer.raw(vaultID)
        writer.raw(deviceID)
        writer.raw(location)
        writer.raw(pack)
        writer.u64(created)
        return writer.bytes
    }

    package var bytes: [UInt8] { signedBytes + signature }

    /// Makes and signs a mark.
    package init(
        on pack: [UInt8], at location: BackupLocation, created: UInt64, keys: some BackupKeys
    ) throws {
        vaultID = keys.vaultID
        deviceID = keys.deviceID
        self.location = location.id
        self.pack = pack
        self.created = created
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.u8(1)
        writer.raw(vaultID)
        writer.raw(deviceID)
        writer.raw(self.location)
        writer.raw(pack)
        writer.u64(created)
        signature = try keys.sign(writer.bytes, domain: Self.domain)
    }

    /// Reads a mark; the signature is not checked here.
    ///
    /// - Throws: `.integrity`, `.newerFormat`, naming `object`.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        guard bytes.count >= 5, bytes.starts(with: Self.magic) else { throw .integrity(object, "not a mark") }
        guard bytes[4] == 1 else {
            throw BackupError(
                .newerFormat, "a mark of a newer format", object: object, hint: "update ai-team")
        }
        do throws(CryptoError) {
            var reader = CanonicalReader(Array(bytes.dropFirst(5)))
            vaultID = try reader.raw(32)
            deviceID = try reader.raw(16)
            location = try reader.raw(16)
            pack = try reader.raw(16)
            created = try reader.u64()
            signature = try reader.raw(64)
            try reader.expectEnd()
        } catch {
            throw .integrity(object, "a mark that is cut or extended")
        }
    }

    /// Checks the signature under its maker's public key.
    package func verify(publicKey: [UInt8], object: String) throws(BackupError) {
        do {
            try Ed25519.verify(
                signature: signature, of: signedBytes, domain: Self.domain, publicKey: publicKey)
        } catch {
            throw .integrity(object, "the mark's signature does not fit")
        }
    }
}
