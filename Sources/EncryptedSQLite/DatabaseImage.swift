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

    private let database: RegisteredDatabase
    /// The root that the seal has; zeros while a checkpoint is not closed.
    private let root: [UInt8]
    private let file: Descriptor
    private let sealer: PageSealer

    init(_ database: RegisteredDatabase) throws(EncryptedDatabaseError) {
        file = try RawFiles.descriptor(of: database.path)
        guard let size = try Paths.size(database.path) else {
            throw EncryptedDatabaseError(.tampered, "\(database.path) is gone")
        }
        pageCount = UInt32(size / Int64(Layout.page))
        databaseID = database.databaseID
        let seal = try database.seal.read()
        counter = seal.counter
        root = seal.root
        self.database = database
        sealer = PageSealer(keys: database.source, databaseID: database.databaseID)
    }

    /// Page `number`, counted from 1, as it stands on disk: 4048 encrypted bytes and the trailer.
    public func ciphertext(_ number: UInt32) throws(EncryptedDatabaseError) -> [UInt8] {
        let page = try read(number)
        guard page.count == Layout.page else { throw EncryptedDatabaseError.tampered(page: number) }
        return page
    }

    /// What there is of a page on disk.
    func read(_ number: UInt32) throws(EncryptedDatabaseError) -> [UInt8] {
        try file.read(Layout.page, at: Int64(number - 1) * Int64(Layout.page))
    }

    /// Says whether these are the pages that the seal stands for.
    ///
    /// - Parameter root: over the tags of all pages (`PageRootHasher`), with the database's id and `counter`.
    /// - Throws: `rollback`, which names the pages that were put back where the list of tags can tell.
    public func requireNewest(_ root: [UInt8]) throws {
        guard root != self.root else { return }
        var state = try PageState(database)
        try eachTag { number, tag in
            try state.add(number, PageTag(bytes: Array(tag)), isIntact: true)
        }
        throw EncryptedDatabaseError.otherState(database.path, pages: try state.finish().replaced)
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
        try PageTrailers(file: file, pageCount: pageCount).each(body)
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
    func isIntact(_ page: [UInt8], number: UInt32) throws(EncryptedDatabaseError) -> Bool {
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
