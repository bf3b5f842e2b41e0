public import EncryptedSQLite
public import KeyRing

/// Repair of the database's pages, with the home to itself.
public struct PageRepair: ~Copyable {
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
    public func run(
        find: ([DamagedPage], (UInt32, PageCopy) throws -> Bool) throws -> Void
    ) throws -> (damaged: [DamagedPage], repaired: Set<UInt32>) {
        try EncryptedDatabase.repairPages(at: path, keys: keys, anchor: anchor, find: find)
    }

    /// Lets others have the home again.
    public consuming func end() { alone.release() }
}
