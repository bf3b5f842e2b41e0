import Cryptography
import FileSystem
import KeyRing
import TestSupport

// A file built by hand from docs/FORMAT.md, as an attacker (or another implementation) would.

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
        let macKey = try ByHand.expand(ByHand.secret([UInt8](repeating: 1, count: 32)), "slot-mac")
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
        return ring + ByHand.sha256(ring)
    }
}
