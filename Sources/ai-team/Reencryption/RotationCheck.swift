import ArgumentParser
import Backup
import EncryptedSQLite
import KeyRing
import ObjectStorage
import Sync
import Vault

/// What must be so before the vault gets new keys: nothing may be left that only old ones, or nobody, can
/// read.
struct RotationCheck {
    private let context: Context
    /// Nil where there is no remote that devices meet at.
    private let session: SyncSession?

    init(_ context: Context) throws {
        self.context = context
        let configuration = try CloudConfiguration(
            home: context.existingHome(), variable: Secrets.storageVariable)
        let meets = try VaultSync.isAttached(context.vault()) && configuration.remoteIfAny() != nil
        session = meets ? try context.syncSession(RemoteOption.parse([])) : nil
    }

    /// Whether devices meet somewhere.
    var hasRemote: Bool { session != nil }

    /// - Throws: `guard` with the reason; `remote_unreachable` when the remote can't be asked.
    func run() throws {
        try askRemote()
        let vault = try context.vault()
        let pages = try vault.database.verify()
        guard pages.isIntact else {
            let number = pages.damagedPages.first.map { "page \($0)" } ?? "a frame of the log"
            throw refusal("\(number) of the database does not authenticate", "ai-team doctor lists all")
        }
        if let failure = try vault.verifyDocuments().failures.first {
            throw refusal(failure.message, failure.hint ?? "ai-team doctor names it")
        }
    }

    /// Gets and sends what there is: then all heads are fresh and the outbox is empty, or it says why not.
    private func askRemote() throws {
        guard let session else { return }
        try round(session, "the keys were not changed")
        let vault = try context.vault()
        let known = try VaultSync.overview(of: vault, keys: context.unlock())
        if let halt = known.halt { throw refusal(halt, "run ai-team sync both") }
        if known.ahead > 0 {
            throw refusal("\(counted(known.ahead, "change")) are not at the remote", "run ai-team sync both")
        }
        if known.behind > 0 {
            throw refusal(
                "\(counted(known.behind, "segment")) of others can't be read here", "run ai-team sync verify")
        }
        if try context.unlock().hasWaitingEpoch {
            throw refusal("the newest keys are not at the remote yet", "run ai-team sync both")
        }
    }

    /// Brings the record of the new keys to the remote. It is this home's already, and any later round brings
    /// it as well.
    func publish() throws {
        guard let session else { return }
        try round(session, "the keys are new here, and nothing is written under them before the others know")
    }

    private func round(_ session: SyncSession, _ state: String) throws {
        let report = try session.round(pulls: true, pushes: true).report
        context.cache.keys = session.keys
        for notice in report.notices { context.console.warn(notice) }
        if let failure = report.failure.flatMap({ Failure(describing: $0) }) {
            throw Failure(failure.code, "\(state): \(failure.message)", hint: failure.hint)
        }
        if let alarm = report.alarms.first { throw refusal("\(alarm)", "run ai-team sync verify") }
    }

    private func refusal(_ reason: String, _ hint: String) -> Failure {
        Failure(.refusedByGuard, "the keys can't be changed now: \(reason)", hint: hint)
    }
}
