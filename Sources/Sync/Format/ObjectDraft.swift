internal import Cryptography
public import KeyRing
public import Vault

/// An object before it is sealed: everything that its header says but length and hash of the ciphertext.
public struct ObjectDraft: Sendable {
    private var header: ObjectHeader

    /// What the header shall say.
    ///
    /// - Parameters:
    ///   - link: 32 bytes, see `ObjectHeader.link`.
    ///   - rosterHash: 32 bytes, of the record `rosterSequence`.
    public init(
        kind: ObjectKind, vaultID: VaultID, lane: Lane, epoch: UInt32, sequence: UInt64, link: [UInt8],
        rosterSequence: UInt64, rosterHash: [UInt8]
    ) {
        header = ObjectHeader(
            kind: kind, vaultID: vaultID, lane: lane, epoch: epoch, sequence: sequence, link: link,
            rosterSequence: rosterSequence, rosterHash: rosterHash, bodyCount: 0,
            bodyHash: [UInt8](repeating: 0, count: 32))
    }

    /// The object in its final bytes.
    ///
    /// - Parameters:
    ///   - content: what the body says, without compression and padding.
    ///   - encrypt: given the padded plaintext and the context that it is bound to.
    ///   - sign: given the bytes to be signed, without their domain.
    /// - Throws: what these throw, and `CompressionError`.
    public func seal(
        _ content: [UInt8], encrypt: (_ plain: [UInt8], _ context: [UInt8]) throws -> [UInt8],
        sign: (_ bytes: [UInt8]) throws -> [UInt8]
    ) throws -> [UInt8] {
        let context = Array(header.signedBytes[..<ObjectHeader.contextCount])
        let body = try encrypt(PaddedBody.encode(content), context)
        var header = header
        header.bodyCount = UInt64(body.count)
        header.bodyHash = Hash.digest(.sha256, body)
        return try header.signedBytes + sign(header.signedBytes) + body
    }
}
