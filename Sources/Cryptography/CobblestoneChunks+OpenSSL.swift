/// The keys of one Cobblestone message and the sealing and opening of its chunks, in whatever order.
final class CobblestoneChunks {
    private static let label = Array("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM".utf8) + [0]
    private static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    let commitment: [UInt8]
    private let cipher: GCMContext
    private let baseNonce: [UInt8]

    init(
        _ direction: GCMContext.Direction, key: borrowing SecretBytes, salt: [UInt8], context: [UInt8]
    ) throws(CryptoError) {
        guard key.count == 32, salt.count == Cobblestone.saltCount else {
            throw CryptoError(.invalidLength, "Cobblestone-256 wants a key of 32 and a salt of 24 bytes")
        }
        let info = CobblestoneChunks.label + salt + context
        let keys = try HKDF.expand(.sha512, key: key, info: info, count: 76)
        let cipher = try GCMContext(direction)
        try keys.withUnsafeBytes { (keys) throws(CryptoError) in
            try cipher.start(key: keys.bytes, nonce: nil)
        }
        self.cipher = cipher
        baseNonce = keys.withUnsafeBytes { Array($0[32..<44]) }
        commitment = keys.withUnsafeBytes { Array($0[44..<76]) }
    }

    /// `output` holds the chunk's ciphertext and tag: 16 bytes more than the plaintext.
    func seal(
        _ index: UInt64, _ plaintext: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        try start(index)
        try cipher.seal(
            plaintext, into: output.part(0..<plaintext.count), aad: CobblestoneChunks.none,
            tag: output.part(plaintext.count..<output.count))
    }

    /// `output` has exactly the size of the plaintext: 16 bytes less than the ciphertext.
    func open(
        _ index: UInt64, _ ciphertext: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        try start(index)
        try cipher.open(
            ciphertext.part(0..<output.count), into: output, aad: CobblestoneChunks.none,
            tag: ciphertext.part(output.count..<ciphertext.count))
    }

    private func start(_ index: UInt64) throws(CryptoError) {
        guard index < Cobblestone.chunkLimit else {
            throw CryptoError(.invalidLength, "a file is larger than 4 PiB")
        }
        var nonce = baseNonce
        for byte in 0..<8 { nonce[11 - byte] ^= UInt8(truncatingIfNeeded: index >> UInt64(8 * byte)) }
        try cipher.start(key: nil, nonce: nonce)
    }
}

/// Gathers bytes into pieces of one size: a whole piece that lies in the input is passed on as it is, only
/// what straddles two inputs is copied.
struct ChunkBuffer: ~Copyable {
    private var bytes: [UInt8]
    private(set) var count = 0

    init(size: Int) { bytes = [UInt8](repeating: 0, count: size) }

    mutating func add(
        _ input: UnsafeRawBufferPointer, _ whole: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var rest = input
        while count + rest.count >= bytes.count {
            if count == 0 {
                try whole(rest.part(0..<bytes.count))
                rest = rest.part(bytes.count..<rest.count)
            } else {
                let taken = bytes.count - count
                append(rest.part(0..<taken))
                rest = rest.part(taken..<rest.count)
                count = 0
                try bytes.withRaw { (bytes) throws in try whole(bytes) }
            }
        }
        append(rest)
    }

    /// What is left and is no whole piece.
    borrowing func withRest<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        let count = count
        return try bytes.withRaw { (bytes) throws -> R in try body(bytes.part(0..<count)) }
    }

    private mutating func append(_ input: UnsafeRawBufferPointer) {
        let start = count
        bytes.withMutableRaw { $0.part(start..<start + input.count).copyMemory(from: input) }
        count += input.count
    }
}
