public import Cryptography
public import EncryptedSQLite
internal import GRDB
internal import Glibc
public import KeyRing

extension UnlockedKeys: DatabaseKeySource {
    public func databaseKey(purpose: String, epoch: UInt32) throws -> SecretBytes {
        try key(KeyPurpose(rawValue: purpose), epoch: epoch)
    }

    public func homeKey(purpose: String) throws -> SecretBytes {
        try homeKey(KeyPurpose(rawValue: purpose))
    }
}

extension LiveKeys: DatabaseKeySource {
    public var ringGeneration: UInt64 { current.ringGeneration }
    public var currentEpoch: UInt32 { current.currentEpoch }

    /// Nobody has pages of an epoch that was retired: what comes under its key was put there by a thief.
    public func databaseKey(purpose: String, epoch: UInt32) throws -> SecretBytes {
        let keys = current
        guard keys.roster.acceptsPages(epoch: epoch, of: keys.device) else {
            throw KeyError(.notFound, "epoch \(epoch) was retired")
        }
        return try keys.databaseKey(purpose: purpose, epoch: epoch)
    }

    public func homeKey(purpose: String) throws -> SecretBytes { try current.homeKey(purpose: purpose) }

    public func reload() throws(EncryptedDatabaseError) {
        do throws(KeyError) {
            _ = try reload() as UnlockedKeys
        } catch {
            let code: EncryptedDatabaseError.Code =
                switch error.code {
                case .locked: .locked
                case .rollback: .rollback
                case .busy: .busy
                case .newerFormat: .newerFormat
                case .failed: .io
                default: .tampered
                }
            throw EncryptedDatabaseError(code, error.message, hint: error.hint)
        }
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
    /// to date. The vault follows the home's key ring when another process changes it.
    /// - Parameter timeout: how long to wait for others who have the home to themselves, or, where tables
    ///   must change, who have the vault open.
    /// - Throws: `VaultError` with code `newer_format`; `KeyError` with code `busy` when the wait was
    ///   in vain, and `locked` when the keys were replaced since they were opened, and what opened them
    ///   opens the new ones no longer; `EncryptedDatabaseError` for what is damaged or locked.
    public static func open(
        home: Home, keys: UnlockedKeys, surroundings: Surroundings = .system,
        timeout: Duration = .seconds(30)
    ) throws -> Vault {
        try open(
            home: home, keys: keys, surroundings: surroundings, timeout: timeout, schema: .current)
    }

    package static func open(
        home: Home, keys: UnlockedKeys, surroundings: Surroundings, timeout: Duration, schema: Schema
    ) throws -> Vault {
        let deadline = ContinuousClock.now + timeout
        let keys = LiveKeys(keys, in: home.keysDirectory)
        while true {
            let inUse = try HomeLock.shared(in: home.keysDirectory, timeout: timeout)
            let opened: UnlockedKeys = try keys.reload()
            let anchor = AnchorFile(of: home, keys: keys)
            let pool = try connect(at: home.databasePath, keys: keys, anchor: anchor)
            if try closingOnFailure(pool, { try isUpToDate(pool, schema) }) {
                let vault = Vault(
                    encrypted: pool, home: home,
                    blobs: BlobStore(directory: home.documentsDirectory, keys: BlobKeys(keys)),
                    origin: Origin(device: opened.device.bytes, incarnation: opened.incarnation),
                    surroundings: surroundings, keys: keys, inUse: inUse)
                try closingOnFailure(pool) {
                    try vault.requireNewest()
                    try vault.requireNewest(for: opened)
                }
                return vault
            }
            try pool.close()
            inUse.release()
            do { try migrate(home, keys: keys, to: schema, surroundings) } catch let error as VaultError {
                guard error.code == .busy, ContinuousClock.now < deadline else { throw error }
                usleep(50_000)  // whoever has the vault open may be about to finish
            }
        }
    }

    package static func createDatabase(
        at path: String, keys: any DatabaseKeySource, surroundings: Surroundings
    ) throws {
        try EncryptedDatabase.create(at: path, keys: keys) { writer in
            try writer.writeWithoutTransaction { db in try ConnectionSetup.apply(db) }
            try Schema.current.bringUpToDate(writer, surroundings: surroundings)
        }
    }

    /// A vault without a home, for tests.
    package static func open(
        at path: String, keys: any DatabaseKeySource, home: Home?, blobs: BlobStore, origin: Origin,
        surroundings: Surroundings, anchor: AnchorFile? = nil, schema: Schema = .current
    ) throws -> Vault {
        let pool = try connect(at: path, keys: keys, anchor: anchor)
        return try closingOnFailure(pool) {
            try migrate(pool, to: schema, surroundings)
            return Vault(
                encrypted: pool, home: home, blobs: blobs, origin: origin, surroundings: surroundings)
        }
    }
}
