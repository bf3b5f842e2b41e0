internal import Cryptography
internal import FileSystem

/// A pack that is being written: it gets its name when it is whole and synced.
// SAFETY: one thread writes, and hands it over to the one that commits; never both at once.
package final class PackFile: @unchecked Sendable {
    private let file: File
    private let temporary: String
    private let store: BackupStore
    private var length: Int64 = 0

    /// Makes the temporary file.
    package init(in store: BackupStore) throws {
        self.store = store
        let name = Crockford32.encode(try RandomBytes.bytes(10))
        temporary = store.directory + "/p/.tmp-" + name
        file = try File.open(temporary, .createNew)
    }

    /// Appends.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        try file.write(bytes, at: length)
        length += Int64(bytes.count)
    }

    /// Syncs the file and gives it the pack's name.
    package func commit(_ record: PackRecord) throws {
        try file.sync()
        let path = store.packPath(record)
        let folder = Path.parent(path) ?? store.directory
        if try !Files.exists(folder) {
            try Files.createDirectory(folder)
            try Durable.syncDirectory(store.directory + "/p")
        }
        try Durable.rename(temporary, to: path)
        try Durable.syncDirectory(folder)
    }

    /// Removes the temporary file.
    package func abandon() throws { try Durable.remove(temporary) }
}
