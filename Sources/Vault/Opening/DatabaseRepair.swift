public import EncryptedSQLite
public import KeyRing

/// Repairs a home's database, pages and log, after damage that may make the vault refuse to open. Has the
/// home to itself for as long as it lives.
public struct DatabaseRepair: ~Copyable {
    private let alone: HomeLock
    private let path: String
    private let keys: UnlockedKeys
    private let anchor: AnchorFile

    /// - Throws: `KeyError` with code `busy` while any process has the vault open.
    public init(of home: Home, keys: UnlockedKeys) throws {
        alone = try HomeLock.exclusive(in: home.keysDirectory)
        path = home.databasePath
        self.keys = keys
        anchor = AnchorFile(of: home, keys: keys)
    }

    /// Puts copies that `find` hands over in the place of damaged pages: EncryptedDatabase.repairPages.
    public func repairPages(
        find: ([DamagedPage], (UInt32, PageCopy) throws -> Bool) throws -> Void
    ) throws -> (damaged: [DamagedPage], repaired: Set<UInt32>) {
        try EncryptedDatabase.repairPages(at: path, keys: keys, anchor: anchor, find: find)
    }

    /// What is wrong with the log; nil when it is whole. Changes nothing that is damaged.
    /// - Throws: `EncryptedDatabaseError` for damage elsewhere.
    public func damage() throws -> LogDamage? {
        try EncryptedDatabase.logDamage(at: path, keys: keys, anchor: anchor)
    }

    /// Cuts the log behind the last whole transaction before the damage. What comes after it is lost.
    public func cut() throws { try EncryptedDatabase.cutDamagedLog(at: path, keys: keys, anchor: anchor) }

    /// Lets others have the home again.
    public consuming func end() { alone.release() }
}
