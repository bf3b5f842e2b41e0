internal import Cryptography
internal import FileSystem
internal import KeyRing

/// Keys of its own objects that a machine without a vault's keys keeps, to build the next backup on the last:
/// those of manifests' encrypted parts and of packs that hold lists. Those of packs with pages, documents and
/// files it forgets at once.
///
/// `keys/kept/<name>` is a wrap under the machine's home key "kept-keys", AAD = kind ‖ id. What is missing or
/// does not open costs a full backup, nothing else.
struct KeptKeys: Sendable {
    private let directory: String
    private let identity: WriterIdentity

    init(_ keysDirectory: String, _ identity: WriterIdentity) {
        directory = keysDirectory + "/kept"
        self.identity = identity
    }

    private func key() throws -> SecretBytes { try identity.homeKey(KeyPurpose(rawValue: "kept-keys")) }

    private static func name(_ kind: ObjectKey.Kind, _ id: [UInt8]) -> String {
        kind == .pack ? "pack-" + Crockford32.encode(id) : BackupIndex.idText(id)
    }

    func keep(_ secret: borrowing SecretBytes, _ kind: ObjectKey.Kind, id: [UInt8]) throws {
        try Files.createDirectory(directory)
        let wrap = try Wrap.seal(secret, under: key(), aad: kind.bytes + id)
        try Durable.replace(directory + "/" + Self.name(kind, id), with: wrap)
    }

    /// - Throws: `.locked` when it is not kept, `.integrity` when it was changed.
    func open(_ kind: ObjectKey.Kind, id: [UInt8], object: String) throws -> SecretBytes {
        let path = directory + "/" + Self.name(kind, id)
        guard try Files.exists(path) else {
            throw BackupError(
                .locked, "this machine can't open it: it only writes backups", object: object)
        }
        do {
            let wrap = try Files.readAll(path, limit: 1024)
            return try Wrap.open(wrap, under: key(), aad: kind.bytes + id)
        } catch let error as CryptoError {
            throw BackupError.integrity(path, error.message)
        }
    }

    /// Forgets the keys of what is there no longer.
    func sweep(keeping index: BackupIndex) throws {
        guard try Files.exists(directory) else { return }
        let packs = Set(index.packs.map { Self.name(.pack, $0) })
        let backups = Set(index.entries.map(\.id))
        for name in try Files.list(directory) where !packs.contains(name) && !backups.contains(name) {
            try Durable.remove(directory + "/" + name)
        }
    }
}
