import Backup
import Cryptography
import FileSystem
import KeyRing
import Vault

/// Backups and restores that end by kill -9 at a chosen change to the file system.
enum BackupWorker {
    /// `backup-create HOME N`: makes a backup, and dies before the N-th change; 0: never. Says how many
    /// changes it made.
    static func create(_ arguments: [String]) throws {
        let (home, keys) = try opened(arguments)
        let vault = try Vault.open(home: home, keys: keys)
        let made = try dying(arguments[1]) {
            try VaultBackups(home: home, keys: keys).create(vault, time: 1_800_000_000_000)
        }
        print("made \(made.backup.id)")
        try vault.close()
    }

    /// `backup-offer HOME N DIR`.
    static func offer(_ arguments: [String]) throws {
        let (home, keys) = try opened(arguments)
        let vault = try Vault.open(home: home, keys: keys)
        let report = try dying(arguments[1]) {
            try VaultBackups(home: home, keys: keys).offer(vault, in: arguments[2], time: 1_800_000_000_000)
        }
        print("offered \(report.pages)")
        try vault.close()
    }

    /// `backup-restore HOME N ID`.
    static func restore(_ arguments: [String]) throws {
        let (home, keys) = try opened(arguments)
        let report = try dying(arguments[1]) {
            try VaultBackups(home: home, keys: keys).restore(arguments[2], time: 1_800_000_000_001)
        }
        print("restored \(report.incarnation)")
    }

    /// `backup-prune HOME N COUNT`: keeps the newest COUNT.
    static func prune(_ arguments: [String]) throws {
        let (home, keys) = try opened(arguments)
        let backups = VaultBackups(home: home, keys: keys)
        var policy = RetentionPolicy()
        policy.last = Int(arguments[2]) ?? 0
        var options = VaultBackups.PruneOptions(policy)
        options.allowsMassDeletion = true
        let plan = try backups.planPrune(options, time: 1_900_000_000_000)
        let report = try dying(arguments[1]) {
            try backups.prune(plan, options, time: 1_900_000_000_000)
        }
        print("removed \(report.removed.count)")
    }

    static func opened(_ arguments: [String]) throws -> (Home, UnlockedKeys) {
        let home = Home(path: arguments[0])
        let secret = try SlotSecret.keyFile(SecretBytes(copying: [UInt8](repeating: 5, count: 32)))
        return (home, try KeyRing.open(in: home.keysDirectory, with: secret))
    }

    static func dying<R>(_ text: String, _ body: () throws -> R) throws -> R {
        Death.at(Int(text) ?? 0)
        let result = try body()
        print("changes \(Death.averted())")
        return result
    }
}
