internal import Cryptography
internal import FileSystem

/// The encrypted files under `data/documents/`: names, places, reading.
package struct BlobStore: Sendable {
    package let directory: String
    let keys: BlobKeys

    package init(directory: String, keys: BlobKeys) {
        self.directory = directory
        self.keys = keys
    }

    /// Base32 of HMAC-SHA-256(name key, `blob` ‖ epoch ‖ SHA-256 of the plaintext), cut to 160 bits.
    package func name(_ reference: BlobReference) throws -> String { try name(reference, variant: 0) }

    /// The same; what is hashed ends with a variant's number, unless it is 0.
    func name(_ reference: BlobReference, variant: UInt8) throws -> String {
        var message = CanonicalWriter()
        message.raw(Array("blob".utf8))
        message.u32(reference.epoch)
        message.raw(reference.sha256)
        if variant > 0 { message.u8(variant) }
        let mac = try HMAC.authenticate(.sha256, key: keys.nameKey(), message.bytes)
        return Crockford32.encode(Array(mac[..<20]))
    }

    package func path(_ name: String) -> String { "\(directory)/\(name.prefix(2))/\(name)" }

    /// Held shared by every upload; who gets it exclusively knows that none runs. Never removed.
    var uploadLock: String { directory + "/uploads.lock" }

    /// What Cobblestone binds a blob to: vault, kind and name.
    func context(_ name: String) -> [UInt8] {
        var context = CanonicalWriter()
        context.string("ai-team/blob/v1")
        context.raw(keys.vault)
        context.string(name)
        return context.bytes
    }

    /// Gives the whole content in order, piece by piece; each piece was authenticated before. After the
    /// last one the length and the hash of everything were compared with the reference.
    /// - Throws: `VaultError` with code `integrity_failure`, naming the blob; `not_found` when it isn't here.
    ///
    /// - Parameter copy: where the blob's file stands, when that is not its place.
    package func read(
        _ reference: BlobReference, at copy: String? = nil,
        _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var reader = try open(reference, at: copy)
        try read(&reader, reference, emit)
    }

    private func read(
        _ reader: inout BlobReader, _ reference: BlobReference,
        _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let hasher = RunningHash()
        var offset: Int64 = 0
        while offset < reference.size {
            let end = min(offset + Int64(BlobHeader.pieceCount), reference.size)
            let piece = try reader.read(offset..<end)
            try piece.withUnsafeBytes { bytes in
                hasher.update(bytes)
                try emit(bytes)
            }
            offset = end
        }
        guard hasher.finish() == reference.sha256 else {
            throw failure(try name(reference), "its content has another hash")
        }
    }

    /// A part of the content. The header's commitment, the chunks of the part and the last chunk are
    /// verified.
    package func read(_ reference: BlobReference, range: Range<Int64>) throws -> [UInt8] {
        var reader = try open(reference)
        return try reader.read(range)
    }

    /// Reads everything and keeps nothing.
    package func verify(_ reference: BlobReference) throws { try read(reference) { _ in } }

    /// The same for bytes that stand elsewhere, in a backup.
    package func verify(_ reference: BlobReference, name: String, in sealed: SealedBlob) throws {
        var reader = try BlobReader.open(sealed, name: name, store: self, reference: reference)
        try read(&reader, reference) { _ in }
    }

    package func isPresent(_ reference: BlobReference) throws -> Bool {
        try Files.exists(path(name(reference)))
    }

    func failure(_ name: String, _ reason: String) -> VaultError {
        VaultError(
            .integrityFailure, "the blob \(name) is damaged or was tampered with: \(reason)",
            hint: "restore it from a backup")
    }
}
