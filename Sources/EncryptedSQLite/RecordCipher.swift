import Cryptography

/// Seals and opens the records of one kind for one connection. Not thread-safe, takes no locks, allocates
/// nothing on the way of a page: the authenticated data is laid out by hand and reused.
///
/// Every record carries a trailer: nonce 24 ‖ tag 16 ‖ epoch 4 ‖ 4 bytes of the kind's own. The authenticated
/// data is format 1 ‖ suite 1 ‖ kind 1 ‖ 0 ‖ epoch 4 ‖ database id 16 ‖ generation 8 ‖ frame 8 ‖ page 4, and
/// for page 1 its 16 clear bytes.
final class RecordCipher {
    private static let associated = 44

    let keys: KeyCache
    private let kind: RecordKind
    private let aad = UnsafeMutableRawPointer.zeroed(RecordCipher.associated + Layout.clear)
    private var epoch: UInt32 = 0
    private var cipher: XAES256GCM?
    private var others: [UInt32: XAES256GCM] = [:]
    private var nonces = NoncePool()

    init(_ kind: RecordKind, keys: KeyCache, databaseID: [UInt8]) {
        self.kind = kind
        self.keys = keys
        aad.storeBytes(of: Layout.format, as: UInt8.self)
        aad.storeBytes(of: Layout.suite, toByteOffset: 1, as: UInt8.self)
        aad.storeBytes(of: kind.rawValue, toByteOffset: 2, as: UInt8.self)
        for (index, byte) in databaseID.prefix(Layout.databaseID).enumerated() {
            aad.storeBytes(of: byte, toByteOffset: 8 + index, as: UInt8.self)
        }
    }

    deinit { aad.deallocate() }

    /// Forgets drawn nonces: the transaction has ended.
    func endTransaction() { nonces.drop() }

    /// Encrypts `count` bytes into `output` and writes nonce, tag and epoch to `trailer`. A nonce given by
    /// the caller is for restoring exactly what a backup holds and nothing else.
    @inline(__always)
    func seal(
        _ input: UnsafeRawPointer, _ count: Int, into output: UnsafeMutableRawPointer,
        trailer: UnsafeMutableRawPointer, epoch: UInt32, at position: Position,
        clear: UnsafeRawPointer? = nil, nonce: [UInt8]? = nil
    ) throws(EncryptedDatabaseError) {
        let cipher = try select(epoch, position)
        let aad = associate(epoch, position, clear)
        let place = UnsafeMutableRawBufferPointer(start: trailer, count: 24)
        do {
            if let nonce { place.copyBytes(from: nonce.prefix(24)) } else { try nonces.next(into: place) }
            try cipher.seal(
                UnsafeRawBufferPointer(start: input, count: count),
                into: UnsafeMutableRawBufferPointer(start: output, count: count),
                nonce: UnsafeRawBufferPointer(place), aad: aad,
                tag: UnsafeMutableRawBufferPointer(start: trailer + 24, count: 16))
        } catch {
            throw EncryptedDatabaseError(.io, "encryption failed: \(error.message)")
        }
        trailer.setBig32(40, epoch)
    }

    /// Decrypts into `output`, which may be where the record stands; false when it does not authenticate, and
    /// then `output` is zeros. Throws `unknownEpoch` when the ring, read anew, does not know the epoch.
    @inline(__always)
    func open(
        _ input: UnsafeRawPointer, _ count: Int, into output: UnsafeMutableRawPointer,
        trailer: UnsafeRawPointer, at position: Position, clear: UnsafeRawPointer? = nil
    ) throws(EncryptedDatabaseError) -> Bool {
        let epoch = trailer.big32(40)
        guard epoch > 0, epoch < 1 << 24 else { return false }
        let cipher = try select(epoch, position)
        let aad = associate(epoch, position, clear)
        do {
            try cipher.open(
                UnsafeRawBufferPointer(start: input, count: count),
                into: UnsafeMutableRawBufferPointer(start: output, count: count),
                nonce: UnsafeRawBufferPointer(start: trailer, count: 24), aad: aad,
                tag: UnsafeRawBufferPointer(start: trailer + 24, count: 16))
            return true
        } catch {
            guard error.code == .authenticationFailed else {
                throw EncryptedDatabaseError(.io, "decryption failed: \(error.message)")
            }
            return false
        }
    }

    @inline(__always)
    private func select(
        _ wanted: UInt32, _ position: Position
    ) throws(EncryptedDatabaseError) -> XAES256GCM {
        if wanted == epoch, let cipher { return cipher }
        return try change(wanted, position)
    }

    private func change(
        _ wanted: UInt32, _ position: Position
    ) throws(EncryptedDatabaseError) -> XAES256GCM {
        let next: XAES256GCM
        if let known = others[wanted] {
            next = known
        } else {
            do throws(EncryptedDatabaseError) {
                next = try keys.cipher(kind, epoch: wanted)
            } catch {
                guard error.code == .unknownEpoch else { throw error }
                throw EncryptedDatabaseError.unknownEpoch(wanted, at: position)
            }
        }
        others[wanted] = next
        epoch = wanted
        cipher = next
        return next
    }

    @inline(__always)
    private func associate(
        _ epoch: UInt32, _ position: Position, _ clear: UnsafeRawPointer?
    ) -> UnsafeRawBufferPointer {
        aad.setBig32(4, epoch)
        aad.setBig64(24, position.generation)
        aad.setBig64(32, UInt64(position.frame))
        aad.setBig32(40, position.page)
        guard let clear else { return UnsafeRawBufferPointer(start: aad, count: RecordCipher.associated) }
        (aad + RecordCipher.associated).copyMemory(from: clear, byteCount: Layout.clear)
        return UnsafeRawBufferPointer(start: aad, count: RecordCipher.associated + Layout.clear)
    }
}
