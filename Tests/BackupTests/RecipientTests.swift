import Backup
import KeyRing
import TestSupport
import Testing
import Vault

/// Backups that somebody outside the vault can read.
@Suite struct RecipientTests {
    private static let publicKey = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
    private static let identity =
        "# created: today\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n"
    private let made: RecoverableVault
    private let key: [UInt8]

    init() throws {
        made = try RecoverableVault()
        key = try #require(BackupRecipient.key(Self.publicKey))
        try made.vault.write { tx in
            for i in 0..<400 { _ = try tx.createTask(TaskDraft(title: "task \(i)")) }
        }
        try made.upload("a.md", Array("text".utf8))
    }

    /// What the recipient can read of a backup: the number of its tasks, or nil.
    private func read(_ backup: String, vault: String? = nil) throws -> (tasks: Int?, said: String) {
        let target = "read-\(backup.suffix(6))"
        let ended = run(
            try ProjectPython.interpreter(),
            [
                ProjectPython.root + "/scripts/recover.py", "--backups", made.home.backupsDirectory,
                "--identity-file", try made.file("identity", Self.identity), "--vault",
                vault ?? made.keys.vaultID.description, "--backup", backup, "--to",
                made.scratch.path + "/" + target,
            ])
        guard ended.status == 0 else { return (nil, ended.output) }
        #expect(made.restored("documents/a.md", in: target) == nil)
        return (try made.restoredTasks(in: target).count, ended.output)
    }

    @Test func theyReadWhatIsWrappedToThemAndNoDocuments() throws {
        let before = try made.backUp(time: 1_790_000_000_000)
        try made.change { try KeyRing.addBackupRecipient(
            key, name: "稽核", in: made.home.keysDirectory, keys: $0, time: 5) }
        #expect(try made.keys.roster.backupRecipients.map { try made.keys.label(of: $0) } == ["稽核"])
        try made.vault.write { _ = try $0.createTask(TaskDraft(title: "one more")) }
        // Incremental: most of it stands in packs from before there was a recipient.
        let with = try made.backUp(time: 1_790_000_000_001)
        try made.change { try KeyRing.removeBackupRecipient(
            made.keys.roster.backupRecipients[0].id, in: made.home.keysDirectory, keys: $0, time: 6) }
        let after = try made.backUp(time: 1_790_000_000_002)

        let read = try read(with)
        #expect(read.tasks == 401 && read.said.contains("1 documents, sealed to the vault"), "\(read.said)")
        for other in [before, after] {
            let refused = try self.read(other)
            #expect(refused.tasks == nil && refused.said.contains("not wrapped to this key"))
        }
        let stranger = try self.read(with, vault: String(repeating: "0", count: 52))
        #expect(stranger.tasks == nil && stranger.said.contains("another vault"))
        // The vault itself goes on reading all of them.
        #expect(try VaultBackups(home: made.home, keys: made.keys).verify(data: true).problems.isEmpty)
    }

    @Test func aKeyIsTakenOnceAndOnlyAKey() throws {
        try made.change { try KeyRing.addBackupRecipient(
            key, name: "a", in: made.home.keysDirectory, keys: $0, time: 5) }
        let error = #expect(throws: KeyError.self) {
            try KeyRing.addBackupRecipient(
                key, name: "b", in: made.home.keysDirectory, keys: made.keys, time: 6)
        }
        #expect(error?.code == .conflict)
        #expect(BackupRecipient.key("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwx") == nil)
        #expect(BackupRecipient.key("ssh-ed25519 AAAA") == nil)
    }
}
