package import Cryptography

/// The name of a chunk: 20 bytes of HMAC-SHA-256 under the writer's own key.
package struct ChunkID: Sendable, Hashable {
    private let words: (UInt64, UInt64, UInt32)

    /// The first 20 bytes of a tag.
    init(_ tag: [UInt8]) {
        words = tag.withUnsafeBytes { tag in
            (
                UInt64(bigEndian: tag.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: tag.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                UInt32(bigEndian: tag.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
            )
        }
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        words = (try reader.u64(), try reader.u64(), try reader.u32())
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u64(words.0)
        writer.u64(words.1)
        writer.u32(words.2)
    }

    package static func == (a: ChunkID, b: ChunkID) -> Bool { a.words == b.words }

    package func hash(into hasher: inout Swift.Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }

    /// 64 bits that are as good as random.
    var short: UInt64 { words.0 }
}

/// A piece of a file outside the vault: where it stands in the plaintext of a run.
package struct ChunkRecord: Sendable, Equatable, Canonical {
    /// Bytes of the encoding.
    static let count = 32

    package var id: ChunkID
    /// Row of the run table.
    package var run: UInt32
    package var offset: UInt32
    package var length: UInt32

    package init(id: ChunkID, run: UInt32, offset: UInt32, length: UInt32) {
        self.id = id
        self.run = run
        self.offset = offset
        self.length = length
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        id = try ChunkID(from: &reader)
        run = try reader.u32()
        offset = try reader.u32()
        length = try reader.u32()
    }

    package func write(to writer: inout CanonicalWriter) {
        id.write(to: &writer)
        writer.u32(run)
        writer.u32(offset)
        writer.u32(length)
    }

    /// Where the chunk stands in its run.
    var range: Range<Int> { Int(offset)..<Int(offset) + Int(length) }
}
