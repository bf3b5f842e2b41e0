internal import Cryptography
internal import FileSystem

extension BackupStore {
    /// The manifest of that name if it has this length and MD5; nil for none.
    func copy(of name: Name, size: UInt64, md5: [UInt8]) throws -> [UInt8]? {
        let path = directory + "/" + name.description
        guard let status = try Files.status(path), status.kind == .regular, UInt64(status.size) == size
        else { return nil }
        let bytes = try manifestBytes(name)
        return try Self.md5(bytes) == md5 ? bytes : nil
    }

    /// Keeps a copy of what a remote has, in place of one that was there.
    func keep(_ name: Name, _ bytes: [UInt8]) throws {
        let path = directory + "/" + name.description
        try Files.createDirectory(Path.parent(path) ?? directory)
        try Durable.replace(path, with: bytes)
    }

    /// The checksum that stores show as an ETag.
    static func md5(_ bytes: [UInt8]) throws -> [UInt8] {
        var checksum = try StoreChecksum()
        try bytes.withUnsafeBytes { try checksum.update($0) }
        return try checksum.finalize()
    }

    /// Stores a pack that `fill` writes, under its name once it is whole and on the disk.
    func addPack(
        _ pack: PackRecord, _ fill: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let file = try PackFile(in: self)
        do {
            try fill { try file.write($0) }
            try file.commit(pack)
        } catch {
            try file.abandon()
            throw error
        }
    }

    /// Stores a manifest's bytes, as `add` does.
    func addManifest(_ name: Name, _ bytes: [UInt8]) throws {
        let path = directory + "/" + name.description
        var made = directory + "/m"
        for part in name.description.split(separator: "/").dropFirst().dropLast() {
            let parent = made
            made += "/" + part
            guard try !Files.exists(made) else { continue }
            try Files.createDirectory(made)
            try Durable.syncDirectory(parent)
        }
        try Durable.create(path, with: bytes)
    }
}
