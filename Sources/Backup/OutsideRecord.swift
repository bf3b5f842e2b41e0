package import Cryptography

/// A piece of a file outside the vault: where it stands in the plaintext of a run.
package struct ChunkRecord: Sendable, Equatable, Canonical {
    /// HMAC-SHA-256 under the writer's own key, 20 bytes of it.
    package var id: [UInt8]
    /// Row of the run table.
    package var run: UInt32
    package var offset: UInt32
    package var length: UInt32

    package init(id: [UInt8], run: UInt32, offset: UInt32, length: UInt32) {
        self.id = id
        self.run = run
        self.offset = offset
        self.length = length
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        id = try reader.raw(20)
        run = try reader.u32()
        offset = try reader.u32()
        length = try reader.u32()
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(id)
        writer.u32(run)
        writer.u32(offset)
        writer.u32(length)
    }
}

/// A file, directory or symbolic link outside the vault.
package struct OutsideEntry: Sendable, Equatable, Canonical {
    /// The absolute path as bytes.
    package var path: [UInt8]
    package var kind: MemberKind
    package var permissions: UInt16
    /// Nanoseconds since 1970.
    package var modified: Int64
    package var size: UInt64
    /// Rows of the chunk table, in order.
    package var chunks: [UInt32]

    package init(
        path: [UInt8], kind: MemberKind, permissions: UInt16, modified: Int64, size: UInt64,
        chunks: [UInt32]
    ) {
        self.path = path
        self.kind = kind
        self.permissions = permissions
        self.modified = modified
        self.size = size
        self.chunks = chunks
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        path = try reader.blob(limit: 16_384)
        let code = try reader.u8()
        let destination = try reader.blob(limit: 4096)
        switch (code, destination.isEmpty) {
        case (1, true): kind = .file
        case (2, true): kind = .directory
        case (3, false): kind = .symbolicLink(destination)
        default: throw CryptoError(.malformed, "an unknown kind of file")
        }
        permissions = try reader.u16()
        modified = try reader.i64()
        size = try reader.u64()
        chunks = []
        let count = try reader.count(limit: listLimit, elementCount: 4)
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
        writer.u64(size)
        writer.count(chunks.count)
        for chunk in chunks { writer.u32(chunk) }
    }
}

/// Everything from outside the vault.
package struct OutsideRecord: Sendable, Equatable, Canonical {
    package var runs: [Unit] = []
    package var chunks: [ChunkRecord] = []
    package var entries: [OutsideEntry] = []

    package init() {}

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        runs = try reader.list(of: Unit.self, limit: listLimit, size: 20)
        chunks = try reader.list(of: ChunkRecord.self, limit: listLimit, size: 32)
        entries = try reader.list(of: OutsideEntry.self, limit: listLimit, size: 31)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.list(runs)
        writer.list(chunks)
        writer.list(entries)
    }
}
