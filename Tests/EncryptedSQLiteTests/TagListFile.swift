import EncryptedSQLite
import Testing

/// `db-tags`, read as docs/FORMAT.md describes it ("List of tags").
enum TagListFile {
    /// The tags of all pages.
    static func read(_ vault: TestDatabase) throws -> [PageTag] {
        let head = try vault.bytes("db-tags", 12, at: 0)
        try #require(Array(head[..<8]) == Array("ATPT".utf8) + [1, 0, 0, 0])
        let count = head[8...].reduce(0) { $0 << 8 | Int($1) }
        return try (0..<count).map { index in
            let (leaf, within) = index.quotientAndRemainder(dividingBy: 256)
            let (group, place) = leaf.quotientAndRemainder(dividingBy: 128)
            let offset = 4096 + group * 128 * (32 + 256 * 44) + 128 * 32 + place * 256 * 44 + within * 44
            return try #require(PageTag(encoded: vault.bytes("db-tags", 44, at: Int64(offset))))
        }
    }
}

extension TestDatabase {
    /// The seal's root is that of the pages, and the list has their tags; whatever is in the log goes into
    /// the pages first.
    func requireFreshness(_ place: SourceLocation = #_sourceLocation) throws {
        let pool = try open()
        try pool.withSnapshot { image in
            let map = try image.map()
            #expect(throws: Never.self, sourceLocation: place) { try image.requireNewest(map.root()) }
            #expect(try TagListFile.read(self) == map.tags, sourceLocation: place)
        }
        #expect(try pool.verify().isIntact, sourceLocation: place)
        try pool.close()
    }
}
