import CZstd

/// Compresses a stream into one frame in constant memory.
public struct ZstandardCompressor: ~Copyable {
    private let context: OpaquePointer
    private var output = [UInt8](repeating: 0, count: ZSTD_CStreamOutSize())

    /// A compressor at `Zstandard.level`. `plainCount`, when known, must be what follows; it then stands in
    /// the frame too, where other programs look for it (ours never does).
    public init(plainCount: Int? = nil) throws(CompressionError) {
        guard let context = ZSTD_createCCtx() else {
            throw CompressionError(.libraryFailure, "zstd has no memory")
        }
        let level = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Zstandard.level)
        let pledge = plainCount.map { ZSTD_CCtx_setPledgedSrcSize(context, UInt64($0)) } ?? 0
        for result in [level, pledge] where ZSTD_isError(result) != 0 {
            ZSTD_freeCCtx(context)
            throw Zstandard.library(result)
        }
        self.context = context
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Adds plain bytes; `emit` gets parts of the frame. Throws what `emit` throws, or `CompressionError`.
    public mutating func update(
        _ plain: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try ZstandardCompressor.run(context, &output, plain, ZSTD_e_continue, emit)
    }

    /// Adds plain bytes; `emit` gets parts of the frame.
    public mutating func update(_ plain: [UInt8], _ emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        try plain.withUnsafeBytes { try update($0, emit) }
    }

    /// Ends the frame. `wrongLength` when the announced length was not met.
    public consuming func finalize(_ emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        try ZstandardCompressor.run(context, &output, nothing, ZSTD_e_end, emit)
    }

    private static func run(
        _ context: OpaquePointer, _ output: inout [UInt8], _ plain: UnsafeRawBufferPointer,
        _ mode: ZSTD_EndDirective, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = ZSTD_inBuffer(src: plain.baseAddress, size: plain.count, pos: 0)
        var isDone = mode == ZSTD_e_continue && plain.isEmpty
        while !isDone {
            try output.withUnsafeMutableBytes { buffer in
                var out = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
                let rest = ZSTD_compressStream2(context, &out, &input, mode)
                guard ZSTD_isError(rest) == 0 else {
                    if ZSTD_getErrorCode(rest) == ZSTD_error_srcSize_wrong {
                        throw CompressionError(.wrongLength, "the length differs from the announced one")
                    }
                    throw Zstandard.library(rest)
                }
                if out.pos > 0 { try emit(UnsafeRawBufferPointer(rebasing: buffer[..<out.pos])) }
                isDone = mode == ZSTD_e_end ? rest == 0 : input.pos == input.size
            }
        }
    }
}

/// Expands one frame in constant memory, to exactly the declared length.
public struct ZstandardDecompressor: ~Copyable {
    private let context: OpaquePointer
    private var output = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
    private var remaining: Int
    private var hasEnded = false

    /// `plainCount` is the length that stands under authentication; above `limit` nothing is expanded.
    public init(plainCount: Int, limit: Int) throws(CompressionError) {
        guard plainCount >= 0, plainCount <= limit else {
            throw Zstandard.aboveLimit(plainCount, limit)
        }
        guard let context = ZSTD_createDCtx() else {
            throw CompressionError(.libraryFailure, "zstd has no memory")
        }
        let result = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Zstandard.windowLog)
        guard ZSTD_isError(result) == 0 else {
            ZSTD_freeDCtx(context)
            throw Zstandard.library(result)
        }
        self.context = context
        remaining = plainCount
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Adds bytes of the frame; `emit` gets plain bytes, never more than declared. Throws what `emit` throws,
    /// or `CompressionError`.
    public mutating func update(
        _ frame: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = ZSTD_inBuffer(src: frame.baseAddress, size: frame.count, pos: 0)
        var isFull = false
        while input.pos < input.size || isFull {
            guard !hasEnded else { throw CompressionError(.malformed, "bytes follow the end of a frame") }
            let produced = try step(&input, emit)
            isFull = !hasEnded && produced == output.count
        }
    }

    /// Adds bytes of the frame; `emit` gets plain bytes, never more than declared.
    public mutating func update(_ frame: [UInt8], _ emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        try frame.withUnsafeBytes { try update($0, emit) }
    }

    /// Throws unless the frame has ended and gave the declared length.
    public consuming func finalize() throws(CompressionError) {
        guard hasEnded else { throw CompressionError(.malformed, "a frame was cut off") }
        guard remaining == 0 else {
            throw CompressionError(.wrongLength, "a frame is \(remaining) bytes shorter than declared")
        }
    }

    private mutating func step(
        _ input: inout ZSTD_inBuffer, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        let context = context
        var rest = 0
        let produced = try output.withUnsafeMutableBytes { buffer in
            var out = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            rest = ZSTD_decompressStream(context, &out, &input)
            guard ZSTD_isError(rest) == 0 else {
                throw CompressionError(
                    .malformed, "a frame is damaged: \(String(cString: ZSTD_getErrorName(rest)))")
            }
            guard out.pos <= remaining else {
                throw CompressionError(.wrongLength, "a frame is longer than declared")
            }
            remaining -= out.pos
            if out.pos > 0 { try emit(UnsafeRawBufferPointer(rebasing: buffer[..<out.pos])) }
            return out.pos
        }
        hasEnded = rest == 0
        return produced
    }
}
