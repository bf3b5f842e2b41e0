internal import Cryptography
internal import KeyRing
internal import Sync
internal import Synchronization
internal import Vault

/// Cryptography of a simulation: everything binds what the real one binds, at the cost of a hash. It notices
/// when one key meets one nonce twice.
final class ModelCrypto: ObjectReading {
    private struct Seen {
        var nonces: Set<[UInt8]> = []
        var repeated = 0
    }

    private let seen = Mutex(Seen())

    /// How often a nonce came a second time under the same key.
    var repeatedNonces: Int { seen.withLock { $0.repeated } }

    func isSigned(_ object: SignedObject, by key: [UInt8]) -> Bool {
        object.signature == Self.signature(object.bytes, by: key)
    }

    func open(_ object: SignedObject, name: String) throws(SyncError) -> [UInt8] {
        let nonce = Array(object.body.prefix(8))
        let plain = Self.stream(Array(object.body.dropFirst(40)), object.header.epoch, nonce)
        guard object.body.count >= 40,
            Array(object.body[8..<40]) == Self.tag(plain, object.context, object.header.epoch, nonce)
        else { throw SyncError(.integrityFailure, "\(name) does not decrypt") }
        return plain
    }

    func seal(_ plain: [UInt8], context: [UInt8], epoch: UInt32, nonce: [UInt8]) -> [UInt8] {
        seen.withLock { if !$0.nonces.insert(nonce).inserted { $0.repeated += 1 } }
        return nonce + Self.tag(plain, context, epoch, nonce) + Self.stream(plain, epoch, nonce)
    }

    /// The key is both halves of the pair: the simulation's adversary signs nothing.
    static func signature(_ bytes: [UInt8], by key: [UInt8]) -> [UInt8] {
        let half = Hash.digest(.sha256, key + bytes[..<192])
        return half + half
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
