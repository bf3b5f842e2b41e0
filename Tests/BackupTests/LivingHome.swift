import Backup
import Cryptography
import KeyRing
import Vault

/// A home with a vault, unlocked by a key file.
final class LivingHome {
    let scratch: Scratch
    let home: Home
    let keys: UnlockedKeys
    let code: RecoveryCode

    static func secret(_ byte: UInt8 = 5) throws -> SlotSecret {
        try .keyFile(SecretBytes(copying: Array(repeating: byte, count: 32)))
    }

    init() throws {
        scratch = try Scratch()
        home = Home(path: scratch.path + "/home")
        try home.makeLayout()
        let made = try KeyRing.create(
            in: home.keysDirectory, name: "test", secret: Self.secret(), time: 1)
        keys = made.keys
        code = made.recoveryCode
        try Vault.create(home: home, keys: keys).close()
    }

    var backups: VaultBackups { VaultBackups(home: home, keys: keys) }

    func open() throws -> Vault { try Vault.open(home: home, keys: keys) }

    /// Opens the vault for one piece of work.
    func use<R>(_ body: (Vault) throws -> R) throws -> R {
        let vault = try open()
        let result = try body(vault)
        try vault.close()
        return result
    }

    func addTasks(_ count: Int, to vault: Vault) throws {
        try vault.write { tx in
            for i in 0..<count { _ = try tx.createTask(TaskDraft(title: "task \(i) 任務")) }
        }
    }

    /// Uploads a file that lies beside the home.
    func upload(_ name: String, to vault: Vault) throws {
        _ = try vault.upload([Array(name.utf8)], workingDirectory: Array(scratch.path.utf8))
    }

    /// All tasks and documents, contents too, as text: two homes with the same are equal.
    static func contents(of home: Home, keys: UnlockedKeys) throws -> [String] {
        let vault = try Vault.open(home: home, keys: keys)
        var lines: [String] = []
        for task in try vault.read({ try $0.tasks(TaskFilter()).items }) {
            lines.append("\(task.id) \(task.title) \(task.status)")
        }
        for document in try vault.read({ try $0.documents().items }) {
            var bytes: [UInt8] = []
            try vault.readDocument(document.id, version: nil) { bytes += Array($0) }
            lines.append("\(document.id) \(document.name) \(bytes)")
        }
        try vault.close()
        return lines.sorted()
    }

    func logs(of home: Home, _ keys: UnlockedKeys) throws -> [LogRecord] {
        let vault = try Vault.open(home: home, keys: keys)
        let lines = try vault.read { try $0.logs() }
        try vault.close()
        return lines
    }

    func contents() throws -> [String] {
        try Self.contents(of: home, keys: KeyRing.open(in: home.keysDirectory, with: Self.secret()))
    }
}
