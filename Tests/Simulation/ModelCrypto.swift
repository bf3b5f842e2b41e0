internal import Cryptography
internal import KeyRing
internal import Sync
internal import Synchronization
internal import Vault

/// Cryptography of a simulation: everything binds what the real one binds, at the cost of a hash; on demand
/// it is the real one. It notices when one key meets one nonce twice, or a salt comes again, out of which
/// each object's own key is made.
final class ModelCrypto: ObjectReading {
    private struct Seen {
        var nonces: Set<[UInt8]> = []
        var repeated = 0
    }

    private let seen = Mutex(Seen())
    private let isReal: Bool
    private static let signedCount = 192
    private static let saltCount = 24
    private static let domain = "simulation"

    /// - Parameter isReal: sign with Ed25519 and encrypt with Cobblestone-256.
    init(isReal: Bool = false) { self.isReal = isReal }

    /// How often a nonce or a salt came a second time.
    var repeatedNonces: Int { seen.withLock { $0.repeated } }

    /// - Parameter key: both halves of the pair, or the seed of a real one: the simulation's adversary signs
    ///   nothing.
    func isSigned(_ object: SignedObject, by key: [UInt8]) -> Bool {
        guard isReal else { return object.signature == Self.signature(object.bytes, by: key) }
        do throws(CryptoError) {
            try Ed25519.verify(
                signature: object.signature, of: Array(object.bytes.prefix(Self.signedCount)),
                domain: Self.domain, publicKey: SigningKey(seed: SecretBytes(copying: key)).publicKey)
            return true
        } catch { return false }
    }

    func sign(_ bytes: [UInt8], by key: [UInt8]) -> [UInt8] {
        guard isReal else { return Self.signature(bytes, by: key) }
        do {
            return try SigningKey(seed: SecretBytes(copying: key))
                .sign(Array(bytes.prefix(Self.signedCount)), domain: Self.domain)
        } catch { preconditionFailure("Ed25519 failed: \(error)") }
    }

    func open(_ object: SignedObject, name: String) throws(SyncError) -> [UInt8] {
        let failure = SyncError(.integrityFailure, "\(name) does not decrypt")
        let epoch = object.header.epoch
        if isReal {
            do throws(CryptoError) {
                return try Cobblestone.open(key: Self.key(epoch), context: object.context, object.body)
            } catch { throw failure }
        }
        let nonce = Array(object.body.prefix(8))
        let plain = Self.stream(Array(object.body.dropFirst(40)), epoch, nonce)
        guard object.body.count >= 40,
            Array(object.body[8..<40]) == Self.tag(plain, object.context, epoch, nonce)
        else { throw failure }
        return plain
    }

    func seal(_ plain: [UInt8], context: [UInt8], epoch: UInt32, nonce: [UInt8]) -> [UInt8] {
        guard isReal else {
            note(nonce)
            return nonce + Self.tag(plain, context, epoch, nonce) + Self.stream(plain, epoch, nonce)
        }
        do {
            let sealed = try Cobblestone.seal(key: Self.key(epoch), context: context, plain)
            note(Array(sealed.prefix(Self.saltCount)))
            return sealed
        } catch { preconditionFailure("Cobblestone failed: \(error)") }
    }

    private func note(_ nonce: [UInt8]) {
        seen.withLock { if !$0.nonces.insert(nonce).inserted { $0.repeated += 1 } }
    }

    private static func signature(_ bytes: [UInt8], by key: [UInt8]) -> [UInt8] {
        let half = Hash.digest(.sha256, key + bytes[..<signedCount])
        return half + half
    }

    private static func key(_ epoch: UInt32) -> SecretBytes {
        SecretBytes(copying: [UInt8](repeating: UInt8(truncatingIfNeeded: epoch), count: 32))
    }

    private static func tag(_ plain: [UInt8], _ context: [UInt8], _ epoch: UInt32, _ nonce: [UInt8])
        -> [UInt8]
    {
        Hash.digest(.sha256, context + nonce + [UInt8(epoch)] + plain)
    }

    private static func stream(_ bytes: [UInt8], _ epoch: UInt32, _ nonce: [UInt8]) -> [UInt8] {
        let key = Hash.digest(.sha256, nonce + [UInt8(epoch)])
        return bytes.enumerated().map { $0.element ^ key[$0.offset & 31] }
    }
}
