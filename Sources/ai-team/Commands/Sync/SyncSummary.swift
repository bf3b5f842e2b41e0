import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// What `status` and `stats` say about syncing, without asking anybody.
struct SyncSummary {
    private let remote: String?
    /// Nil while the vault is locked, or can't be opened.
    private let overview: SyncOverview?
    private let conflicts: Int?

    /// - Parameter keys: nil while the vault is locked.
    init(_ context: Context, _ home: Home, _ keys: UnlockedKeys?) throws {
        let configuration = try CloudConfiguration(home: home, variable: Secrets.storageVariable)
        remote = try configuration.remoteIfAny()?.description
        var found: (SyncOverview, Int)?
        if let keys {
            do {
                let vault = try context.unguardedVault()
                found = (
                    try VaultSync.overview(of: vault, keys: keys),
                    try vault.read { try $0.conflicts().count }
                )
            } catch {
                // Whoever asks how things are gets an answer as long as there is a home.
                context.console.warn(
                    "the vault can't be read: \(Failure(describing: error)?.message ?? "\(error)")")
            }
        }
        overview = found?.0
        conflicts = found?.1
    }

    func write(to writer: inout JSONWriter) {
        writer.field("remote", remote)
        writer.field("ahead", overview.map { remote == nil ? 0 : $0.ahead })
        writer.field("behind", overview?.behind)
        writer.field("conflicts", conflicts)
        writer.field("last_push_at", overview?.lastPush)
        writer.field("last_pull_at", overview?.lastPull)
        writer.field("alarms", overview?.alarms.count)
    }

    /// For people.
    var line: String {
        guard let remote else { return "no remote" + open }
        guard let overview else { return remote }
        let last = [overview.lastPush, overview.lastPull].compactMap { $0 }.max()
        let waiting = overview.ahead == 0 ? "nothing waits" : "\(overview.ahead) to send"
        return "\(remote), \(waiting)" + (overview.behind > 0 ? ", \(overview.behind) not applied" : "")
            + (last.map { ", the last exchange at \($0.short)" } ?? ", never used") + open
            + (overview.alarms.isEmpty ? "" : ", " + counted(overview.alarms.count, "alarm"))
    }

    private var open: String {
        guard let conflicts, conflicts > 0 else { return "" }
        return ", " + counted(conflicts, "conflict")
    }
}
