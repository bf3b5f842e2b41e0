/// A page that does not authenticate, and the one version that belongs in its place.
public struct DamagedPage: Sendable, Hashable {
    /// Counted from 1.
    public let number: UInt32
    /// What the page has to be: nothing else may be put there, not even an older version of it.
    public let tag: PageTag
}

/// A page as a copy holds it.
public enum PageCopy: Sendable {
    /// As SQLite sees it: 4,096 bytes, the last 48 zero.
    case plain([UInt8])
    /// As it stood on disk, 4,096 bytes.
    case sealed([UInt8])
}

/// Repair of pages, for who has the database to itself: no connection needs to be possible.
extension EncryptedDatabase {
    /// Looks at every page, lets `find` look for copies of those that are damaged, and puts each copy in its
    /// place that gives exactly the page's tag.
    ///
    /// - Parameter find: is given the damaged pages, and hands copies to the function; others than of
    ///   these pages and versions are passed over. Not called when there is nothing to repair.
    /// - Returns: the damaged pages, and of these the numbers that were repaired.
    @discardableResult
    public static func repairPages(
        at path: String, keys: any DatabaseKeySource, anchor: AnchorFile? = nil,
        find: ([DamagedPage], (UInt32, PageCopy) throws -> Bool) throws -> Void
    ) throws -> (damaged: [DamagedPage], repaired: Set<UInt32>) {
        let path = try Paths.canonical(path)
        let database = try Registry.join(path) { () throws(EncryptedDatabaseError) in
            try register(path, keys, false, LogJudge(cuts: false), anchor)
        }
        defer { Registry.leave(database) }
        let lock = try ConnectionLocks.snapshot(base: database.lockBase)
        guard try lock.lockExclusive(until: Clock.deadline(milliseconds: 10_000)) else {
            throw EncryptedPool.busy
        }
        defer { lock.unlock() }
        try database.settleRotation()
        let damaged = try pagesToRepair(of: database)
        guard !damaged.isEmpty else { return ([], []) }
        let tags = Dictionary(uniqueKeysWithValues: damaged.map { ($0.number, $0.tag) })
        let sealer = PageSealer(keys: keys, databaseID: database.databaseID)
        let file = try RawFiles.writable(path)
        var repaired: Set<UInt32> = []
        try find(damaged) { number, copy in
            guard let tag = tags[number], !repaired.contains(number),
                let page = try sealer.page(from: copy, number: number, as: tag)
            else { return false }
            try file.write(page, at: Int64(number - 1) * Int64(Layout.page))
            repaired.insert(number)
            return true
        }
        try file.sync()
        return (damaged, repaired)
    }

    /// The pages that do not authenticate, and those that do and are of another state, each with the tag that
    /// the list proves. What a page's own bytes say counts only in a database without a root, or where all of
    /// them together give it: else whoever changed the page would choose the version that comes back.
    private static func pagesToRepair(of database: RegisteredDatabase) throws -> [DamagedPage] {
        let image = try DatabaseImage(database)
        let seal = try database.seal.read()
        let isProven = try hasProvenTags(database, seal)
        return try (1...max(1, image.pageCount)).compactMap { number in
            guard number <= image.pageCount, number != Layout.lockPage else { return nil }
            let isIntact = try image.isIntact(image.read(number), number: number)
            // A checkpoint that is not closed may have written newer pages.
            guard !isIntact || (isProven && !seal.hasIntent) else { return nil }
            let own = try image.tag(number)
            let wanted = isProven ? try provenTag(number, of: database) : seal.base == nil ? own : nil
            if isIntact { return wanted.flatMap { $0 == own ? nil : DamagedPage(number: number, tag: $0) } }
            return DamagedPage(number: number, tag: wanted ?? .none)
        }
    }

    private static func hasProvenTags(_ database: RegisteredDatabase, _ seal: Seal) throws -> Bool {
        guard seal.base != nil else { return false }
        do throws(EncryptedDatabaseError) {
            try database.prepareTags(seal)
            return true
        } catch {
            guard error.code == .rollback else { throw error }
            return false
        }
    }

    private static func provenTag(_ number: UInt32, of database: RegisteredDatabase) throws -> PageTag? {
        let (leaf, offset) = PageTree.place(of: number)
        return try database.tags.tags(leaf).map {
            PageTag(bytes: Array($0[offset..<offset + PageTag.count]))
        }
    }
}

extension PageSealer {
    /// The page on disk that a copy gives; nil when that is not exactly the one with this tag.
    fileprivate func page(
        from copy: PageCopy, number: UInt32, as tag: PageTag
    ) throws(EncryptedDatabaseError) -> [UInt8]? {
        do throws(EncryptedDatabaseError) {
            switch copy {
            case .plain(let plain): return try seal(plain, number: number, as: tag)
            case .sealed(let page):
                guard page.count == Layout.page, PageTag(ciphertext: page) == tag else { return nil }
                _ = try open(page, number: number)
                return page
            }
        } catch {
            guard [.tampered, .unknownEpoch].contains(error.code) else { throw error }
            return nil
        }
    }
}
