package import Cryptography

/// What tells one version of a page from every other: epoch, nonce and tag, 44 bytes without a box on the
/// heap, since a map holds one for every page of the database.
package struct PageVersion: Sendable, Hashable, Canonical {
    package let epoch: UInt32
    private let words: (UInt64, UInt64, UInt64, UInt64, UInt64)

    /// The lock page's, which does not exist.
    package static let none = PageVersion(epoch: 0, words: (0, 0, 0, 0, 0))

    private init(epoch: UInt32, words: (UInt64, UInt64, UInt64, UInt64, UInt64)) {
        self.epoch = epoch
        self.words = words
    }

    /// From epoch 4 ‖ nonce 24 ‖ tag 16, exactly these 44 bytes.
    package init(_ bytes: UnsafeRawBufferPointer) {
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        epoch = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
        words = (word(4), word(12), word(20), word(28), word(36))
    }

    /// From a nonce of 24 bytes and a tag of 16.
    package init(epoch: UInt32, nonce: [UInt8], tag: [UInt8]) {
        var writer = CanonicalWriter()
        writer.u32(epoch)
        writer.raw(nonce)
        writer.raw(tag)
        self = writer.bytes.withUnsafeBytes { PageVersion($0) }
    }

    /// epoch 4 ‖ nonce 24 ‖ tag 16.
    package var encoded: [UInt8] { bytes }

    /// Puts them where there is room for exactly 44 bytes.
    func put(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: epoch.bigEndian, as: UInt32.self)
        bytes.storeBytes(of: words.0.bigEndian, toByteOffset: 4, as: UInt64.self)
        bytes.storeBytes(of: words.1.bigEndian, toByteOffset: 12, as: UInt64.self)
        bytes.storeBytes(of: words.2.bigEndian, toByteOffset: 20, as: UInt64.self)
        bytes.storeBytes(of: words.3.bigEndian, toByteOffset: 28, as: UInt64.self)
        bytes.storeBytes(of: words.4.bigEndian, toByteOffset: 36, as: UInt64.self)
    }
    package var nonce: [UInt8] { Array(bytes[4..<28]) }
    package var tag: [UInt8] { Array(bytes[28...]) }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        epoch = try reader.u32()
        words = (
            try reader.u64(), try reader.u64(), try reader.u64(), try reader.u64(), try reader.u64()
        )
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u32(epoch)
        writer.u64(words.0)
        writer.u64(words.1)
        writer.u64(words.2)
        writer.u64(words.3)
        writer.u64(words.4)
    }

    package static func == (a: PageVersion, b: PageVersion) -> Bool {
        a.epoch == b.epoch && a.words == b.words
    }

    package func hash(into hasher: inout Swift.Hasher) {
        hasher.combine(epoch)
        hasher.combine(words.0)
        hasher.combine(words.3)
    }
}

/// A version of a database page and the group that holds it.
package struct PageEntry: Sendable, Equatable, Canonical {
    /// Row of a group table; 0xFFFFFFFF for the lock page, which does not exist.
    package var group: UInt32
    package var version: PageVersion

    /// The lock page.
    package static let lock = PageEntry(group: .max, version: .none)

    package init(group: UInt32, version: PageVersion) {
        self.group = group
        self.version = version
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        group = try reader.u32()
        version = try PageVersion(from: &reader)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u32(group)
        version.write(to: &writer)
    }
}

/// A page that differs from what the map said before.
package struct PageChange: Sendable, Equatable, Canonical {
    package var page: UInt32
    package var entry: PageEntry

    package init(page: UInt32, entry: PageEntry) {
        self.page = page
        self.entry = entry
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        page = try reader.u32()
        entry = try PageEntry(from: &reader)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u32(page)
        entry.write(to: &writer)
    }
}
