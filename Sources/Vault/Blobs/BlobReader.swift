internal import Compression
internal import Cryptography
internal import FileSystem

/// A blob's encrypted bytes, wherever they stand.
package struct SealedBlob {
    let count: Int
    let read: (Range<Int>) throws -> [UInt8]

    /// - Parameters:
    ///   - count: bytes of the whole file.
    ///   - read: exactly the bytes of a range of it, or fewer when they are not there.
    package init(count: Int, read: @escaping (Range<Int>) throws -> [UInt8]) {
        self.count = count
        self.read = read
    }

    init(_ file: consuming File) throws {
        let handle = Handle(file)
        try self.init(count: Int(handle.file.size())) {
            try handle.file.read(count: $0.count, at: Int64($0.lowerBound))
        }
    }

    /// Owns the descriptor that the closure reads.
    private final class Handle {
        let file: File
        init(_ file: consuming File) { self.file = file }
    }
}

/// One open blob, read in any order.
struct BlobReader: ~Copyable {
    private let file: SealedBlob
    private let name: String
    private let store: BlobStore
    private var cobblestone: CobblestoneReader
    private var header: BlobHeader
    /// Where each frame begins in the stored bytes.
    private var offsets: [Int64]
    /// The chunk that was opened last: neighbouring reads often share one.
    private var cached: (index: Int, bytes: [UInt8])?

    private init(
        _ file: SealedBlob, name: String, store: BlobStore, cobblestone: consuming CobblestoneReader
    ) {
        self.file = file
        self.name = name
        self.store = store
        self.cobblestone = cobblestone
        header = BlobHeader(plainCount: 0)
        offsets = []
        cached = nil
    }

    /// Opens a blob and checks its commitment, its length and its header.
    static func open(
        _ file: SealedBlob, name: String, store: BlobStore, reference: BlobReference
    ) throws -> BlobReader {
        let cobblestone = try cobblestone(file, name: name, store: store, epoch: reference.epoch)
        var reader = BlobReader(file, name: name, store: store, cobblestone: cobblestone)
        try reader.readHeader(expecting: reference.size)
        return reader
    }

    private mutating func readHeader(expecting size: Int64) throws {
        let fixed = try plaintext(0..<BlobHeader.fixedCount)
        guard fixed.count == BlobHeader.fixedCount else { throw store.failure(name, "it is too short") }
        do {
            let frames = try BlobHeader.frameCount(fixed)
            header = try BlobHeader(plaintext(0..<(BlobHeader.fixedCount + 4 * frames)))
        } catch is CryptoError {
            throw store.failure(name, "its header makes no sense")
        }
        guard Int64(cobblestone.plaintextCount) == header.paddedCount, header.plainCount == size else {
            throw store.failure(name, "its length is wrong")
        }
        var offset = Int64(header.count)
        for frame in header.frames {
            offsets.append(offset)
            offset += Int64(frame)
        }
    }

    private static func cobblestone(
        _ file: SealedBlob, name: String, store: BlobStore, epoch: UInt32
    ) throws -> CobblestoneReader {
        do {
            return try CobblestoneReader(
                key: store.keys.key(epoch), context: store.context(name),
                header: file.read(0..<min(Cobblestone.headerCount, file.count)),
                ciphertextCount: file.count)
        } catch is CryptoError {
            throw store.failure(name, "its header is not authentic")
        }
    }

    /// The content's bytes in `range`, cut off where the content ends.
    mutating func read(_ range: Range<Int64>) throws -> [UInt8] {
        let wanted = range.clamped(to: 0..<header.plainCount)
        guard !wanted.isEmpty else { return [] }
        if header.encoding == .plain {
            let start = Int(wanted.lowerBound) + header.count
            return try plaintext(start..<(start + wanted.count))
        }
        let piece = Int64(BlobHeader.pieceCount)
        var result: [UInt8] = []
        result.reserveCapacity(wanted.count)
        for index in Int(wanted.lowerBound / piece)...Int((wanted.upperBound - 1) / piece) {
            let start = Int64(index) * piece
            let plain = try frame(index, plainCount: Int(min(piece, header.plainCount - start)))
            let from = Int(max(wanted.lowerBound - start, 0))
            result += plain[from..<Int(min(wanted.upperBound - start, Int64(plain.count)))]
        }
        return result
    }

    private mutating func frame(_ index: Int, plainCount: Int) throws -> [UInt8] {
        let start = Int(offsets[index])
        let bytes = try plaintext(start..<(start + Int(header.frames[index])))
        do {
            return try Zstandard.decompress(bytes, plainCount: plainCount, limit: BlobHeader.pieceCount)
        } catch {
            throw store.failure(name, "a frame does not decompress")
        }
    }

    /// Decrypted bytes, verified chunk by chunk; the last chunk first, since it proves the length.
    private mutating func plaintext(_ range: Range<Int>) throws -> [UInt8] {
        let size = Cobblestone.chunkCount
        if !cobblestone.isLengthAuthentic { _ = try chunk(cobblestone.chunkCount - 1) }
        let wanted = range.clamped(to: 0..<cobblestone.plaintextCount)
        var result: [UInt8] = []
        result.reserveCapacity(wanted.count)
        guard !wanted.isEmpty else { return [] }
        for index in (wanted.lowerBound / size)...((wanted.upperBound - 1) / size) {
            let bytes = try chunk(index)
            let start = index * size
            let end = min(wanted.upperBound - start, bytes.count)
            result += bytes[max(wanted.lowerBound - start, 0)..<end]
        }
        return result
    }

    private mutating func chunk(_ index: Int) throws -> [UInt8] {
        if let cached, cached.index == index { return cached.bytes }
        let place = cobblestone.range(ofChunk: index)
        let sealed = try file.read(place)
        do {
            let bytes = try cobblestone.openChunk(index, sealed)
            cached = (index, bytes)
            return bytes
        } catch {
            throw store.failure(name, "chunk \(index) is not authentic")
        }
    }
}

extension BlobStore {
    /// - Parameter copy: where the blob's file stands, when that is not its place.
    func open(_ reference: BlobReference, at copy: String? = nil) throws -> BlobReader {
        let name = try name(reference)
        let path = copy ?? path(name)
        guard try Files.exists(path) else {
            throw VaultError(
                .notFound, "the blob \(name) is missing", hint: "restore it from a backup")
        }
        return try BlobReader.open(
            SealedBlob(File.open(path, .read)), name: name, store: self, reference: reference)
    }
}
