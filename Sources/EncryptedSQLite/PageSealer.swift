import Cryptography

/// Opens and seals pages of one database outside of SQLite: for backups, which keep plaintext pages under
/// their own encryption, and for restores, which must give back exactly the page that the backup's map names.
public final class PageSealer {
    /// Bytes of a page on disk, and of what SQLite sees of it before the trailer.
    public static let pageCount = 4096, bodyCount = 4048
    /// The page that does not exist: SQLite's lock bytes stand there.
    public static let lockPage: UInt32 = Layout.lockPage

    private let keys: KeyCache
    private let databaseID: [UInt8]
    private let cipher: RecordCipher
    /// A second one, so that a page can go from one epoch to another without looking for keys twice.
    private let other: RecordCipher

    /// A sealer for the database with this id. Not thread-safe, and not `Sendable`.
    public init(keys: any DatabaseKeySource, databaseID: [UInt8]) {
        self.keys = KeyCache(keys)
        self.databaseID = databaseID
        cipher = RecordCipher(.page, keys: self.keys, databaseID: databaseID)
        other = RecordCipher(.page, keys: self.keys, databaseID: databaseID)
    }

    /// Decrypts page `number` as it stands on disk into 4096 bytes as SQLite sees them (48 zeros at the end).
    /// Throws `tampered` with the page's number.
    public func open(_ ciphertext: [UInt8], number: UInt32) throws(EncryptedDatabaseError) -> [UInt8] {
        guard ciphertext.count == Layout.page else { throw EncryptedDatabaseError.tampered(page: number) }
        var page = ciphertext
        let isOpen = try page.withBytes { bytes throws(EncryptedDatabaseError) in
            let trailer = bytes + Layout.body
            guard UnsafeRawPointer(trailer).isZero(44..<48) else { return false }
            let skipped = number == 1 ? Layout.clear : 0
            guard
                try cipher.open(
                    bytes + skipped, Layout.body - skipped, into: bytes + skipped, trailer: trailer,
                    at: Position(page: number), clear: number == 1 ? UnsafeRawPointer(bytes) : nil)
            else { return false }
            if number == 1 { bytes.copyMemory(from: PlainHeader.bytes, byteCount: 16) }
            trailer.zero(0, Layout.trailer)
            return true
        }
        guard isOpen == true else { throw EncryptedDatabaseError.tampered(page: number) }
        return page
    }

    /// Encrypts page `number` under exactly the epoch and nonce of `tag` and demands that tag: the result
    /// is the very page that the tag was taken from, or `tampered` is thrown. Without `tag`, under the
    /// current epoch of `epoch` and a fresh nonce.
    public func seal(
        _ plain: [UInt8], number: UInt32, as tag: PageTag
    ) throws(EncryptedDatabaseError) -> [UInt8] {
        guard plain.count == Layout.page else { throw EncryptedDatabaseError.tampered(page: number) }
        var page = plain
        let epoch = tag.epoch
        let clear = number == 1 ? try header(epoch) : []
        try page.withBytes { bytes throws(EncryptedDatabaseError) in
            let trailer = bytes + Layout.body
            guard UnsafeRawPointer(bytes).isZero(Layout.body..<Layout.page) else {
                throw EncryptedDatabaseError.tampered(page: number)
            }
            let skipped = clear.count
            for (index, byte) in clear.enumerated() {
                bytes.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            try cipher.seal(
                bytes + skipped, Layout.body - skipped, into: bytes + skipped, trailer: trailer,
                epoch: epoch,
                at: Position(page: number), clear: number == 1 ? UnsafeRawPointer(bytes) : nil,
                nonce: tag.nonce)
        }
        guard PageTag(ciphertext: page) == tag else { throw EncryptedDatabaseError.tampered(page: number) }
        return page
    }

    /// Encrypts page `number`, 4,096 bytes as they stand on disk, anew where it stands, under `epoch` and a
    /// fresh nonce. Throws `tampered` with the page's number when it does not authenticate.
    func seal(
        anew page: UnsafeMutableRawPointer, number: UInt32, epoch: UInt32
    ) throws(EncryptedDatabaseError) {
        let trailer = page + Layout.body
        let skipped = number == 1 ? Layout.clear : 0
        let (body, count) = (page + skipped, Layout.body - skipped)
        let position = Position(page: number)
        guard UnsafeRawPointer(trailer).isZero(44..<48),
            try cipher.open(
                body, count, into: body, trailer: trailer, at: position,
                clear: number == 1 ? UnsafeRawPointer(page) : nil)
        else { throw EncryptedDatabaseError.tampered(page: number) }
        if number == 1 {
            UnsafeMutableRawBufferPointer(start: page, count: Layout.clear).copyBytes(from: try header(epoch))
        }
        try other.seal(
            body, count, into: body, trailer: trailer, epoch: epoch, at: position,
            clear: number == 1 ? UnsafeRawPointer(page) : nil)
    }

    /// Forgets drawn nonces.
    func endBatch() { other.endTransaction() }

    private func header(_ epoch: UInt32) throws(EncryptedDatabaseError) -> [UInt8] {
        try RegisteredDatabase.clearHeader(keys: keys, databaseID: databaseID, epoch: epoch)
    }
}

extension [UInt8] {
    /// The bytes at a raw address, for the time of `body`; nil for an empty array.
    mutating func withBytes<R, E: Error>(_ body: (UnsafeMutableRawPointer) throws(E) -> R) throws(E) -> R? {
        let result = withUnsafeMutableBytes { buffer -> Result<R, E>? in
            guard let start = buffer.baseAddress else { return nil }
            do throws(E) {
                return .success(try body(start))
            } catch {
                return .failure(error)
            }
        }
        return try result?.get()
    }
}
