internal import Cryptography
internal import FileSystem

/// A directory as an object store (`file:///…`): each object is a file under its name.
///
/// An object is written beside the directory's other files under a name that no object has, synced, and only
/// then named: by link(2) where none may be there yet, by rename(2) elsewhere. Puts and deletes of one store
/// exclude each other by a lock, so that a condition holds from the look to the rename.
public struct DirectoryStore: ObjectStore {
    /// Objects up to this size have the MD5 of their content for an ETag, as at S3. Those above are told
    /// apart by inode, size and times: a listing that had to read everything would be worth nothing.
    static let hashedLimit: Int64 = 1 << 16
    private static let pieceCount = 1 << 18

    let root: String

    /// - Parameter root: is made when it is missing.
    public init(_ root: String) throws {
        self.root = root
        if try !Files.exists(root) {
            try Files.createDirectory(root)
            try Durable.syncDirectory(of: root)
        }
    }

    public func head(_ name: ObjectName) throws -> ObjectInfo? { try info(name) }

    public func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        guard let info = try info(name) else { throw StorageError(.notFound, "\(name) is not there") }
        if info.etag == unless { return nil }
        let file = try File.open(path(name), .read)
        var offset = range?.lowerBound ?? 0
        let end = min(range?.upperBound ?? .max, info.size)
        guard range.map({ $0.isEmpty || $0.lowerBound < info.size }) ?? true else {
            throw StorageError(.outOfRange, "\(name) has \(info.size) bytes")
        }
        var piece = [UInt8](repeating: 0, count: Self.pieceCount)
        while offset < end {
            let wanted = Int(min(UInt64(piece.count), end - offset))
            try piece.withUnsafeMutableBytes { buffer in
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
                guard try file.read(into: part, at: Int64(offset)) == wanted else {
                    throw StorageError(.unreachable, "\(name) changed while it was read")
                }
                try sink(UnsafeRawBufferPointer(part))
            }
            offset += UInt64(wanted)
        }
        return info
    }

    public func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        if condition == .ifAbsent, try Files.exists(path(name)) {
            throw StorageError(.preconditionFailed, "\(name) is there already")
        }
        return try publish(try stage(body), name, condition)
    }

    public func delete(_ name: ObjectName) throws {
        let path = path(name)
        guard try Files.exists(path) else { return }
        let lock = try lock()
        try Durable.remove(path)
        try Durable.syncDirectory(of: path)
        lock.release()
    }

    public func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        var listing = DirectoryListing(store: self, prefix: prefix, after: after, limit: max(1, limit))
        try listing.run()
        return listing.page
    }

    // MARK: - Writing

    /// Puts a staged file under its name, if the condition holds.
    func publish(_ temporary: String, _ name: ObjectName, _ condition: PutCondition) throws -> ETag {
        let path = path(name)
        do {
            if try Files.status(path)?.kind == .directory {
                throw StorageError(.refused, "\(name) is a directory of other objects")
            }
            try makeDirectories(of: path)
            let lock = try lock()
            switch condition {
            case .none: try Durable.rename(temporary, to: path)
            case .ifMatches(let etag):
                guard try info(name)?.etag == etag else {
                    throw StorageError(.preconditionFailed, "\(name) is not that version")
                }
                try Durable.rename(temporary, to: path)
            case .ifAbsent:
                do throws(FileError) { try Durable.link(temporary, to: path) } catch {
                    guard error.isExisting else { throw error }
                    throw StorageError(.preconditionFailed, "\(name) is there already")
                }
                try Durable.remove(temporary)
            }
            try Durable.syncDirectory(of: path)
            let etag = try info(name)?.etag
            lock.release()
            guard let etag else { throw StorageError(.failed, "\(name) is gone already") }
            return etag
        } catch {
            try Durable.remove(temporary)
            throw error
        }
    }

    /// A synced file with the body, of no name yet.
    ///
    /// - Throws: `.integrity` when a body's file is not what its hash says.
    func stage(_ body: ObjectBody) throws -> String {
        let temporary = try temporaryPath()
        let file = try File.open(temporary, .createNew)
        do {
            switch body {
            case .bytes(let bytes): try file.write(bytes, at: 0)
            case .file(let path, let size, let sha256, _):
                let source = try File.open(path, .read)
                var hasher = Hasher(.sha256)
                var offset: Int64 = 0
                while case let piece = try source.read(count: Self.pieceCount, at: offset), !piece.isEmpty {
                    hasher.update(piece)
                    try file.write(piece, at: offset)
                    offset += Int64(piece.count)
                }
                guard offset == Int64(size), hasher.finalize() == sha256 else {
                    throw StorageError(.integrity, "\(path) changed while it was copied")
                }
            }
            try file.sync()
            return temporary
        } catch {
            try Durable.remove(temporary)
            throw error
        }
    }

    func temporaryPath() throws -> String {
        let directory = root + "/" + Self.ownPrefix + "new"
        try Files.createDirectory(directory)
        return directory + "/" + Hexadecimal.text(try RandomBytes.bytes(16))
    }

    /// Makes each missing directory last before anything stands in it.
    private func makeDirectories(of path: String) throws {
        guard let parent = Path.parent(path), try !Files.exists(parent) else { return }
        try makeDirectories(of: parent)
        try Files.createDirectory(parent)
        try Durable.syncDirectory(of: parent)
    }

    private func lock() throws -> FileLock {
        guard let lock = try FileLock.acquire(root + "/" + Self.ownPrefix + "lock", .exclusive, timeout: nil)
        else { throw StorageError(.throttled, "\(root) is locked") }
        return lock
    }

    // MARK: - Looking

    /// No object's name begins so: what is ours stands beside the objects.
    static let ownPrefix = ".store-"

    func path(_ name: ObjectName) -> String { root + "/" + name.text }

    /// What is under a name; nil for nothing and for what is no file.
    func info(_ name: ObjectName) throws -> ObjectInfo? {
        guard let status = try Files.status(path(name)), status.kind == .regular else { return nil }
        let etag: String
        if status.size <= Self.hashedLimit {
            var md5 = try StoreChecksum()
            try Files.readAll(path(name), limit: Int(Self.hashedLimit)).withUnsafeBytes { try md5.update($0) }
            etag = Hexadecimal.text(try md5.finalize())
        } else {
            etag = "\(status.inode)-\(status.size)-\(status.modified)-\(status.changed)"
        }
        return ObjectInfo(
            name: name, size: UInt64(status.size), etag: ETag(etag), modified: status.modified / 1_000_000)
    }
}
