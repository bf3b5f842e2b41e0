internal import Compression
internal import Cryptography

/// The plaintext inside a blob's encryption (docs/FORMAT.md, "Blobs"), big-endian:
///
///     version (1) = 1 ‖ encoding (1): 0 as it is, 1 zstd ‖ zero (2) ‖ frame count n (4)
///     plain length (8) ‖ stored length (8) ‖ n frame lengths (4 each)
///     stored bytes ‖ zeros up to a Padmé length of at least 1,024
///
/// With encoding 1 the content is cut into pieces of 256 KiB and each is a zstd frame of its own, so that
/// a part
/// can be read without what stands before it.
struct BlobHeader: Equatable {
    enum Encoding: UInt8 {
        case plain = 0
        case zstd = 1
    }

    static let pieceCount = 1 << 18
    static let fixedCount = 24
    /// 4 TiB at 256 KiB a piece.
    static let framesMax = 1 << 24

    var encoding: Encoding
    var plainCount: Int64
    var storedCount: Int64
    var frames: [UInt32]

    var count: Int { Self.fixedCount + 4 * frames.count }

    /// The length of everything, padding included.
    var paddedCount: Int64 { Padding.padme(max(Int64(count) + storedCount, 1024)) }

    var bytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.u8(1)
        writer.u8(encoding.rawValue)
        writer.u16(0)
        writer.u32(UInt32(frames.count))
        writer.u64(UInt64(plainCount))
        writer.u64(UInt64(storedCount))
        for frame in frames { writer.u32(frame) }
        return writer.bytes
    }

    init(plainCount: Int64) {
        self.init(encoding: .plain, plainCount: plainCount, storedCount: plainCount, frames: [])
    }

    init(encoding: Encoding, plainCount: Int64, storedCount: Int64, frames: [UInt32]) {
        self.encoding = encoding
        self.plainCount = plainCount
        self.storedCount = storedCount
        self.frames = frames
    }

    /// The number of frames that the first 24 bytes announce.
    static func frameCount(_ fixed: [UInt8]) throws -> Int {
        var reader = CanonicalReader(fixed)
        guard try reader.u8() == 1 else {
            throw VaultError(.newerFormat, "a blob has a newer format", hint: "install the newest ai-team")
        }
        _ = try reader.raw(3)
        let count = Int(try reader.u32())
        guard count <= framesMax else { throw damaged }
        return count
    }

    /// Reads a header that was authenticated, and checks that it makes sense.
    init(_ bytes: [UInt8]) throws {
        let frameCount = try Self.frameCount(bytes)
        var reader = CanonicalReader(bytes)
        _ = try reader.u8()
        guard let encoding = Encoding(rawValue: try reader.u8()), try reader.u16() == 0 else {
            throw Self.damaged
        }
        _ = try reader.u32()
        let (plain, stored) = (try reader.u64(), try reader.u64())
        let frames = try (0..<frameCount).map { _ in try reader.u32() }
        try reader.expectEnd()
        guard plain < 1 << 62, stored < 1 << 62 else { throw Self.damaged }
        self.init(encoding: encoding, plainCount: Int64(plain), storedCount: Int64(stored), frames: frames)
        let piece = Int64(Self.pieceCount)
        switch encoding {
        case .plain: guard frames.isEmpty, plain == stored else { throw Self.damaged }
        case .zstd:
            let sum = frames.reduce(Int64(0)) { $0 + Int64($1) }
            guard sum == storedCount, Int64(frameCount) == (plainCount + piece - 1) / piece,
                frames.allSatisfy({ $0 <= 2 * UInt32(piece) })
            else { throw Self.damaged }
        }
    }

    static let damaged = VaultError(.integrityFailure, "a blob's header makes no sense")
}

/// Lengths that tell little.
enum Padding {
    /// Padmé (Nikitin et al., "Reducing Metadata Leakage", 2019): at most 12 % more, and only
    /// O(log log n) bits of the length remain.
    static func padme(_ length: Int64) -> Int64 {
        guard length >= 2 else { return length }
        let exponent = 63 - length.leadingZeroBitCount
        let kept = 64 - exponent.leadingZeroBitCount
        let mask = Int64(1) << Int64(max(0, exponent - kept)) - 1
        return (length + mask) & ~mask
    }
}
