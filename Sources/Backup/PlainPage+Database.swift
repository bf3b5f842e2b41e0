internal import Cryptography
internal import EncryptedSQLite

/// Pages as the database knows them.
extension PlainPage {
    /// Epoch, nonce and tag, as the page map has them.
    var pageTag: PageTag? { Self.tag(epoch, nonce, tag) }

    /// The page as SQLite sees it: 4096 bytes, the last 48 zero.
    var padded: [UInt8] {
        plain + [UInt8](repeating: 0, count: PageSealer.pageCount - PageSealer.bodyCount)
    }

    /// The root over a backup's page map: the database's own function.
    static func root(_ databaseID: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8] {
        let tags = pages.map { tag($0.epoch, $0.nonce, $0.tag) ?? .none }
        return PageMap(databaseID: databaseID, counter: counter, tags: tags).root()
    }

    private static func tag(_ epoch: UInt32, _ nonce: [UInt8], _ tag: [UInt8]) -> PageTag? {
        var writer = CanonicalWriter()
        writer.u32(epoch)
        writer.raw(nonce)
        writer.raw(tag)
        return PageTag(encoded: writer.bytes)
    }
}

/// A snapshot of the live database.
struct ImageSource: PageSource {
    private let image: DatabaseImage

    init(_ image: DatabaseImage) { self.image = image }

    var databaseID: [UInt8] { image.databaseID }
    var pageCount: UInt32 { image.pageCount }
    var counter: UInt64 { image.counter }

    func page(_ number: UInt32) throws -> PlainPage? {
        guard number != PageSealer.lockPage else { return nil }
        let tag = try image.tag(number)
        let plain = try image.plaintext(number).prefix(PageSealer.bodyCount)
        return PlainPage(
            number: number, epoch: tag.epoch, nonce: tag.nonce, tag: tag.tag, plain: Array(plain))
    }
}
