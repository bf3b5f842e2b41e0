import COpenSSL

/// XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM with a nonce of 192 bits, which may be random.
///
/// A key for AES-256-GCM is derived from the first 96 bits of the nonce by CMAC, which here is two blocks of
/// AES under a schedule that is kept; K1 is computed once. One object per connection and key: its contexts
/// are reused, it is not thread-safe, and it is not Sendable.
public final class XAES256GCM {
    /// The size of a nonce in bytes.
    public static let nonceCount = 24
    /// The size of a tag in bytes.
    public static let tagCount = 16

    private let blocks: OpaquePointer
    private let sealing: GCMContext
    private let opening: GCMContext
    /// M1 ⊕ K1 ‖ M2 ⊕ K1 for a nonce of zeros (32 bytes), then the derived key (32 bytes).
    private let scratch: UnsafeMutableRawPointer
    private static let scratchCount = 64

    /// Takes a key of 32 bytes.
    public init(key: borrowing SecretBytes) throws(CryptoError) {
        guard key.count == 32 else {
            throw CryptoError(.invalidLength, "XAES-256-GCM wants a key of 32 bytes")
        }
        sealing = try GCMContext(.seal)
        opening = try GCMContext(.open)
        blocks = try XAES256GCM.schedule(key)
        scratch = SecretMemory.allocate(XAES256GCM.scratchCount)
        scratch.initializeMemory(as: UInt8.self, repeating: 0, count: XAES256GCM.scratchCount)
        try prepare()
    }

    deinit {
        EVP_CIPHER_CTX_free(blocks)
        SecretMemory.release(scratch, XAES256GCM.scratchCount)
    }

    /// Encrypts `input` into `output` (same size; may be the same memory, must not overlap otherwise) and
    /// writes the 16 bytes of `tag`. The nonce, 24 bytes, must never repeat under the key.
    public func seal(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        nonce: UnsafeRawBufferPointer, aad: UnsafeRawBufferPointer, tag: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        try start(sealing, nonce: nonce)
        try sealing.seal(input, into: output, aad: aad, tag: tag)
    }

    /// Decrypts `input` into `output` (same size; may be the same memory, must not overlap otherwise). When
    /// the tag does not fit, `output` is zeroed and the error is `authenticationFailed`.
    public func open(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        nonce: UnsafeRawBufferPointer, aad: UnsafeRawBufferPointer, tag: UnsafeRawBufferPointer
    ) throws(CryptoError) {
        try start(opening, nonce: nonce)
        try opening.open(input, into: output, aad: aad, tag: tag)
    }

    /// AES-256 in ECB mode, only ever run over whole blocks.
    private static func schedule(_ key: borrowing SecretBytes) throws(CryptoError) -> OpaquePointer {
        guard let cipher = Library.aes256ecb, let context = EVP_CIPHER_CTX_new() else {
            throw Library.failure("AES-256")
        }
        let result = key.withUnsafeBytes { EVP_EncryptInit_ex2(context, cipher, $0.bytes, nil, nil) }
        guard result == 1, EVP_CIPHER_CTX_set_padding(context, 0) == 1 else {
            EVP_CIPHER_CTX_free(context)
            throw Library.failure("AES-256 key")
        }
        return context
    }

    /// Steps 1 and 2 of the specification: K1, laid over M1 and M2.
    private func prepare() throws(CryptoError) {
        let bytes = scratch.assumingMemoryBound(to: UInt8.self)
        var count: Int32 = 0
        // L = AES(zeros)
        guard EVP_EncryptUpdate(blocks, bytes, &count, bytes + 16, 16) == 1, count == 16 else {
            throw Library.failure("AES-256 block")
        }
        let carry = bytes[0] >> 7
        for index in 0..<16 {
            let next = index < 15 ? bytes[index + 1] >> 7 : 0
            bytes[index] = bytes[index] << 1 | next
        }
        bytes[15] ^= carry * 0x87
        (bytes + 16).update(from: bytes, count: 16)
        for (index, counter) in [(0, UInt8(1)), (16, UInt8(2))] {
            bytes[index + 1] ^= counter
            bytes[index + 2] ^= 0x58
        }
    }

    /// Steps 3 to 6: the derived key and the last 96 bits of the nonce, set in `context`.
    @inline(__always)
    private func start(_ context: GCMContext, nonce: UnsafeRawBufferPointer) throws(CryptoError) {
        guard nonce.count == XAES256GCM.nonceCount, let nonce = nonce.bytes else {
            throw CryptoError(.invalidLength, "XAES-256-GCM wants a nonce of 24 bytes")
        }
        let template = scratch.assumingMemoryBound(to: UInt8.self)
        let derived = template + 32
        XAES256GCM.lay(nonce, over: template, into: derived)
        XAES256GCM.lay(nonce, over: template + 16, into: derived + 16)
        var count: Int32 = 0
        guard EVP_EncryptUpdate(blocks, derived, &count, derived, 32) == 1, count == 32 else {
            throw Library.failure("AES-256 block")
        }
        try context.start(key: derived, nonce: nonce + 12)
    }

    /// One block: the template with the first 96 bits of the nonce XORed over its last 96.
    @inline(__always)
    private static func lay(
        _ nonce: UnsafePointer<UInt8>, over template: UnsafePointer<UInt8>,
        into block: UnsafeMutablePointer<UInt8>
    ) {
        let nonce = UnsafeRawPointer(nonce), template = UnsafeRawPointer(template)
        let block = UnsafeMutableRawPointer(block)
        let first = template.loadUnaligned(as: UInt32.self)
        let second =
            template.loadUnaligned(fromByteOffset: 4, as: UInt32.self) ^ nonce.loadUnaligned(as: UInt32.self)
        let rest =
            template.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            ^ nonce.loadUnaligned(fromByteOffset: 4, as: UInt64.self)
        block.storeBytes(of: first, as: UInt32.self)
        block.storeBytes(of: second, toByteOffset: 4, as: UInt32.self)
        block.storeBytes(of: rest, toByteOffset: 8, as: UInt64.self)
    }
}
