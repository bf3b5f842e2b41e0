import ArgumentParser
import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// `doctor`'s look at the remote: is it there, is it this vault's, and does it show what it should? A pull
/// that is taken back.
struct RemoteCheck {
    private let context: Context
    private let home: Home

    init(_ context: Context, _ home: Home) {
        self.context = context
        self.home = home
    }

    func run() throws -> String {
        let configuration = try CloudConfiguration(home: home, variable: Secrets.storageVariable)
        guard let url = try configuration.remoteIfAny() else { return "skipped: none is configured" }
        if case .bucket = url, try context.mode() == .local {
            return "skipped: mode is local (ai-team doctor --mode auto asks \(url))"
        }
        let keys = try context.unlock()
        let vault = try context.unguardedVault()
        let store = try context.cloud(RemoteOption.parse([])).store
        guard try VaultSync.isAttached(vault) else {
            // Backups alone may go there. That it answers is all that there is to see.
            return try store.store.head(SyncName.genesis.objectName(vault: keys.vaultID)) == nil
                ? "\(url) answers, nothing is synced there" : "\(url) answers, this home never synced with it"
        }
        let plan = try SyncPlan(
            vault: vault, home: home, keys: keys, store: store.store, pulls: true, pushes: false,
            looksAtAll: true, now: Surroundings.system.now().milliseconds)
        if let alarm = plan.alarms.first { throw Failure(.integrityFailure, "\(alarm)") }
        if let failure = plan.failure { throw failure }
        let waiting = plan.incoming?.segments ?? 0
        return "\(url) has this vault, all heads are as they should be, "
            + (waiting == 0 ? "nothing new" : "\(counted(waiting, "segment")) to pull") + clock(store)
    }

    private func clock(_ store: OpenStore) -> String {
        let trust = ClockTrust(
            storeAhead: store.clockDifference, heads: [], now: context.milliseconds)
        return trust.warning.map { "; " + $0 } ?? ""
    }
}
