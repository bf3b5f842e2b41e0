public import Cryptography
import Synchronization

/// Where a database's keys come from: the unlocked key ring of the vault.
public protocol DatabaseKeySource: AnyObject, Sendable {
    /// The generation of the ring that is in memory.
    var ringGeneration: UInt64 { get }
    /// The epoch whose keys new records are written under.
    var currentEpoch: UInt32 { get }
    /// The key of 32 bytes for `purpose` in `epoch`; throws when the epoch is unknown.
    func databaseKey(purpose: String, epoch: UInt32) throws -> SecretBytes
    /// The key of 32 bytes that belongs to this home alone and outlives epochs.
    func homeKey(purpose: String) throws -> SecretBytes
    /// Brings the keys up to the ring, which another process may have changed. Called at the start of each
    /// write transaction and checkpoint, where it has to be cheap as long as nothing changed, and once before
    /// an unknown epoch fails.
    /// - Throws: `locked` when the ring is under a root that is not at hand; `rollback` for an older ring.
    func reload() throws(EncryptedDatabaseError)
}

extension DatabaseKeySource {
    public func reload() throws(EncryptedDatabaseError) {}
}

/// The purpose keys of one database, derived once per process and shared by its connections.
final class KeyCache: Sendable {
    private struct Name: Hashable {
        let kind: RecordKind
        let epoch: UInt32
    }

    /// A secret that can stand in a dictionary.
    final class Box: Sendable {
        let secret: SecretBytes
        init(_ secret: consuming SecretBytes) { self.secret = secret }
    }

    private let source: any DatabaseKeySource
    private let boxes = Mutex<[Name: Box]>([:])

    init(_ source: any DatabaseKeySource) { self.source = source }

    func key(_ kind: RecordKind, epoch: UInt32) throws(EncryptedDatabaseError) -> Box {
        let name = Name(kind: kind, epoch: epoch)
        if let box = boxes.withLock({ $0[name] }) { return box }
        let box = Box(try fetch(kind, epoch: epoch))
        boxes.withLock { $0[name] = box }
        return box
    }

    private func fetch(_ kind: RecordKind, epoch: UInt32) throws(EncryptedDatabaseError) -> SecretBytes {
        do { return try source.databaseKey(purpose: kind.purpose, epoch: epoch) } catch {
            // Perhaps another process began it.
            try source.reload()
        }
        do { return try source.databaseKey(purpose: kind.purpose, epoch: epoch) } catch {
            throw EncryptedDatabaseError(
                .unknownEpoch, "the key ring has no \(kind.purpose) key of epoch \(epoch)",
                hint: "the key ring and the database do not belong together, or the ring is older")
        }
    }

    /// A cipher of its own for one connection.
    func cipher(_ kind: RecordKind, epoch: UInt32) throws(EncryptedDatabaseError) -> XAES256GCM {
        let box = try key(kind, epoch: epoch)
        do {
            return try XAES256GCM(key: box.secret)
        } catch {
            throw EncryptedDatabaseError(.wrongKey, "a \(kind.purpose) key can't be used: \(error.message)")
        }
    }
}
