public import Cryptography
public import EncryptedSQLite
internal import FileSystem
internal import GRDB
public import KeyRing

extension UnlockedKeys: DatabaseKeySource {
    public func databaseKey(purpose: String, epoch: UInt32) throws -> SecretBytes {
        try key(KeyPurpose(rawValue: purpose), epoch: epoch)
    }

    public func homeKey(purpose: String) throws -> SecretBytes {
        try homeKey(KeyPurpose(rawValue: purpose))
    }
}

extension Vault {
    /// Makes the database of a home whose layout and keys are there, and opens it.
    /// - Throws: `EncryptedDatabaseError` with code `exists` when there is one.
    public static func create(
        home: Home, keys: UnlockedKeys, surroundings: Surroundings = .system
    ) throws -> Vault {
        try createDatabase(at: home.databasePath, keys: keys, surroundings: surroundings)
        return try open(home: home, keys: keys, surroundings: surroundings)
    }

    /// Opens a home, and holds `HomeLock.shared` until `close`. A database of an older version is brought up
    /// to date.
    /// - Parameter timeout: how long to wait for a restore or a replacement of the root to end.
    /// - Throws: `VaultError` with code `newer_format`, or `busy` when the keys were changed since they were
    ///   opened; `KeyError` with code `busy` when the wait was in vain; `EncryptedDatabaseError` for what is
    ///   damaged or locked.
    public static func open(
        home: Home, keys: UnlockedKeys, surroundings: Surroundings = .system,
        timeout: Duration = .seconds(30)
    ) throws -> Vault {
        let inUse = try HomeLock.shared(in: home.keysDirectory, timeout: timeout)
        let ring = try KeyRing.summary(in: home.keysDirectory)
        guard ring.vaultID == keys.vaultID, ring.generation == keys.ringGeneration else {
            throw VaultError(.busy, "the keys of this home have just been changed", hint: "try again")
        }
        return try open(
            at: home.databasePath, keys: keys, home: home,
            blobs: BlobStore(directory: home.documentsDirectory, keys: BlobKeys(keys)),
            origin: Origin(device: keys.device.bytes, incarnation: keys.incarnation),
            surroundings: surroundings, inUse: inUse)
    }

    package static func createDatabase(
        at path: String, keys: any DatabaseKeySource, surroundings: Surroundings
    ) throws {
        try EncryptedDatabase.create(at: path, keys: keys) { writer in
            try writer.writeWithoutTransaction { db in try ConnectionSetup.apply(db) }
            try Schema.bringUpToDate(writer, surroundings: surroundings)
        }
    }

    package static func open(
        at path: String, keys: any DatabaseKeySource, home: Home?, blobs: BlobStore, origin: Origin,
        surroundings: Surroundings, inUse: consuming HomeLock? = nil
    ) throws -> Vault {
        let encrypted = try EncryptedDatabase.open(
            at: path, keys: keys, configuration: databaseConfiguration(), requiresBlinding: true)
        do {
            try migrate(encrypted, surroundings)
            return Vault(
                encrypted: encrypted, home: home, blobs: blobs, origin: origin, surroundings: surroundings,
                inUse: inUse)
        } catch {
            let reason = encrypted.explain(error)
            do { try encrypted.close() } catch { throw reason }
            throw reason
        }
    }

    private static func migrate(_ encrypted: EncryptedPool, _ surroundings: Surroundings) throws {
        guard try !Schema.isCurrent(encrypted.pool) else { return }
        try encrypted.exempt { try Schema.bringUpToDate($0, surroundings: surroundings) }
    }

    /// How every connection is set up.
    private static func databaseConfiguration() -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        configuration.prepareDatabase { db in try ConnectionSetup.apply(db) }
        return configuration
    }
}
