internal import EncryptedSQLite

/// Pages as the database knows them.
extension PlainPage {
    /// Epoch, nonce and tag, as the database's own map has them.
    var pageTag: PageTag? { PageTag(encoded: version.encoded) }

    /// The page as SQLite sees it: 4096 bytes, the last 48 zero.
    var padded: [UInt8] {
        plain + [UInt8](repeating: 0, count: PageSealer.pageCount - PageSealer.bodyCount)
    }

    /// The page as it stands on disk, where it holds ciphertext.
    var sealed: [UInt8] {
        let version = version
        let epoch = Array(version.encoded.prefix(4))
        return plain + version.nonce + version.tag + epoch + [0, 0, 0, 0]
    }

    /// The root over a backup's page map: the database's own function.
    static func root(_ databaseID: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8] {
        var hasher = PageRootHasher(databaseID: databaseID, counter: counter)
        var row = [UInt8](repeating: 0, count: 44)
        row.withUnsafeMutableBytes { row in
            for page in pages {
                page.version.put(into: row)
                hasher.add(UnsafeRawBufferPointer(row))
            }
        }
        return hasher.finalize()
    }
}

/// A snapshot of the live database.
struct ImageSource: PageSource {
    private let image: DatabaseImage

    init(_ image: DatabaseImage) { self.image = image }

    var databaseID: [UInt8] { image.databaseID }
    var pageCount: UInt32 { image.pageCount }
    var counter: UInt64 { image.counter }

    func versions(_ body: (UInt32, PageVersion) throws -> Void) throws {
        try image.eachTag { try body($0, PageVersion($1)) }
    }

    func requireNewest(_ root: [UInt8]) throws { try image.requireNewest(root) }

    func page(_ number: UInt32) throws -> PlainPage? {
        guard number != PageSealer.lockPage else { return nil }
        let tag = try image.tag(number)
        let plain = try image.plaintext(number).prefix(PageSealer.bodyCount)
        return PlainPage(
            number: number, version: tag.bytes.withUnsafeBytes { PageVersion($0) }, plain: Array(plain))
    }
}
