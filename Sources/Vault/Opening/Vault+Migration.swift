internal import EncryptedSQLite
internal import GRDB
internal import KeyRing

/// A vault of an older program is brought up to date when it is opened: by whoever has the home to himself,
/// so that no older program works on the new tables, nor two new ones at once on the old.
extension Vault {
    /// Opens the database, without looking at its tables.
    static func connect(
        at path: String, keys: any DatabaseKeySource, anchor: AnchorFile? = nil
    ) throws -> EncryptedPool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        configuration.prepareDatabase { db in try ConnectionSetup.apply(db) }
        return try EncryptedDatabase.open(
            at: path, keys: keys, configuration: configuration, requiresBlinding: true, anchor: anchor)
    }

    /// Runs `body` on an open database; closes it when that fails, and tells the reason behind the failure.
    static func closingOnFailure<T>(_ pool: EncryptedPool, _ body: () throws -> T) throws -> T {
        do { return try body() } catch {
            let reason = pool.explain(error)
            do { try pool.close() } catch { throw reason }
            throw reason
        }
    }

    /// Whether the database can be used as it is. What a crash left of a migration that was done is removed.
    static func isUpToDate(_ pool: EncryptedPool, _ schema: Schema) throws -> Bool {
        guard try pool.pool.read({ try schema.isCurrent($0) }) else { return false }
        let copy = MigrationCopy(of: pool.path)
        if try copy.isPresent() {
            try requireIntact(pool, copy)
            try copy.drop()
        }
        return true
    }

    /// Brings the tables up to date: a copy, one transaction, a look at every page; then the copy goes.
    static func migrate(_ pool: EncryptedPool, to schema: Schema, _ surroundings: Surroundings) throws {
        guard try !isUpToDate(pool, schema) else { return }
        let copy = MigrationCopy(of: pool.path)
        let changesTables = try pool.pool.read { try schema.isOlder($0) }
        if changesTables { try copy.make(from: pool) }
        do {
            try pool.exempt { try schema.bringUpToDate($0, surroundings: surroundings) }
        } catch {
            let reason = pool.explain(error)
            try copy.drop()  // nothing was changed
            throw reason
        }
        guard changesTables else { return }
        try requireIntact(pool, copy)
        try copy.drop()
    }

    private static func requireIntact(_ pool: EncryptedPool, _ copy: MigrationCopy) throws {
        guard try pool.verify().isIntact else {
            throw VaultError(
                .integrityFailure, "the database does not authenticate after it was brought up to date",
                hint: "its state of before is in \(copy.path)")
        }
    }

    /// Brings a home's database up to date, alone. `busy` while another process has the vault open, an older
    /// program perhaps.
    static func migrate(
        _ home: Home, keys: any DatabaseKeySource, to schema: Schema, _ surroundings: Surroundings
    ) throws {
        let alone: HomeLock
        do {
            alone = try HomeLock.exclusive(in: home.keysDirectory)
        } catch {
            guard error.code == .busy else { throw error }
            throw VaultError(
                .busy, "the vault must be brought up to date, and another process has it open",
                hint: "end the other ai-team processes of this home and try again")
        }
        let result = Result {
            let pool = try connect(
                at: home.databasePath, keys: keys, anchor: AnchorFile(of: home, keys: keys))
            try closingOnFailure(pool) { try migrate(pool, to: schema, surroundings) }
            try pool.close()
        }
        alone.release()
        try result.get()
    }
}
