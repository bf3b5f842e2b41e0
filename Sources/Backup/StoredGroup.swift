/// A group of pages as it stands in its pack, to be expanded by whichever thread has time.
struct StoredGroup: Sendable {
    /// Its row in the map.
    let index: UInt32
    /// How many of its pages the map takes.
    let wanted: UInt32
    /// Whether it holds ciphertext, as it is.
    let isSealed: Bool
    let unit: Unit
    /// The extent's bytes.
    let bytes: [UInt8]

    /// Hands out the pages that the map takes from it.
    ///
    /// - Throws: `.integrity` naming the first page that is missing or another version.
    func pages(of map: PageMapTable, _ body: (PlainPage) throws -> Void) throws {
        let content = try isSealed ? bytes : unit.expand { _ in bytes }
        var found: UInt32 = 0
        for page in try PageGroup.pages(content, isSealed: isSealed, object: "group \(index)") {
            guard page.number >= 1, Int(page.number) <= map.pages.count else { continue }
            let entry = map.pages[Int(page.number) - 1]
            guard entry.group == index else { continue }
            guard entry.version == page.version else {
                throw BackupError.integrity(
                    "page \(page.number)", "another version than the map names")
            }
            found += 1
            try body(page)
        }
        guard found == wanted else {
            throw BackupError.integrity("group \(index)", "pages are missing")
        }
    }
}
