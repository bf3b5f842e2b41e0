package import EncryptedSQLite
public import KeyRing

extension AnchorFile {
    /// The anchor of a home's database: beside the keys, so that putting back the database's directory is
    /// noticed.
    package convenience init(of home: Home, keys: any DatabaseKeySource) {
        self.init(path: home.keysDirectory + "/anchor", keys: keys)
    }
}

extension Vault {
    /// How new the database is: the newest state that is whole in its file, with its root, and the last
    /// change of the log. Nil before the first such state.
    public func newestState(
        _ transaction: ReadTransaction
    ) throws -> (counter: UInt64, root: [UInt8], lastChange: UInt64)? {
        guard let state = try database.newestState() else { return nil }
        return (state.counter, state.root, UInt64(try transaction.lastChangeSequence()))
    }

    /// The change log must not end before what the anchor has seen of it: a log of SQLite's that was cut back
    /// to an earlier commit is whole in itself.
    func requireNewest() throws {
        guard let anchored = database.anchored else { return }
        let last = try read { try $0.lastChangeSequence() }
        guard last < Int64(clamping: anchored.lastChange) else { return }
        throw VaultError(
            .rollback,
            "the database ends with change \(last), and this home has seen change \(anchored.lastChange): an "
                + "older state was put back",
            hint: "put the newest files back, restore from a backup, or accept this state with "
                + "`ai-team doctor --repair`")
    }
}

/// Accepts a state of a home's database that is not the newest one known.
public enum StateRepair {
    /// What shows that the database is not of its newest state; nil when nothing does.
    /// - Throws: what has nothing to do with that.
    public static func damage(of home: Home, keys: UnlockedKeys) throws -> String? {
        do {
            let vault = try Vault.open(home: home, keys: keys)
            let found = try Vault.closingOnFailure(vault.database) { try vault.database.verify() }
            try vault.close()
            guard found.isOtherState || !found.replacedPages.isEmpty else { return nil }
            let pages = found.replacedPages.prefix(10).map { "\($0)" }.joined(separator: ", ")
            return pages.isEmpty
                ? "the pages are authentic, but not those of the newest state"
                : "authentic, but not of the newest state: pages \(pages)"
        } catch let error as EncryptedDatabaseError {
            guard error.code == .rollback else { throw error }
            return error.message
        } catch let error as VaultError {
            guard error.code == .rollback else { throw error }
            return error.message
        }
    }

    /// Takes the database as it is for the newest state.
    /// - Throws: `KeyError` with code `busy` while any process has the vault open.
    public static func accept(_ home: Home, keys: UnlockedKeys) throws {
        let alone = try HomeLock.exclusive(in: home.keysDirectory)
        let result = Result {
            try EncryptedDatabase.acceptState(
                at: home.databasePath, keys: keys, anchor: AnchorFile(of: home, keys: keys))
        }
        alone.release()
        try result.get()
    }
}
