internal import Compression
internal import Cryptography

/// A page as it goes into a backup: its plaintext (or its ciphertext, where who writes it has no key), and
/// the epoch, nonce and tag that its ciphertext has in the database, so that restore writes exactly the same
/// ciphertext.
package struct PlainPage: Sendable, Equatable {
    /// Bytes of a page that are SQLite's; the rest is nonce, tag and epoch.
    package static let count = 4048

    package var number: UInt32
    package var version: PageVersion
    package var plain: [UInt8]

    package init(number: UInt32, version: PageVersion, plain: [UInt8]) {
        self.number = number
        self.version = version
        self.plain = plain
    }
}

/// Up to 1,000 pages that are compressed together.
///
///     "ATPG" ‖ count u32 ‖ count × (number u32 ‖ epoch u32 ‖ nonce 24 ‖ tag 16) ‖ count × 4048 bytes
///
/// as one zstd frame; with "ATPC" and ciphertext in place of "ATPG" and plaintext, as it is. Page numbers
/// ascend.
package enum PageGroup {
    /// The most pages in a group: what a unit can hold, nearly.
    package static let limit = 1000
    private static func magic(_ isSealed: Bool) -> [UInt8] {
        Array((isSealed ? "ATPC" : "ATPG").utf8)
    }
    static let rowCount = 48
    static let plainLimit = 8 + limit * (rowCount + PlainPage.count)

    /// How many pages a group of so many bytes holds.
    static func pages(inPlain count: UInt32) -> Int { max(0, Int(count) - 8) / (rowCount + PlainPage.count) }

    /// The bytes before compression.
    ///
    /// - Parameter isSealed: whether the pages hold ciphertext.
    package static func encode(_ pages: [PlainPage], isSealed: Bool = false) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(magic(isSealed))
        writer.count(pages.count)
        for page in pages {
            writer.u32(page.number)
            page.version.write(to: &writer)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(writer.bytes.count + pages.count * PlainPage.count)
        bytes += writer.bytes
        for page in pages { bytes += page.plain }
        return bytes
    }

    /// Reads a group again.
    package static func decode(
        _ bytes: [UInt8], isSealed: Bool = false, object: String
    ) throws(BackupError) -> [PlainPage] {
        Array(try pages(bytes, isSealed: isSealed, object: object))
    }

    /// Reads a group again; each page's content is copied when it is its turn.
    static func pages(
        _ bytes: [UInt8], isSealed: Bool, object: String
    ) throws(BackupError) -> Pages {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == magic(isSealed) else {
                throw CryptoError(.malformed, "not a page group")
            }
            let count = try reader.count(limit: limit, elementCount: rowCount + PlainPage.count)
            var rows: [PlainPage] = []
            rows.reserveCapacity(count)
            for _ in 0..<count {
                let number = try reader.u32()
                guard number > rows.last?.number ?? 0 else {
                    throw CryptoError(.malformed, "pages out of order")
                }
                rows.append(PlainPage(number: number, version: try PageVersion(from: &reader), plain: []))
            }
            guard reader.remaining == count * PlainPage.count else {
                throw CryptoError(.malformed, "more or less than its pages")
            }
            return Pages(rows: rows, bytes: bytes[reader.offset...])
        } catch {
            throw .integrity(object, "a malformed group of pages")
        }
    }

    /// The pages of a group, one after the other.
    struct Pages: Sequence, IteratorProtocol {
        fileprivate let rows: [PlainPage]
        fileprivate let bytes: ArraySlice<UInt8>
        private var index = 0

        fileprivate init(rows: [PlainPage], bytes: ArraySlice<UInt8>) {
            self.rows = rows
            self.bytes = bytes
        }

        mutating func next() -> PlainPage? {
            guard index < rows.count else { return nil }
            var page = rows[index]
            let start = bytes.startIndex + index * PlainPage.count
            page.plain = Array(bytes[start..<start + PlainPage.count])
            index += 1
            return page
        }
    }
}
