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

extension Vault {
    /// The key agent, where one opened the vault, must have been told of no newer state: a home that is put
    /// back whole has its anchor with it, and not what the agent remembers.
    func requireNewest(for keys: UnlockedKeys) throws {
        guard let agent = keys.agent, let seen = try agent.anchor(of: keys.vaultID) else { return }
        let state = try database.newestState()
        let counter = state?.counter ?? 0
        let isSame = counter != seen.counter || state?.root == seen.root
        guard database.databaseID != seen.databaseID || counter < seen.counter || !isSame else { return }
        throw VaultError(
            .rollback,
            "the database is of state \(counter), and since it was unlocked it had come to state "
                + "\(seen.counter): an older or another home was put back",
            hint: "put the newest files back, restore from a backup, or accept this state with "
                + "`ai-team doctor --repair`")
    }

    /// Has the key agent that opened the vault remember how far its database has come.
    func tellAgent(_ keys: UnlockedKeys) throws {
        guard let agent = keys.agent, let state = try database.newestState() else { return }
        try agent.note(
            AgentAnchor(databaseID: database.databaseID, counter: state.counter, root: state.root),
            of: keys.vaultID)
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
    ///
    /// - Parameter agent: the home's key agent, which forgets what it was told.
    /// - Throws: `KeyError` with code `busy` while any process has the vault open.
    public static func accept(_ home: Home, keys: UnlockedKeys, agent: KeyAgentClient? = nil) throws {
        let alone = try HomeLock.exclusive(in: home.keysDirectory)
        let result = Result {
            try EncryptedDatabase.acceptState(
                at: home.databasePath, keys: keys, anchor: AnchorFile(of: home, keys: keys))
        }
        alone.release()
        try result.get()
        try agent?.forgetAnchor(of: keys.vaultID)
    }
}
