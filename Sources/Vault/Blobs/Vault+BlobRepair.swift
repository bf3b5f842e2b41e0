internal import FileSystem

extension Vault {
    /// Puts a copy of a blob's file in the place of a damaged or lost one, once it was read whole and proved
    /// to have the content that the record names.
    ///
    /// - Parameter copy: gives the file's bytes in order.
    /// - Returns: false when the copy is something else; then nothing was changed.
    public func repair(
        _ blob: StoredBlob, from copy: @escaping (_ sink: ([UInt8]) throws -> Void) throws -> Void
    ) throws -> Bool {
        try keepingTemporaries {
            let incoming: IncomingBlob
            do {
                incoming = try receive(blob.reference) { _, sink in
                    try copy { bytes in try bytes.withUnsafeBytes { try sink($0) } }
                }
            } catch let error as VaultError {
                guard error.code == .integrityFailure else { throw error }
                return false
            }
            guard let temporary = incoming.staged.temporary else { return true }
            let parent = Path.parent(blob.path) ?? blobs.directory
            try Files.createDirectory(parent)
            // The bytes, then the name: a crash leaves the damaged file or the whole one.
            try File.open(temporary, .read).sync()
            try Durable.rename(temporary, to: blob.path)
            try Durable.syncDirectory(parent)
            return true
        }
    }
}
