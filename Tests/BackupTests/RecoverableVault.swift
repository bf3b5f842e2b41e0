import Backup
import Cryptography
import KeyRing
import TestSupport
import Testing
import Vault

/// A home with a recovery code, tasks and documents, and what scripts/recover.py makes of its backups.
final class RecoverableVault {
    let scratch: Scratch
    let home: Home
    private(set) var vault: Vault
    private(set) var keys: UnlockedKeys

    private let sources: String

    init() throws {
        scratch = try Scratch()
        home = Home(path: scratch.path + "/home")
        try home.makeLayout()
        let made = try KeyRing.create(
            in: home.keysDirectory, name: "test",
            secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))), time: 1)
        keys = made.keys
        vault = try Vault.create(home: home, keys: keys)
        sources = scratch.directory("sources")
        put(Array(made.recoveryCode.reveal().utf8), code)
    }

    deinit {
        do { try vault.close() } catch { Issue.record("closing the vault: \(error)") }
    }

    /// The file with the recovery code.
    var code: String { scratch.path + "/code" }

    func upload(_ name: String, _ content: [UInt8]) throws {
        put(content, sources + "/" + name)
        let report = try vault.upload([Array(name.utf8)], workingDirectory: Array(sources.utf8))
        #expect(report.failed.isEmpty)
    }

    /// - Parameter outside: a file from outside the vault that goes with it.
    @discardableResult
    func backUp(time: UInt64 = 1_790_000_000_000, outside: String? = nil) throws -> String {
        var options = VaultBackups.CreateOptions()
        options.paths = outside.map { [Array($0.utf8)] } ?? []
        return try VaultBackups(home: home, keys: keys).create(vault, options, time: time).backup.id
    }

    /// Runs the script on the backups of this home.
    func recover(_ arguments: String..., to output: String? = "out", code: String? = nil) throws -> Ended {
        var words = ["--backups", home.backupsDirectory, "--code-file", code ?? self.code]
        if let output { words += ["--to", scratch.path + "/" + output] }
        return run(
            try ProjectPython.interpreter(),
            [ProjectPython.root + "/scripts/recover.py"] + words + arguments)
    }

    /// Changes the roster.
    func change(_ edit: (UnlockedKeys) throws -> UnlockedKeys) throws { keys = try edit(keys) }

    /// The directory of documents that `backup export` makes of a backup.
    func exportedDocuments(_ id: String) throws -> String {
        let target = scratch.directory("exported")
        let report = try VaultBackups(home: home, keys: keys).export(id, to: .directory(target))
        #expect(report.failures.isEmpty)
        return target + "/documents"
    }

    /// Writes a small file and returns where it is.
    func file(_ name: String, _ text: String) throws -> String {
        put(Array(text.utf8), scratch.path + "/" + name)
        return scratch.path + "/" + name
    }

    /// The one file in a part of the store, `p` or `m`.
    func onlyFile(_ part: String) throws -> String {
        let found = run("/usr/bin/find", home.backupsDirectory + "/" + part, "-type", "f").output
        let paths = found.split(separator: "\n")
        try #require(paths.count == 1)
        return String(paths[0])
    }

    /// Replaces the recovery code, and with it the epoch and this device's keys.
    func newRecoveryCode() throws {
        try vault.close()
        let renewed = try KeyRing.newRecoveryCode(in: home.keysDirectory, keys: keys, time: 2)
        keys = renewed.keys
        vault = try Vault.open(home: home, keys: keys)
        put(Array(renewed.recoveryCode.reveal().utf8), code)
    }

    func restored(_ name: String, in output: String = "out") -> [UInt8]? {
        contents("\(scratch.path)/\(output)/\(name)")
    }

    /// The tasks as `tasks export` prints them, without what the vault works out by itself.
    func exportedTasks() throws -> [[String: JSONValue]] {
        try vault.read { vault in
            var lines: [[String: JSONValue]] = []
            try vault.exportTasks { lines.append(try Self.task($0)) }
            return lines
        }
    }

    func restoredTasks(in output: String = "out") throws -> [[String: JSONValue]] {
        let bytes = try #require(restored("tasks.jsonl", in: output))
        return try bytes.split(separator: UInt8(ascii: "\n")).map { try Self.task(Array($0)) }
    }

    private static func task(_ line: [UInt8]) throws -> [String: JSONValue] {
        let task = try #require(JSONValue(parsing: String(decoding: line, as: UTF8.self)).object)
        let derived = ["blocked", "ready", "tries", "lease_expires_at", "deleted_at"]
        return Dictionary(uniqueKeysWithValues: task.members.map { ($0.key, $0.value) })
            .filter { !derived.contains($0.key) }
    }
}
