internal import Compression
internal import Cryptography

/// The plaintext of an object's body: what it says as one zstd frame, then zeros up to a size class, so that
/// sizes tell little. Before the frame stand both lengths (32 bits each), which the encryption authenticates.
public enum PaddedBody {
    /// Bytes of the smallest class: what ten operations fit into.
    public static let floor = 1024
    /// The most that a body may say, in bytes.
    public static let limit = 64 << 20

    /// - Throws: `CompressionError` when the library fails.
    public static func encode(_ content: [UInt8]) throws -> [UInt8] {
        let frame = try Zstandard.compress(content)
        var writer = CanonicalWriter()
        writer.u32(UInt32(content.count))
        writer.blob(frame)
        let count = writer.bytes.count
        return writer.bytes + [UInt8](repeating: 0, count: sizeClass(count) - count)
    }

    /// - Throws: `integrity` for anything that `encode` doesn't make.
    public static func decode(_ plain: [UInt8], name: String) throws(SyncError) -> [UInt8] {
        do {
            var reader = CanonicalReader(plain)
            let count = Int(try reader.u32())
            let frame = try reader.blob(limit: plain.count)
            guard try reader.raw(reader.remaining).allSatisfy({ $0 == 0 }),
                plain.count == sizeClass(frame.count + 8)
            else { throw CryptoError(.malformed, "its padding is malformed") }
            return try Zstandard.decompress(frame, plainCount: count, limit: limit)
        } catch {
            throw .integrity(name, "\(error)")
        }
    }

    /// Padmé (Nikitin et al., PETS 2019) above the floor: of a size of E bits all but the highest
    /// ⌊log2 E⌋ + 1 bits are rounded up, which adds at most 12 % and tells O(log log n) bits.
    static func sizeClass(_ count: Int) -> Int {
        guard count > floor else { return floor }
        let exponent = Int.bitWidth - 1 - count.leadingZeroBitCount
        let kept = Int.bitWidth - exponent.leadingZeroBitCount
        let mask = 1 << (exponent - kept) - 1
        return (count + mask) & ~mask
    }
}
