internal import Compression
package import Cryptography

/// A page as it goes into a backup: its plaintext, and the epoch, nonce and tag that its ciphertext has in
/// the database, so that restore writes exactly the same ciphertext.
package struct PlainPage: Sendable, Equatable {
    /// Bytes of a page that are SQLite's; the rest is nonce, tag and epoch.
    package static let count = 4048

    package var number: UInt32
    package var epoch: UInt32
    package var nonce: [UInt8]
    package var tag: [UInt8]
    package var plain: [UInt8]

    package init(number: UInt32, epoch: UInt32, nonce: [UInt8], tag: [UInt8], plain: [UInt8]) {
        self.number = number
        self.epoch = epoch
        self.nonce = nonce
        self.tag = tag
        self.plain = plain
    }
}

/// Up to 64 pages that are compressed together.
///
///     "ATPG" ‖ count u32 ‖ count × (number u32 ‖ epoch u32 ‖ nonce 24 ‖ tag 16) ‖ count × 4048 bytes
///
/// as one zstd frame. Page numbers ascend.
package enum PageGroup {
    /// The most pages in a group.
    package static let limit = 64
    static let magic = Array("ATPG".utf8)
    static let rowCount = 48
    static let plainLimit = 8 + limit * (rowCount + PlainPage.count)

    /// The bytes before compression.
    package static func encode(_ pages: [PlainPage]) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(magic)
        writer.count(pages.count)
        for page in pages {
            writer.u32(page.number)
            writer.u32(page.epoch)
            writer.raw(page.nonce)
            writer.raw(page.tag)
        }
        for page in pages { writer.raw(page.plain) }
        return writer.bytes
    }

    /// Reads a group again.
    package static func decode(_ bytes: [UInt8], object: String) throws(BackupError) -> [PlainPage] {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == magic else { throw CryptoError(.malformed, "not a page group") }
            let count = try reader.count(limit: limit, elementCount: rowCount + PlainPage.count)
            var pages: [PlainPage] = []
            var last: UInt32 = 0
            for _ in 0..<count {
                let number = try reader.u32()
                guard number > last else { throw CryptoError(.malformed, "pages out of order") }
                last = number
                let epoch = try reader.u32()
                let nonce = try reader.raw(24)
                let tag = try reader.raw(16)
                pages.append(PlainPage(number: number, epoch: epoch, nonce: nonce, tag: tag, plain: []))
            }
            for i in 0..<count { pages[i].plain = try reader.raw(PlainPage.count) }
            try reader.expectEnd()
            return pages
        } catch {
            throw .integrity(object, "a malformed group of pages")
        }
    }
}

/// The full page map: a member of a pack.
///
///     "ATPM" ‖ database id 16 ‖ groups: count u32 ‖ (pack id 16 ‖ offset u64 ‖ length u32 ‖ plain u32)
///            ‖ pages: count u32 ‖ (group u32 ‖ epoch u32 ‖ nonce 24 ‖ tag 16), page 1 first
///
/// Groups name their packs by id, since later backups, whose pack tables differ, refer to the same map.
package struct FullPageMap: Sendable, Equatable {
    /// Where a group stands.
    package struct Group: Sendable, Equatable, Hashable, Canonical {
        package var pack: [UInt8]
        package var offset: UInt64
        package var length: UInt32
        package var plainLength: UInt32

        package init(pack: [UInt8], offset: UInt64, length: UInt32, plainLength: UInt32) {
            self.pack = pack
            self.offset = offset
            self.length = length
            self.plainLength = plainLength
        }

        package init(from reader: inout CanonicalReader) throws(CryptoError) {
            pack = try reader.raw(16)
            offset = try reader.u64()
            length = try reader.u32()
            plainLength = try reader.u32()
        }

        package func write(to writer: inout CanonicalWriter) {
            writer.raw(pack)
            writer.u64(offset)
            writer.u32(length)
            writer.u32(plainLength)
        }
    }

    static let magic = Array("ATPM".utf8)

    package var databaseID: [UInt8]
    package var groups: [Group]
    package var pages: [PageEntry]

    package init(databaseID: [UInt8], groups: [Group], pages: [PageEntry]) {
        self.databaseID = databaseID
        self.groups = groups
        self.pages = pages
    }

    /// The canonical bytes.
    package var bytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.raw(databaseID)
        writer.list(groups)
        writer.list(pages)
        return writer.bytes
    }

    /// Reads a map; every page's group must be in the table or be the lock page's.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.magic else { throw CryptoError(.malformed, "not a page map") }
            databaseID = try reader.raw(16)
            groups = try reader.list(of: Group.self, limit: listLimit, size: 32)
            pages = try reader.list(of: PageEntry.self, limit: listLimit, size: 48)
            try reader.expectEnd()
        } catch {
            throw .integrity(object, "a malformed page map")
        }
        for (index, page) in pages.enumerated() {
            guard page.group < groups.count || (page == .lock && index == 262_144) else {
                throw .integrity(object, "a page map that names no group for page \(index + 1)")
            }
        }
    }
}
