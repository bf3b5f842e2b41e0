import CZstd

/// Zstandard (RFC 8878) at level 3, one frame, no dictionary, no checksum: whoever compresses also
/// authenticates, and declares the plain length under that authentication.
///
/// The reader never believes a length in the frame: it allocates what the caller declares, up to the caller's
/// limit, and refuses a frame that gives more or less. A window above 8 MiB is refused too.
public enum Zstandard {
    /// The compression level.
    public static let level: Int32 = 3
    /// log2 of the largest window that is expanded; level 3 writes up to 2 MiB.
    static let windowLog: Int32 = 23

    /// One frame of `plain`.
    public static func compress(_ plain: [UInt8]) throws(CompressionError) -> [UInt8] {
        let result = plain.withUnsafeBytes { plain in
            Result { () throws(CompressionError) in try compress(plain) }
        }
        return try result.get()
    }

    /// One frame of `plain`.
    public static func compress(_ plain: UnsafeRawBufferPointer) throws(CompressionError) -> [UInt8] {
        let bound = ZSTD_compressBound(plain.count)
        var count = 0
        let frame = [UInt8](unsafeUninitializedCapacity: bound) { buffer, initialized in
            count = ZSTD_compress(buffer.baseAddress, bound, plain.baseAddress, plain.count, level)
            initialized = ZSTD_isError(count) == 0 ? count : 0
        }
        guard ZSTD_isError(count) == 0 else { throw library(count) }
        return frame
    }

    /// The plain bytes of one frame: exactly `plainCount`, which is at most `limit`.
    public static func decompress(
        _ frame: [UInt8], plainCount: Int, limit: Int
    ) throws(CompressionError) -> [UInt8] {
        var decompressor = try ZstandardDecompressor(plainCount: plainCount, limit: limit)
        var plain: [UInt8] = []
        plain.reserveCapacity(plainCount)
        do {
            try frame.withUnsafeBytes { frame in
                try decompressor.update(frame) { plain.append(contentsOf: $0) }
            }
        } catch {
            throw (error as? CompressionError) ?? CompressionError(.libraryFailure, "zstd failed")
        }
        try decompressor.finalize()
        return plain
    }

    static func library(_ result: Int) -> CompressionError {
        CompressionError(.libraryFailure, "zstd failed: \(String(cString: ZSTD_getErrorName(result)))")
    }
}
