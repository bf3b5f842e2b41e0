package import Cryptography

/// What a derived key is for. A key of one purpose says nothing about that of another.
public struct KeyPurpose: RawRepresentable, Sendable, Hashable {
    /// The purpose as it stands in `info`: ASCII, without NUL.
    public let rawValue: String
    /// A purpose by its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    static let slotAgreement = KeyPurpose(rawValue: "slot-x25519")
    static let slotMAC = KeyPurpose(rawValue: "slot-mac")
    static let recoveryAgreement = KeyPurpose(rawValue: "recovery-x25519")
    static let recoverySigning = KeyPurpose(rawValue: "recovery-ed25519")
    static let epochCommit = KeyPurpose(rawValue: "epoch-commit")
    static let previousEpoch = KeyPurpose(rawValue: "prev-epoch")
    static let backupAgreement = KeyPurpose(rawValue: "backup-x25519")
    static let deviceLabel = KeyPurpose(rawValue: "device-label")
    static let name = KeyPurpose(rawValue: "name")

    /// HKDF-Expand-SHA-256(secret, "ai-team/" ‖ purpose ‖ 0x00 ‖ V ‖ epoch as u32, 32 bytes).
    func expand(
        _ secret: borrowing SecretBytes, vault: VaultID, epoch: UInt32
    ) throws(CryptoError) -> SecretBytes {
        var info = CanonicalWriter()
        info.raw(Array("ai-team/".utf8) + Array(rawValue.utf8) + [0])
        info.raw(vault.bytes)
        info.u32(epoch)
        return try HKDF.expand(.sha256, key: secret, info: info.bytes, count: 32)
    }
}

/// A secret that several owners share; wiped when the last lets go.
package final class SharedSecret: Sendable {
    /// The secret.
    package let bytes: SecretBytes

    /// Takes it.
    package init(_ bytes: consuming SecretBytes) { self.bytes = bytes }
}

extension SecretBytes {
    /// The bytes in an array that nobody wipes: to be shown to a person, or put where they are wiped later.
    borrowing func revealed() -> [UInt8] { withUnsafeBytes { Array($0) } }
}
