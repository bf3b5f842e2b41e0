/// Encrypts a stream in constant memory (`Cobblestone`). Write `header` first, then what `update` and
/// `finalize` emit, in order.
public struct CobblestoneEncryptor: ~Copyable {
    /// Salt and commitment, 56 bytes.
    public let header: [UInt8]
    private let chunks: CobblestoneChunks
    private var buffer = ChunkBuffer(size: Cobblestone.chunkCount)
    private var output = [UInt8](repeating: 0, count: Cobblestone.sealedChunkCount)
    private var index: UInt64 = 0

    /// Takes a key of 32 uniformly random bytes and draws a salt. `context` is whatever the reader must agree
    /// on; it is not stored.
    public init(key: borrowing SecretBytes, context: [UInt8]) throws(CryptoError) {
        try self.init(key: key, context: context, salt: RandomBytes.bytes(Cobblestone.saltCount))
    }

    /// With a given salt: for vectors alone.
    package init(key: borrowing SecretBytes, context: [UInt8], salt: [UInt8]) throws(CryptoError) {
        chunks = try CobblestoneChunks(.seal, key: key, salt: salt, context: context)
        header = salt + chunks.commitment
    }

    /// Adds plaintext and hands on every chunk that is full. Throws what `emit` throws, or `CryptoError`.
    public mutating func update(
        _ plaintext: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try buffer.add(plaintext) { chunk in
            try CobblestoneEncryptor.seal(chunk, chunks, &index, &output, emit)
        }
    }

    /// Adds plaintext and hands on every chunk that is full.
    public mutating func update(
        _ plaintext: [UInt8], _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try plaintext.withRaw { (plaintext) throws in try update(plaintext, emit) }
    }

    /// Hands on the last chunk, which tells the reader that nothing was cut off.
    public consuming func finalize(_ emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        try buffer.withRest { chunk in
            try CobblestoneEncryptor.seal(chunk, chunks, &index, &output, emit)
        }
    }

    private static func seal(
        _ chunk: UnsafeRawBufferPointer, _ chunks: CobblestoneChunks, _ index: inout UInt64,
        _ output: inout [UInt8], _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try output.withMutableRaw { (output) throws in
            let sealed = output.part(0..<chunk.count + 16)
            try chunks.seal(index, chunk, into: sealed)
            index += 1
            try emit(UnsafeRawBufferPointer(sealed))
        }
    }
}

/// Decrypts a stream in constant memory (`Cobblestone`). A chunk is handed on only after its own tag fitted;
/// that nothing was cut off is known when `finalize` returns.
public struct CobblestoneDecryptor: ~Copyable {
    private let chunks: CobblestoneChunks
    private var buffer = ChunkBuffer(size: Cobblestone.sealedChunkCount)
    private var output = [UInt8](repeating: 0, count: Cobblestone.chunkCount)
    private var index: UInt64 = 0
    private var hasFailed = false

    /// Takes the first 56 bytes of the message. `invalidKey` when its commitment does not fit: another key,
    /// another context, or a changed header.
    public init(key: borrowing SecretBytes, context: [UInt8], header: [UInt8]) throws(CryptoError) {
        chunks = try CobblestoneDecryptor.open(key: key, context: context, header: header)
    }

    /// Adds ciphertext and hands on the plaintext of every chunk that is whole. Throws what `emit` throws, or
    /// `CryptoError`; after an error nothing more is handed on.
    public mutating func update(
        _ ciphertext: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard !hasFailed else { throw CobblestoneDecryptor.truncated }
        hasFailed = true
        try buffer.add(ciphertext) { chunk in
            try CobblestoneDecryptor.open(chunk, chunks, &index, &output, emit)
        }
        hasFailed = false
    }

    /// Adds ciphertext and hands on the plaintext of every chunk that is whole.
    public mutating func update(
        _ ciphertext: [UInt8], _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try ciphertext.withRaw { (ciphertext) throws in try update(ciphertext, emit) }
    }

    /// Hands on the last chunk; `authenticationFailed` when the message was cut.
    public consuming func finalize(_ emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard !hasFailed, buffer.count >= 16 else { throw CobblestoneDecryptor.truncated }
        try buffer.withRest { chunk in
            try CobblestoneDecryptor.open(chunk, chunks, &index, &output, emit)
        }
    }

    static var truncated: CryptoError {
        CryptoError(.authenticationFailed, "authentication failed: a file was cut or changed")
    }

    /// Derives the keys and checks the commitment before anything is decrypted.
    static func open(
        key: borrowing SecretBytes, context: [UInt8], header: [UInt8]
    ) throws(CryptoError) -> CobblestoneChunks {
        guard header.count == Cobblestone.headerCount else { throw truncated }
        let salt = Array(header[..<Cobblestone.saltCount])
        let chunks = try CobblestoneChunks(.open, key: key, salt: salt, context: context)
        guard ConstantTime.equal(chunks.commitment, Array(header[Cobblestone.saltCount...])) else {
            throw CryptoError(.invalidKey, "a file was made with another key or for another place")
        }
        return chunks
    }

    private static func open(
        _ chunk: UnsafeRawBufferPointer, _ chunks: CobblestoneChunks, _ index: inout UInt64,
        _ output: inout [UInt8], _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try output.withMutableRaw { (output) throws in
            let opened = output.part(0..<chunk.count - 16)
            try chunks.open(index, chunk, into: opened)
            index += 1
            if !opened.isEmpty { try emit(UnsafeRawBufferPointer(opened)) }
        }
    }
}
