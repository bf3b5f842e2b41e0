internal import FileSystem
internal import KeyRing
internal import Vault

/// The directory that a restore makes a home of, and what it was before.
struct RestoreTarget {
    let home: Home
    /// Whether it is the home that the backups belong to.
    let isOwnHome: Bool
    /// Whether a vault is there already.
    let hadVault: Bool
    /// Whether the directory was missing or empty.
    private let wasEmpty: Bool
    private let wasMissing: Bool

    /// Lays out the directory; a new home gets the configuration of the one that `backups` belongs to.
    ///
    /// - Throws: `.conflict` when it is the home of another vault.
    init(_ target: Home, of backups: VaultBackups) throws {
        home = target
        wasMissing = try !Files.exists(target.path)
        wasEmpty = try wasMissing || Files.list(target.path).isEmpty
        hadVault = try target.exists()
        let own = try Files.status(backups.home.path)
        let here = try Files.status(target.path)
        isOwnHome = own?.inode == here?.inode && own?.device == here?.device && here != nil
        if try KeyRing.exists(in: target.keysDirectory) {
            let found = try KeyRing.summary(in: target.keysDirectory).vaultID
            guard found == backups.keys.vaultID else {
                throw BackupError(
                    .conflict, "\(target.path) is the home of another vault",
                    hint: "restore into another directory")
            }
        }
        if !isOwnHome { try copyConfiguration(from: backups.home) }
        try target.makeLayout()
    }

    /// Removes what a failed restore laid out in a directory that was empty.
    func undo() throws {
        // A vault that is there now is the restored one: what failed came after the swap.
        guard wasEmpty, try !home.exists() else { return }
        if wasMissing { return try Files.removeTree(home.path) }
        for name in try Files.list(home.path) { try Files.removeTree(home.path + "/" + name) }
    }

    private func copyConfiguration(from source: Home) throws {
        guard try Files.exists(source.configDirectory) else { return }
        try Files.createDirectory(home.configDirectory)
        for name in try Files.list(source.configDirectory) where name.hasSuffix(".yaml") {
            let path = home.configDirectory + "/" + name
            guard try !Files.exists(path) else { continue }
            try Durable.replace(
                path, with: Files.readAll(source.configDirectory + "/" + name, limit: 1 << 20))
        }
    }
}
