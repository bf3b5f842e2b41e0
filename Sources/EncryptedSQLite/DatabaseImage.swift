import Synchronization

/// The main file at one commit, for as long as the snapshot lock is held: writers go on in the log, and
/// nobody copies the log into the file.
public final class DatabaseImage {
    /// Pages in the file; the lock page (`PageSealer.lockPage`) counts and does not exist.
    public let pageCount: UInt32
    /// The database's id, 16 bytes.
    public let databaseID: [UInt8]
    /// The seal's counter: one more for each checkpoint that wrote.
    public let counter: UInt64

    private let file: Descriptor
    private let sealer: PageSealer

    init(_ database: RegisteredDatabase) throws(EncryptedDatabaseError) {
        file = try RawFiles.descriptor(of: database.path)
        guard let size = try Paths.size(database.path) else {
            throw EncryptedDatabaseError(.tampered, "\(database.path) is gone")
        }
        pageCount = UInt32(size / Int64(Layout.page))
        databaseID = database.databaseID
        counter = try database.seal.read().counter
        sealer = PageSealer(keys: database.source, databaseID: database.databaseID)
    }

    /// Page `number`, counted from 1, as it stands on disk: 4048 encrypted bytes and the trailer.
    public func ciphertext(_ number: UInt32) throws(EncryptedDatabaseError) -> [UInt8] {
        let page = try file.read(Layout.page, at: Int64(number - 1) * Int64(Layout.page))
        guard page.count == Layout.page else { throw EncryptedDatabaseError.tampered(page: number) }
        return page
    }

    /// Page `number` as SQLite sees it, 4096 bytes with 48 zeros at the end; throws `tampered` with the
    /// number.
    public func plaintext(_ number: UInt32) throws(EncryptedDatabaseError) -> [UInt8] {
        try sealer.open(try ciphertext(number), number: number)
    }

    /// The tag of page `number`; `PageTag.none` for the lock page.
    public func tag(_ number: UInt32) throws(EncryptedDatabaseError) -> PageTag {
        number == Layout.lockPage ? .none : PageTag(ciphertext: try ciphertext(number))
    }

    /// Hands out the tags of all pages in order, as 44 bytes: epoch 4 ‖ nonce 24 ‖ tag 16, zeros for the lock
    /// page. Nothing is decrypted: a page whose tag was seen before is the same page.
    public func eachTag(_ body: (UInt32, UnsafeRawBufferPointer) throws -> Void) throws {
        // Small enough to stay in a core's cache: all that is wanted of a page are its last bytes.
        let batch = 32
        var bytes = [UInt8](repeating: 0, count: batch * Layout.page)
        var row = [UInt8](repeating: 0, count: PageTag.count)
        var number: UInt32 = 1
        while number <= pageCount {
            let count = min(batch, Int(pageCount - number) + 1)
            let offset = Int64(number - 1) * Int64(Layout.page)
            try bytes.withUnsafeMutableBytes { pages in
                let wanted = UnsafeMutableRawBufferPointer(rebasing: pages[..<(count * Layout.page)])
                guard try file.read(into: wanted, at: offset) == wanted.count else {
                    throw EncryptedDatabaseError.tampered(page: number)
                }
                for index in 0..<count {
                    let trailer = (index + 1) * Layout.page - Layout.trailer
                    if number == Layout.lockPage {
                        row = PageTag.none.bytes
                    } else {
                        for i in 0..<4 { row[i] = pages[trailer + 40 + i] }
                        for i in 0..<40 { row[4 + i] = pages[trailer + i] }
                    }
                    try row.withUnsafeBytes { try body(number, $0) }
                    number += 1
                }
            }
        }
    }

    /// Hands out the file as it stands on disk, up to 256 pages at a time with the number of the first, after
    /// each was authenticated; zeros for the lock page.
    ///
    /// - Throws: `tampered` with a page's number; what `body` throws.
    public func eachCiphertext(_ body: (UInt32, [UInt8]) throws -> Void) throws {
        var number: UInt32 = 1
        while number <= pageCount {
            let count = min(256, Int(pageCount - number) + 1)
            let bytes = try file.read(
                count * Layout.page, at: Int64(number - 1) * Int64(Layout.page))
            guard bytes.count == count * Layout.page else {
                throw EncryptedDatabaseError.tampered(page: number)
            }
            for index in 0..<count where number + UInt32(index) != Layout.lockPage {
                let page = Array(bytes[index * Layout.page..<(index + 1) * Layout.page])
                _ = try sealer.open(page, number: number + UInt32(index))
            }
            try body(number, bytes)
            number += UInt32(count)
        }
    }

    /// The tags of all pages.
    public func map() throws(EncryptedDatabaseError) -> PageMap {
        var tags: [PageTag] = []
        tags.reserveCapacity(Int(pageCount))
        for index in 0..<pageCount { tags.append(try tag(index + 1)) }
        return PageMap(databaseID: databaseID, counter: counter, tags: tags)
    }

    /// Whether a page authenticates. The lock page does when it holds nothing.
    func isIntact(_ number: UInt32) throws(EncryptedDatabaseError) -> Bool {
        let page = try file.read(Layout.page, at: Int64(number - 1) * Int64(Layout.page))
        if number == Layout.lockPage { return page.allSatisfy { $0 == 0 } }
        do throws(EncryptedDatabaseError) {
            _ = try sealer.open(page, number: number)
            return true
        } catch {
            guard error.code == .tampered || error.code == .unknownEpoch else { throw error }
            return false
        }
    }
}

/// Descriptors of main files that are never closed: closing one would drop the POSIX locks that SQLite
/// holds on the same file in this process, and the next acknowledged commit could be lost.
enum RawFiles {
    private static let open = Mutex<[String: Descriptor]>([:])

    static func descriptor(of path: String) throws(EncryptedDatabaseError) -> Descriptor {
        try descriptor(of: path, isWritable: false)
    }

    /// For who writes pages in place under the snapshot lock.
    static func writable(_ path: String) throws(EncryptedDatabaseError) -> Descriptor {
        try descriptor(of: path, isWritable: true)
    }

    private static func descriptor(
        of path: String, isWritable: Bool
    ) throws(EncryptedDatabaseError) -> Descriptor {
        let name = "\(path)#\(try Paths.identity(path))#\(isWritable)"
        if let known = open.withLock({ $0[name] }) { return known }
        let file = try Descriptor(path, readOnly: !isWritable)
        return open.withLock { files in
            // Two threads may come here at once; neither descriptor may close.
            if files[name] != nil { files["\(name)#\(file.number)"] = file } else { files[name] = file }
            return file
        }
    }
}
