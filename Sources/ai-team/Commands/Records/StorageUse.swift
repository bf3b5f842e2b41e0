import FileSystem
import Vault

/// What the files of a home take on disk, in bytes. Nothing is opened for it, so it works while locked.
struct StorageUse {
    let databaseBytes: Int64
    let documentBytes: Int64
    private(set) var backupBytes: Int64 = 0
    /// How many manifests there are: `m/<writer>/<incarnation>/<sequence>`.
    private(set) var backups = 0
    /// When the newest manifest was written, by its file's time.
    private(set) var lastBackup: Timestamp?
    /// When backups were shipped last.
    let lastShipment: Timestamp?

    init(of home: Home) throws {
        databaseBytes = try Self.sum(home.databaseDirectory)
        documentBytes = try Self.sum(home.documentsDirectory)
        lastShipment = try RemoteDeed.shipped.last(in: home)
        backupBytes = try Self.sum(home.backupsDirectory)
        try count(home.backupsDirectory + "/m", depth: 3)
    }

    private mutating func count(_ path: String, depth: Int) throws {
        guard let status = try Files.status(path) else { return }
        if depth > 0 {
            guard status.kind == .directory else { return }
            for name in try Files.list(path) { try count("\(path)/\(name)", depth: depth - 1) }
        } else if status.kind == .regular, UInt64(path.suffix(16)) != nil {
            backups += 1
            let time = Timestamp(milliseconds: status.modified / 1_000_000)
            lastBackup = max(lastBackup ?? time, time)
        }
    }

    private static func sum(_ path: String) throws -> Int64 {
        guard let status = try Files.status(path) else { return 0 }
        guard status.kind == .directory else { return status.size }
        return try Files.list(path).reduce(0) { try $0 + sum("\(path)/\($1)") }
    }
}
