public import Cryptography
public import EncryptedSQLite
import FileSystem
import Synchronization

/// Database keys that follow from a seed, for tests of the database below the key ring.
public final class FixedKeys: DatabaseKeySource {
    private let seed: UInt8
    private let state: Mutex<(epoch: UInt32, generation: UInt64)>
    private let sharedFile: String?
    private let forgotten: UInt32

    /// Keys of another seed are the keys of another vault.
    ///
    /// - Parameters:
    ///   - sharedFile: its size is the epoch, for several processes, as a key ring would be.
    ///   - forgotten: there are no keys up to this epoch.
    public init(
        seed: UInt8 = 1, epoch: UInt32 = 1, ringGeneration: UInt64 = 1, sharedFile: String? = nil,
        forgotten: UInt32 = 0
    ) {
        self.seed = seed
        self.sharedFile = sharedFile
        self.forgotten = forgotten
        state = Mutex((epoch, ringGeneration))
    }

    public var ringGeneration: UInt64 { state.withLock { $0.generation } }
    public var currentEpoch: UInt32 {
        if let sharedFile, let status = try? Files.status(sharedFile) { return UInt32(status.size) }
        return state.withLock { $0.epoch }
    }

    /// A new epoch, as after a rotation.
    public func advance() { state.withLock { $0 = ($0.epoch + 1, $0.generation + 1) } }

    public func databaseKey(purpose: String, epoch: UInt32) throws -> SecretBytes {
        guard epoch > forgotten, epoch <= currentEpoch else {
            throw CryptoError(.invalidKey, "no epoch \(epoch)")
        }
        return derive("\(purpose)-\(epoch)")
    }

    public func homeKey(purpose: String) throws -> SecretBytes { derive("home-\(purpose)") }

    private func derive(_ label: String) -> SecretBytes {
        var bytes = Hash.digest(.sha256, [seed] + Array(label.utf8))
        return SecretBytes(wiping: &bytes)
    }
}
