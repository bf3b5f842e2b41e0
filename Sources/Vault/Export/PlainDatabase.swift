public import EncryptedSQLite
internal import FileSystem
internal import GRDB

/// The vault's tables as an SQLite file that any sqlite3 opens: without search indexes, triggers and what
/// only this program's own workings need. Its pages are decrypted one by one; nothing plain is on a disk
/// unless whoever reads it puts it there.
public struct PlainDatabase {
    private let image: DatabaseImage

    /// Bytes of the file.
    public var count: Int64 { Int64(image.pageCount) * Int64(PageSealer.pageCount) }

    fileprivate init(_ image: DatabaseImage) { self.image = image }

    /// Hands out the file's bytes in order.
    public func read(_ emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        for number in 1...max(1, image.pageCount) {
            var page = [UInt8](repeating: 0, count: PageSealer.pageCount)
            if number != PageSealer.lockPage { page = try image.plaintext(number) }
            if number == 1 {
                // A file without a log beside it: read and write version 1 (SQLite file format, 1.3.3).
                page[18] = 1
                page[19] = 1
            }
            try page.withUnsafeBytes(emit)
        }
    }
}

extension Vault {
    /// Copies the tables, as they are at one moment, into an encrypted database in `directory` and lends it,
    /// decrypted. The copy goes when `body` returns.
    ///
    /// - Parameter directory: is made; a directory of that name that is there already goes first.
    /// - Throws: what stands behind damage in the database, or a full disk.
    public func withPlainDatabase<R>(
        keys: any DatabaseKeySource, in directory: String, _ body: (PlainDatabase) throws -> R
    ) throws -> R {
        try Files.removeTree(directory)
        try Files.createDirectory(directory)
        do {
            let path = directory + "/copy.db"
            try EncryptedDatabase.create(at: path, keys: keys) { writer in
                try writer.write { target in
                    try read { tx in try TableCopy.copy(from: tx.db, to: target) }
                }
            }
            let copy = try EncryptedDatabase.open(at: path, keys: keys)
            let result = Result { try copy.withSnapshot { try body(PlainDatabase($0)) } }
            try copy.close()
            try Files.removeTree(directory)
            return try result.get()
        } catch {
            try Files.removeTree(directory)
            throw error
        }
    }
}
