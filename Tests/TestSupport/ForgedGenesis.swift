package import Cryptography

// Records built by hand from docs/FORMAT.md, as an attacker (or another implementation) would.

/// What hand-made records need, once more from docs/FORMAT.md.
package enum ByHand {
    /// HKDF-Expand-SHA-256(secret, "ai-team/" ‖ purpose ‖ 0 ‖ V ‖ epoch).
    package static func expand(
        _ secret: borrowing SecretBytes, _ purpose: String, vault: [UInt8] = zeros(32),
        epoch: UInt32 = 0
    ) throws -> SecretBytes {
        var info = CanonicalWriter()
        info.raw(Array("ai-team/\(purpose)".utf8) + [0] + vault)
        info.u32(epoch)
        return try HKDF.expand(.sha256, key: secret, info: info.bytes, count: 32)
    }

    package static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    package static func secret(_ bytes: [UInt8]) -> SecretBytes {
        var bytes = bytes
        return SecretBytes(wiping: &bytes)
    }

    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { Hash.digest(.sha256, bytes) }
}

/// The public keys that a recovery code leads to, and the private ones of its holder.
package struct RecoveryHolder: ~Copyable {
    package let signing: SigningKey
    package let agreement: AgreementKey
    package var id: [UInt8] { Array(ByHand.sha256(signing.publicKey + agreement.publicKey)[..<16]) }

    package init(code bytes: [UInt8]) throws {
        let code = ByHand.secret(bytes)
        let signingSeed = try ByHand.expand(code, "recovery-ed25519")
        let agreementSeed = try ByHand.expand(code, "recovery-x25519")
        let signing = try SigningKey(seed: signingSeed)
        self.agreement = try AgreementKey(seed: agreementSeed)
        self.signing = signing
    }
}

/// A genesis record around given recovery public keys, made by a device of the forger's.
package struct ForgedGenesis {
    private static let time: UInt64 = 1_790_000_000_000

    package let vaultID: [UInt8]
    let unsigned: [UInt8]
    let author: [UInt8]
    let authorSignature: [UInt8]

    package init(around recovery: borrowing RecoveryHolder) throws {
        let device = try SigningKey(seed: .random(count: 32))
        let agreement = try AgreementKey.random()
        author = Array(ByHand.sha256(device.publicKey + agreement.publicKey)[..<16])
        var core = CanonicalWriter()
        core.raw([UInt8](repeating: 5, count: 32) + device.publicKey + agreement.publicKey)
        core.count(1)
        core.raw([1] + recovery.signing.publicKey + recovery.agreement.publicKey + ByHand.zeros(32))
        core.count(0)
        core.raw([0, 90] + ByHand.zeros(16) + [0])
        core.u64(ForgedGenesis.time)
        vaultID = ByHand.sha256(Array("ai-team/vault/v1".utf8) + [0] + core.bytes)
        var body = CanonicalWriter()
        body.blob(core.bytes)
        body.raw(ByHand.zeros(144))
        let recipients = [author: agreement.publicKey, recovery.id: recovery.agreement.publicKey]
        body.raw(try ForgedGenesis.epoch(vaultID, recipients))
        var record = CanonicalWriter()
        record.raw(Array("ATR1".utf8) + [1, 1, 0, 0] + vaultID)
        record.u64(0)
        record.raw(ByHand.zeros(32) + author)
        record.u64(ForgedGenesis.time)
        record.blob(body.bytes)
        unsigned = record.bytes
        authorSignature = try device.sign(ByHand.sha256(unsigned), domain: "ai-team/roster/v1")
    }

    /// Epoch 1, sealed to the members and the recovery keys.
    private static func epoch(_ vault: [UInt8], _ recipients: [[UInt8]: [UInt8]]) throws -> [UInt8] {
        let key = try SecretBytes.random(count: 32)
        let fresh = try AgreementKey.random()
        var writer = CanonicalWriter()
        writer.u32(1)
        writer.raw(fresh.publicKey)
        writer.count(recipients.count)
        for (id, publicKey) in recipients.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let box = try SealedBox.seal(
                key, to: publicKey, ephemeral: fresh, salt: vault, info: [0, 0, 0, 1] + id + ByHand.zeros(32))
            writer.raw(id + box)
        }
        let backup = try AgreementKey(seed: ByHand.expand(key, "backup-x25519", vault: vault, epoch: 1))
        let commitment = try ByHand.expand(key, "epoch-commit", vault: vault, epoch: 1)
        writer.raw(backup.publicKey + ByHand.zeros(48) + commitment.withUnsafeBytes { Array($0) })
        return writer.bytes
    }

    /// The record with a countersignature in the name of the recovery keys, made with `key`.
    package func countersigned(
        for recovery: borrowing RecoveryHolder, with key: borrowing SigningKey
    ) throws -> [UInt8] {
        let message = vaultID + ByHand.sha256(unsigned)
        let counter = try key.sign(message, domain: "ai-team/recovery-binds/v1")
        var record = CanonicalWriter()
        record.raw(unsigned)
        record.count(2)
        record.raw([1] + author + authorSignature + [3] + recovery.id + counter)
        return record.bytes
    }

    /// The record with the author's signature alone.
    package var uncountersigned: [UInt8] {
        var record = CanonicalWriter()
        record.raw(unsigned)
        record.count(1)
        record.raw([1] + author + authorSignature)
        return record.bytes
    }
}
