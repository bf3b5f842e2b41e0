import ArgumentParser
import Backup
import KeyRing
import Vault

/// `backup …`.
struct BackupGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Back up, verify, restore and export the vault.",
        discussion: """
            A backup is a set of encrypted tar archives and a signed manifest in data/backups.

            EXAMPLES:
              ai-team backup create --tag before-upgrade
              ai-team backup verify --data
              ai-team backup restore 7f3k2q --target ~/restored
            """,
        subcommands: [
            BackupCreate.self, BackupList.self, BackupShow.self, BackupVerify.self, BackupRestore.self,
            BackupExportCommand.self, BackupRecipients.self, CloudGroup.self,
            BackupWriters.self, BackupOffer.self,
            BackupDiffCommand.self, BackupFind.self, BackupPrune.self, BackupSchedule.self,
        ])
}

/// `--accept-rollback`.
struct RollbackOption: ParsableArguments {
    @Flag(
        name: .customLong("accept-rollback"),
        help: "Go on although backups that were here before are gone: they were removed on purpose.")
    var isAccepted = false
}

/// `--accept-unanchored`.
struct UnanchoredOption: ParsableArguments {
    @Flag(
        name: .customLong("accept-unanchored"),
        help: "Take backups of machines without keys for which nobody vouches: they may mix states.")
    var isAccepted = false
}

extension Context {
    /// The backups of the home. Keys suffice: the vault may be locked by others, or broken.
    func backups() throws -> VaultBackups {
        let home = try existingHome()
        return VaultBackups(home: home, keys: try unlock())
    }

    /// What a member calls itself, for people.
    func deviceName(_ device: String) throws -> String? {
        let keys = try unlock()
        let member = keys.roster.members.first { $0.id.description == device }
        return try member.map { try keys.label(of: $0) }
    }
}

/// Shows the bar of whichever phase a backup or restore is in.
final class BackupBar {
    private let console: Console
    private let titles: (BackupProgress.Phase) -> String
    private var current: (phase: BackupProgress.Phase, bar: Progress)?

    /// - Parameter verb: such as `backing up`.
    init(_ verb: String, _ console: Console) {
        self.console = console
        titles = { phase in
            switch phase {
            case .database: "\(verb) the database"
            case .documents: "\(verb) documents"
            case .files: "\(verb) files"
            case .packs: verb
            }
        }
    }

    func show(_ progress: BackupProgress) {
        if current?.phase != progress.phase {
            current?.bar.finish()
            current = (progress.phase, Progress(titles(progress.phase), console: console))
        }
        current?.bar.update(done: Int64(clamping: progress.done), total: Int64(clamping: progress.total))
    }

    func finish() { current?.bar.finish() }
}
