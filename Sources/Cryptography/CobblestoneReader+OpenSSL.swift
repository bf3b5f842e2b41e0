/// Reads any part of a message (`Cobblestone`) without reading the rest.
///
/// The length is the storage's claim until the last chunk was opened, which `authenticateLength` and `read`
/// do first; each chunk is authentic by its own tag.
public struct CobblestoneReader: ~Copyable {
    /// The number of chunks, by the size of the message.
    public let chunkCount: Int
    /// The size of the plaintext, by the size of the message.
    public let plaintextCount: Int
    /// Whether the last chunk was opened, so that the two counts are authentic.
    public private(set) var isLengthAuthentic = false
    private let ciphertextCount: Int
    private let chunks: CobblestoneChunks

    /// Takes the first 56 bytes and the size of the whole message, header included.
    public init(
        key: borrowing SecretBytes, context: [UInt8], header: [UInt8], ciphertextCount: Int
    ) throws(CryptoError) {
        guard let count = Cobblestone.plaintextCount(forCiphertext: ciphertextCount) else {
            throw CobblestoneDecryptor.truncated
        }
        chunks = try CobblestoneDecryptor.open(key: key, context: context, header: header)
        plaintextCount = count
        chunkCount = count / Cobblestone.chunkCount + 1
        self.ciphertextCount = ciphertextCount
    }

    /// Where chunk `index` stands in the message; empty when there is no such chunk.
    public borrowing func range(ofChunk index: Int) -> Range<Int> {
        guard (0..<chunkCount).contains(index) else { return 0..<0 }
        let start = Cobblestone.headerCount + index * Cobblestone.sealedChunkCount
        return start..<min(start + Cobblestone.sealedChunkCount, ciphertextCount)
    }

    /// The plaintext of chunk `index`, whose bytes are those of `range(ofChunk:)`.
    public mutating func openChunk(_ index: Int, _ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard bytes.count >= 16 else { throw CobblestoneDecryptor.truncated }
        let count = bytes.count - 16
        var result: Result<Void, CryptoError> = .success(())
        let plaintext = [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
            let room = UnsafeMutableRawBufferPointer(output).part(0..<count)
            result = bytes.withUnsafeBytes { bytes in
                Result { () throws(CryptoError) in try openChunk(index, bytes, into: room) }
            }
            if case .success = result { initialized = count }
        }
        try result.get()
        return plaintext
    }

    /// The same, into memory that has exactly the room for it.
    public mutating func openChunk(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        guard (0..<chunkCount).contains(index), bytes.count == range(ofChunk: index).count,
            output.count == bytes.count - 16
        else { throw CobblestoneDecryptor.truncated }
        try chunks.open(UInt64(index), bytes, into: output)
        if index == chunkCount - 1 { isLengthAuthentic = true }
    }

    /// Opens the last chunk, if that was not done yet. `fetch` reads a range of the message.
    public mutating func authenticateLength(_ fetch: (Range<Int>) throws -> [UInt8]) throws {
        guard !isLengthAuthentic else { return }
        _ = try openChunk(chunkCount - 1, fetch(range(ofChunk: chunkCount - 1)))
    }

    /// A part of the plaintext, cut off where the plaintext ends. `fetch` reads a range of the message.
    public mutating func read(
        _ range: Range<Int>, _ fetch: (Range<Int>) throws -> [UInt8]
    ) throws -> [UInt8] {
        try authenticateLength(fetch)
        let wanted = range.clamped(to: 0..<plaintextCount)
        guard !wanted.isEmpty else { return [] }
        var result: [UInt8] = []
        result.reserveCapacity(wanted.count)
        let size = Cobblestone.chunkCount
        for index in wanted.lowerBound / size...(wanted.upperBound - 1) / size {
            let chunk = try openChunk(index, fetch(self.range(ofChunk: index)))
            let start = max(0, wanted.lowerBound - index * size)
            result.append(contentsOf: chunk[start..<min(chunk.count, wanted.upperBound - index * size)])
        }
        return result
    }
}
