/// What a check of several backups has read already. Backups share most of what they hold.
struct SeenUnits {
    /// The page map that was read last, of which database.
    var database: (id: [UInt8], map: PageMapTable)?
    private var documents: Set<Int> = []
    private var chunks: Set<Int> = []

    /// The map without the pages that the one read last has in the same place and version.
    func missing(from map: PageMapTable, of databaseID: [UInt8]) -> PageMapTable {
        guard let database, database.id == databaseID else { return map }
        let known = database.map
        var rest = map
        for index in rest.pages.indices where index < known.pages.count {
            let (page, other) = (rest.pages[index], known.pages[index])
            guard page != .lock, other != .lock, page.version == other.version,
                map.groups[Int(page.group)] == known.groups[Int(other.group)]
            else { continue }
            rest.pages[index] = .lock
        }
        return rest
    }

    /// Whether a file of `data/` was not read yet; from now on it was.
    mutating func isNew(_ file: DocumentFile) -> Bool {
        var hasher = Hasher()
        hasher.combine(file.path)
        hasher.combine(file.sha256)
        hasher.combine(file.extents)
        return documents.insert(hasher.finalize()).inserted
    }

    /// A chunk in its place, as a number: a set of a million of these is small. Seeded anew in every process.
    func isKnown(_ chunk: Int) -> Bool { chunks.contains(chunk) }

    /// Chunks that were read and have their ids.
    mutating func add(chunks numbers: [Int]) { chunks.formUnion(numbers) }
}
