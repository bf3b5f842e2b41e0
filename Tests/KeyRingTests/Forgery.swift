import Cryptography
import FileSystem
import KeyRing
import TestSupport

// Files built by hand from docs/FORMAT.md, as an attacker (or another implementation) would.

/// HKDF-Expand-SHA-256(secret, "ai-team/" ‖ purpose ‖ 0 ‖ V ‖ epoch).
func expand(
    _ secret: borrowing SecretBytes, _ purpose: String, vault: [UInt8] = zeros(32), epoch: UInt32 = 0
) throws -> SecretBytes {
    var info = CanonicalWriter()
    info.raw(Array("ai-team/\(purpose)".utf8) + [0] + vault)
    info.u32(epoch)
    return try HKDF.expand(.sha256, key: secret, info: info.bytes, count: 32)
}

func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

func secret(_ bytes: [UInt8]) -> SecretBytes {
    var bytes = bytes
    return SecretBytes(wiping: &bytes)
}

func sha256(_ bytes: [UInt8]) -> [UInt8] { Hash.digest(.sha256, bytes) }

/// A ring of another vault whose root is sealed to a victim's slot.
struct ForeignRing {
    let directory: TemporaryDirectory
    let vaultID: VaultID
    /// With the MAC that the tamperer finds in the victim's ring.
    let ring: [UInt8]
    /// With the MAC that only the secret's holder can make.
    let twin: [UInt8]

    private static let slot = 184
    private static let (kind, key, authority, mac, ephemeral, box) = (200, 242, 274, 306, 338, 370)

    static func make(for victim: Fixture) throws -> ForeignRing {
        let own = try Fixture()
        let keys = own.vault.keys
        let (theirs, vault) = (try victim.ring("a"), keys.vaultID.bytes)
        var ring = Array(try own.ring("a").dropLast(96))
        let fresh = try AgreementKey.random()
        let publicKey = Array(theirs[key..<key + 32])
        let info = Array("slot".utf8) + ring[slot..<slot + 16] + [ring[kind]]
        let sealed = try SealedBox.seal(
            keys.rootKey(), to: publicKey, ephemeral: fresh, salt: vault, info: info)
        ring.replaceSubrange(key..<key + 32, with: publicKey)
        ring.replaceSubrange(ephemeral..<ephemeral + 32, with: fresh.publicKey)
        ring.replaceSubrange(box..<box + 48, with: sealed)
        let macKey = try expand(secret([UInt8](repeating: 1, count: 32)), "slot-mac")
        let honest = try HMAC.authenticate(
            .sha256, key: macKey, vault + ring[authority..<authority + 32])
        return ForeignRing(
            directory: own.directory, vaultID: keys.vaultID,
            ring: try signed(ring, mac: Array(theirs[mac..<mac + 32]), keys),
            twin: try signed(ring, mac: honest, keys))
    }

    private static func signed(_ ring: [UInt8], mac bytes: [UInt8], _ keys: UnlockedKeys) throws -> [UInt8] {
        var ring = ring
        ring.replaceSubrange(mac..<mac + 32, with: bytes)
        ring += try keys.sign(ring, domain: "ai-team/ring/v1")
        return ring + sha256(ring)
    }
}

/// The public keys that a recovery code leads to, and the private ones of its holder.
struct RecoveryHolder: ~Copyable {
    let signing: SigningKey
    let agreement: AgreementKey
    var id: [UInt8] { Array(sha256(signing.publicKey + agreement.publicKey)[..<16]) }

    init(code bytes: [UInt8]) throws {
        let code = secret(bytes)
        let signingSeed = try expand(code, "recovery-ed25519")
        let agreementSeed = try expand(code, "recovery-x25519")
        let signing = try SigningKey(seed: signingSeed)
        self.agreement = try AgreementKey(seed: agreementSeed)
        self.signing = signing
    }
}

/// A genesis record around given recovery public keys, made by a device of the forger's.
struct ForgedGenesis {
    let vaultID: [UInt8]
    let unsigned: [UInt8]
    let author: [UInt8]
    let authorSignature: [UInt8]

    init(around recovery: borrowing RecoveryHolder) throws {
        let device = try SigningKey(seed: .random(count: 32))
        let agreement = try AgreementKey.random()
        author = Array(sha256(device.publicKey + agreement.publicKey)[..<16])
        var core = CanonicalWriter()
        core.raw([UInt8](repeating: 5, count: 32) + device.publicKey + agreement.publicKey)
        core.count(1)
        core.raw([1] + recovery.signing.publicKey + recovery.agreement.publicKey + zeros(32))
        core.count(0)
        core.raw([0, 90] + zeros(16) + [0])
        core.u64(Fixture.time)
        vaultID = sha256(Array("ai-team/vault/v1".utf8) + [0] + core.bytes)
        var body = CanonicalWriter()
        body.blob(core.bytes)
        body.raw(zeros(144))
        let recipients = [author: agreement.publicKey, recovery.id: recovery.agreement.publicKey]
        body.raw(try ForgedGenesis.epoch(vaultID, recipients))
        var record = CanonicalWriter()
        record.raw(Array("ATR1".utf8) + [1, 1, 0, 0] + vaultID)
        record.u64(0)
        record.raw(zeros(32) + author)
        record.u64(Fixture.time)
        record.blob(body.bytes)
        unsigned = record.bytes
        authorSignature = try device.sign(sha256(unsigned), domain: "ai-team/roster/v1")
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
                key, to: publicKey, ephemeral: fresh, salt: vault, info: [0, 0, 0, 1] + id + zeros(32))
            writer.raw(id + box)
        }
        let backup = try AgreementKey(seed: expand(key, "backup-x25519", vault: vault, epoch: 1))
        let commitment = try expand(key, "epoch-commit", vault: vault, epoch: 1)
        writer.raw(backup.publicKey + zeros(48) + commitment.withUnsafeBytes { Array($0) })
        return writer.bytes
    }

    /// The record with a countersignature in the name of the recovery keys, made with `key`.
    func countersigned(
        for recovery: borrowing RecoveryHolder, with key: borrowing SigningKey
    ) throws -> [UInt8] {
        let message = vaultID + sha256(unsigned)
        let counter = try key.sign(message, domain: "ai-team/recovery-binds/v1")
        var record = CanonicalWriter()
        record.raw(unsigned)
        record.count(2)
        record.raw([1] + author + authorSignature + [3] + recovery.id + counter)
        return record.bytes
    }

    /// The record with the author's signature alone.
    var uncountersigned: [UInt8] {
        var record = CanonicalWriter()
        record.raw(unsigned)
        record.count(1)
        record.raw([1] + author + authorSignature)
        return record.bytes
    }
}
