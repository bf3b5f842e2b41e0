internal import Cryptography
public import KeyRing

/// What a new device leaves in the remote to be let in: its public keys and its name, proven by the token.
///
///     "ATJ1" ‖ suite u8 = 1 ‖ 0 (3) ‖ Ed25519 (32) ‖ X25519 (32) ‖ label (144) ‖ proof (32) ‖ signature (64)
///
/// The label is the name, sealed like a member's under the token's label key; the proof is an HMAC under the
/// token's secret over vault, keys and label, so that no storage can put keys of its own there; the signature
/// is the new device's, domain "ai-team/join/v1", over V ‖ everything before it: it has the private half.
public struct JoinRequest: Sendable, Hashable {
    /// The canonical bytes.
    public let bytes: [UInt8]
    /// The new device's public keys.
    public let keys: PublicKeys
    let label: [UInt8]
    private let proof: [UInt8]
    private let signature: [UInt8]

    static let count = 8 + 64 + DeviceLabel.count + 32 + 64
    private static let magic = Array("ATJ1".utf8)
    private static let domain = "ai-team/join/v1"

    /// Makes the request of a device.
    init(_ identity: JoiningIdentity, name: String, token: InviteToken) throws {
        keys = identity.publicKeys
        label = try DeviceLabel.seal(name, under: token.labelKey(), keys.id, token.vaultID)
        proof = try token.proof(keys: keys, label: label)
        let signed =
            Self.magic + [1, 0, 0, 0] + keys.signing + keys.agreement + label + proof
        signature = try identity.sign(token.vaultID.bytes + signed, domain: Self.domain)
        bytes = signed + signature
    }

    /// Reads a request and verifies it for an invitation: first the proof, then possession.
    ///
    /// - Throws: `SyncError` with code `integrityFailure`, or `newerFormat`.
    public init(_ bytes: [UInt8], for token: InviteToken) throws {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.magic else { throw Self.malformed }
            guard try reader.raw(4) == [1, 0, 0, 0] else {
                throw CryptoError(.parameterOutOfRange, "it is of a newer format")
            }
            keys = PublicKeys(signing: try reader.raw(32), agreement: try reader.raw(32))
            label = try reader.raw(DeviceLabel.count)
            proof = try reader.raw(32)
            signature = try reader.raw(Ed25519.signatureCount)
            try reader.expectEnd()
        } catch {
            guard error.code == .parameterOutOfRange else { throw Self.wrong(error.message) }
            throw SyncError(.newerFormat, "the request to join is of a newer format", hint: "update ai-team")
        }
        self.bytes = bytes
        guard ConstantTime.equal(try token.proof(keys: keys, label: label), proof) else {
            throw Self.wrong("whoever made it does not have the invitation")
        }
        do throws(CryptoError) {
            try Ed25519.verify(
                signature: signature, of: token.vaultID.bytes + Array(bytes.dropLast(64)),
                domain: Self.domain, publicKey: keys.signing)
        } catch { throw Self.wrong("whoever made it does not have the keys that it names") }
    }

    /// The name that the device gave itself.
    public func name(for token: InviteToken) throws -> String {
        try DeviceLabel.open(label, under: token.labelKey(), keys.id, token.vaultID)
    }

    /// SHA-256 of the request.
    var hash: [UInt8] { Hash.digest(.sha256, bytes) }

    private static var malformed: CryptoError { CryptoError(.malformed, "it does not begin as one") }

    private static func wrong(_ reason: String) -> SyncError {
        SyncError.integrity("a request to join", reason)
    }
}
