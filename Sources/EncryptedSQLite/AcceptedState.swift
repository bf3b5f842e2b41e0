import GRDB

extension EncryptedDatabase {
    /// Takes the database as it is for its newest state, whatever seal, list of tags and anchor had seen: its
    /// pages get a root of their own and a counter above all that is known. The caller has the database to
    /// itself, and asked.
    ///
    /// - Throws: `tampered` when a page does not authenticate, which nobody can accept; then nothing was
    /// changed.
    public static func acceptState(
        at path: String, keys: any DatabaseKeySource, anchor: AnchorFile
    ) throws {
        let path = try Paths.canonical(path)
        try requireAuthentic(path, keys)
        let store = try SealStore(path: path + sealSuffix, key: keys.homeKey(purpose: Seal.purpose))
        guard try store.read().ringGeneration <= keys.ringGeneration else {
            throw EncryptedDatabaseError(
                .rollback, "the key ring is older than the database that it was last used with",
                hint: "put the newest key ring back")
        }
        let anchored = try anchor.read()?.counter ?? 0
        // The seal first: while the anchor is there it says that something is wrong.
        try store.update { seal in
            seal.counter = max(seal.counter, anchored) + 1
            seal.root = Seal.noHash
            seal.intentRoot = Seal.noHash
            seal.isAnchored = false
            return true
        }
        try anchor.remove()
        try Paths.remove(path + tagsSuffix)
        let pool = try open(at: path, keys: keys)
        do {
            try pool.withSnapshot { _ in }
        } catch {
            // The first error says more.
            do { try pool.close() } catch _ { throw error }
            throw error
        }
        try pool.close()
    }

    private static func requireAuthentic(_ path: String, _ keys: any DatabaseKeySource) throws {
        let database = try Registry.join(path) { () throws(EncryptedDatabaseError) in
            try register(path, keys, false, LogJudge(cuts: false))
        }
        defer { Registry.leave(database) }
        let image = try DatabaseImage(database)
        for number in 1...max(1, image.pageCount)
        where number <= image.pageCount && number != Layout.lockPage {
            guard try image.isIntact(image.read(number), number: number) else {
                throw EncryptedDatabaseError.tampered(page: number)
            }
        }
    }
}
