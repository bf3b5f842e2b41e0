package import Cryptography

/// A file, directory or symbolic link outside the vault, as the list of a backup has it.
///
/// A file of more than 16,384 chunks (about 1 GiB) is several entries of one path: all but the last are
/// `isContinued` and have exactly that many chunks. Everything but the chunks is the same in each, and the
/// inode, which the last may lack.
package struct OutsideEntry: Sendable, Equatable, Canonical {
    /// Chunks in one entry at most.
    package static let chunkLimit = 16_384
    /// Bytes of a path at most: `files/` in front of it must still be a path.
    package static let pathLimit = 16_000
    static let linkLimit = 4095
    /// Bytes of an entry without path, link and chunks.
    static let fixedCount = 4 + 1 + 4 + 2 + 8 + 8 + 8 + 8 + 1 + 4

    /// The absolute path as bytes.
    package var path: [UInt8]
    package var kind: MemberKind
    package var permissions: UInt16
    /// Nanoseconds since 1970: of the content.
    package var modified: Int64
    /// Nanoseconds since 1970: of anything at all (ctime).
    package var changed: Int64
    /// 0 when nothing may be concluded from times and inode: the file changed about when it was read.
    package var inode: UInt64
    /// Bytes of the whole file.
    package var size: UInt64
    /// Whether the file goes on in the next entry.
    package var isContinued: Bool
    /// Rows of the segment's chunk table, in order.
    package var chunks: [UInt32]

    package init(
        path: [UInt8], kind: MemberKind, permissions: UInt16, modified: Int64, changed: Int64 = 0,
        inode: UInt64 = 0, size: UInt64 = 0, isContinued: Bool = false, chunks: [UInt32] = []
    ) {
        self.path = path
        self.kind = kind
        self.permissions = permissions
        self.modified = modified
        self.changed = changed
        self.inode = inode
        self.size = size
        self.isContinued = isContinued
        self.chunks = chunks
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        path = try reader.blob(limit: Self.pathLimit)
        let code = try reader.u8()
        let destination = try reader.blob(limit: Self.linkLimit)
        switch (code, destination.isEmpty) {
        case (1, true): kind = .file
        case (2, true): kind = .directory
        case (3, false): kind = .symbolicLink(destination)
        default: throw CryptoError(.malformed, "an unknown kind of file")
        }
        permissions = try reader.u16()
        modified = try reader.i64()
        changed = try reader.i64()
        inode = try reader.u64()
        size = try reader.u64()
        switch try reader.u8() {
        case 0: isContinued = false
        case 1: isContinued = true
        default: throw CryptoError(.malformed, "a flag that is neither 0 nor 1")
        }
        let count = try reader.count(limit: Self.chunkLimit, elementCount: 4)
        chunks = []
        chunks.reserveCapacity(count)
        for _ in 0..<count { chunks.append(try reader.u32()) }
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.blob(path)
        switch kind {
        case .symbolicLink(let destination):
            writer.u8(3)
            writer.blob(destination)
        case .directory:
            writer.u8(2)
            writer.blob([])
        case .file, .other:
            writer.u8(1)
            writer.blob([])
        }
        writer.u16(permissions)
        writer.i64(modified)
        writer.i64(changed)
        writer.u64(inode)
        writer.u64(size)
        writer.u8(isContinued ? 1 : 0)
        writer.count(chunks.count)
        for chunk in chunks { writer.u32(chunk) }
    }

    /// Bytes of the encoding.
    var count: Int {
        var count = Self.fixedCount + path.count + 4 * chunks.count
        if case .symbolicLink(let destination) = kind { count += destination.count }
        return count
    }

    /// Whether `other` is another part of this file.
    func isSameFile(as other: OutsideEntry) -> Bool {
        path == other.path && kind == other.kind && permissions == other.permissions
            && modified == other.modified && changed == other.changed && size == other.size
    }
}

extension OutsideEntry {
    /// Where the file stands in the tree of an export and of a restore into a directory: `files/` and its
    /// absolute path. Nil for a path that is not absolute, or not plain.
    package var treePath: RelativePath? {
        path.isPlainAbsolute ? RelativePath(Array("files".utf8) + path) : nil
    }
}
