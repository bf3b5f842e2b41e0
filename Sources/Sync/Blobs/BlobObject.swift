internal import Cryptography
internal import FileSystem
internal import ObjectStorage
internal import Vault

/// A blob as an object of the remote.
enum BlobObject {
    /// The name of the object that is called `blob` in the vault, or is one of its other names.
    static func name(_ blob: String) throws(SyncError) -> ObjectName {
        guard let name = ObjectName("\(SyncName.root)b/\(blob.prefix(2))/\(blob)") else {
            throw .integrity("a blob", "it has no name")
        }
        return name
    }

    /// Files up to this length are read once and sent from memory.
    private static let memoryLimit = 1 << 20

    /// What is sent: the file of the vault, byte for byte.
    static func body(_ path: String, size: Int64) throws -> ObjectBody {
        guard size > memoryLimit else { return .bytes(try Files.readAll(path, limit: memoryLimit)) }
        let file = try File.open(path, .read)
        var sha256 = Hasher(.sha256)
        var md5 = try StoreChecksum()
        var offset: Int64 = 0
        while case let piece = try file.read(count: 1 << 18, at: offset), !piece.isEmpty {
            sha256.update(piece)
            try piece.withUnsafeBytes { try md5.update($0) }
            offset += Int64(piece.count)
        }
        return .file(
            path: path, size: UInt64(offset), sha256: sha256.finalize(), md5: try md5.finalize())
    }
}
