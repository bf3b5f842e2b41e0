import CZstd
import Synchronization

/// Zstandard (RFC 8878) at level 3, one frame, no dictionary, no checksum: whoever compresses also
/// authenticates, and declares the plain length under that authentication.
///
/// The reader never believes a length in the frame: it allocates what the caller declares, up to the caller's
/// limit, and refuses a frame that gives more or less. Streams refuse a window above 8 MiB too.
public enum Zstandard {
    /// The compression level.
    public static let level: Int32 = 3
    /// log2 of the largest window that is expanded.
    static let windowLog: Int32 = 23
    /// log2 of the window of a frame that is made at once: all of the largest unit of a backup. Level 3 alone
    /// would look back 2 MiB.
    private static let ownWindowLog: Int32 = 22

    private static let contexts = Contexts(make: makeCompressor, free: { ZSTD_freeCCtx($0) })
    private static let expanders = Contexts(make: { ZSTD_createDCtx() }, free: { ZSTD_freeDCtx($0) })

    /// One frame of `plain`.
    public static func compress(_ plain: [UInt8]) throws(CompressionError) -> [UInt8] {
        let result = plain.withUnsafeBytes { plain in
            Result { () throws(CompressionError) in try compress(plain) }
        }
        return try result.get()
    }

    /// One frame of `plain`.
    public static func compress(_ plain: UnsafeRawBufferPointer) throws(CompressionError) -> [UInt8] {
        let context = try contexts.take()
        defer { contexts.giveBack(context) }
        let bound = ZSTD_compressBound(plain.count)
        var count = 0
        let frame = [UInt8](unsafeUninitializedCapacity: bound) { buffer, initialized in
            count = ZSTD_compress2(context.pointer, buffer.baseAddress, bound, plain.baseAddress, plain.count)
            initialized = ZSTD_isError(count) == 0 ? count : 0
        }
        guard ZSTD_isError(count) == 0 else { throw library(count) }
        return frame
    }

    /// The plain bytes of one frame: exactly `plainCount`, which is at most `limit`.
    public static func decompress(
        _ frame: [UInt8], plainCount: Int, limit: Int
    ) throws(CompressionError) -> [UInt8] {
        guard plainCount >= 0, plainCount <= limit else { throw aboveLimit(plainCount, limit) }
        let context = try expanders.take()
        defer { expanders.giveBack(context) }
        var result = 0
        let plain = [UInt8](unsafeUninitializedCapacity: plainCount) { buffer, initialized in
            var nothing: UInt8 = 0
            result = frame.withUnsafeBytes { frame in
                // libzstd would expand several frames in a row; one is what we write.
                let size = ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
                guard size == frame.count else { return -1 }
                return withUnsafeMutablePointer(to: &nothing) { empty in
                    ZSTD_decompressDCtx(
                        context.pointer, buffer.baseAddress ?? empty, plainCount, frame.baseAddress,
                        frame.count)
                }
            }
            initialized = result >= 0 && result <= plainCount ? result : 0
        }
        guard plain.count == plainCount, result == plainCount else { throw failure(result, plainCount) }
        return plain
    }

    private static func makeCompressor() -> OpaquePointer? {
        guard let context = ZSTD_createCCtx() else { return nil }
        let results = [
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level),
            ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, ownWindowLog),
        ]
        guard results.allSatisfy({ ZSTD_isError($0) == 0 }) else {
            ZSTD_freeCCtx(context)
            return nil
        }
        return context
    }

    static func aboveLimit(_ plainCount: Int, _ limit: Int) -> CompressionError {
        CompressionError(.aboveLimit, "a length of \(plainCount) bytes is above the limit \(limit)")
    }

    /// Why a frame did not give `plainCount` bytes; libzstd's errors are negative.
    private static func failure(_ result: Int, _ plainCount: Int) -> CompressionError {
        if result >= 0 || ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall {
            return CompressionError(.wrongLength, "a frame does not hold the declared \(plainCount) bytes")
        }
        return CompressionError(.malformed, "a frame is damaged, or something follows it")
    }

    static func library(_ result: Int) -> CompressionError {
        CompressionError(.libraryFailure, "zstd failed: \(String(cString: ZSTD_getErrorName(result)))")
    }
}

/// Contexts that wait for the next frame: making one costs more than a small frame does.
private final class Contexts: Sendable {
    // SAFETY: a context is in the list or with the one thread that took it, never both.
    struct Context: @unchecked Sendable { let pointer: OpaquePointer }

    private static let kept = 16
    private let make: @Sendable () -> OpaquePointer?
    private let free: @Sendable (OpaquePointer) -> Void
    private let idle = Mutex<[Context]>([])

    init(make: @escaping @Sendable () -> OpaquePointer?, free: @escaping @Sendable (OpaquePointer) -> Void) {
        self.make = make
        self.free = free
    }

    func take() throws(CompressionError) -> Context {
        if let context = idle.withLock({ $0.popLast() }) { return context }
        guard let pointer = make() else {
            throw CompressionError(.libraryFailure, "zstd has no memory")
        }
        return Context(pointer: pointer)
    }

    func giveBack(_ context: Context) {
        let isSurplus = idle.withLock { idle in
            if idle.count < Self.kept { idle.append(context) }
            return idle.last?.pointer != context.pointer
        }
        if isSurplus { free(context.pointer) }
    }
}
