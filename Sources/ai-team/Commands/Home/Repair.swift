import EncryptedSQLite
import KeyRing
import Vault

/// What `doctor --repair` does: what is safe by itself, and after a confirmation what loses data.
struct Repair {
    let context: Context
    let home: Home
    let yes: Bool

    /// Repairs, and says what was done.
    func run() throws -> [String] {
        let keys = try context.unlock()
        let copies = CopyRepair(context, home, keys)
        // Pages first: the log can't be judged while the database does not open.
        let pages = try ring(keys) + copies.pages()
        let done = try pages + log(keys) + state(keys) + copies.blobs()
        if !done.isEmpty {
            try context.unguardedVault().write { tx in
                for line in done { try tx.log(LogDraft(.warning, component: "doctor", line)) }
            }
        }
        return done
    }

    private func ring(_ keys: UnlockedKeys) throws -> [String] {
        let damaged = try KeyRing.summary(in: home.keysDirectory).damagedCopies
        guard !damaged.isEmpty else { return [] }
        context.cache.keys = try KeyRing.repair(
            in: home.keysDirectory, keys: keys, time: context.milliseconds)
        return ["wrote \(damaged.joined(separator: " and ")) anew from the other copy"]
    }

    private func log(_ keys: UnlockedKeys) throws -> [String] {
        let repair = try DatabaseRepair(of: home, keys: keys)
        let result = Result { try cut(repair) }
        repair.end()
        let found: LogDamage?
        do { found = try result.get() } catch let error as EncryptedDatabaseError {
            // The whole database is an older one: that is asked about next.
            guard error.code == .rollback else { throw error }
            return []
        }
        guard let damage = found else { return [] }
        return [
            "cut the database's log behind frame \(damage.keptFrames) of \(damage.frames): \(damage.reason)"
        ]
    }

    /// A state that is older than what was seen before can be taken for the newest one, if a person says so.
    private func state(_ keys: UnlockedKeys) throws -> [String] {
        guard let damage = try StateRepair.damage(of: home, keys: keys) else { return [] }
        context.console.warn(damage)
        context.console.warn(
            "what was written after this state is not in it; a backup or another device may have it")
        try Confirmation.require("go on with this state as the newest?", yes: yes)
        try StateRepair.accept(home, keys: keys, agent: Agent.client(of: home))
        return ["took an older state of the database for the newest: \(damage)"]
    }

    /// - Returns: what was cut; nil when the log is whole.
    private func cut(_ repair: borrowing DatabaseRepair) throws -> LogDamage? {
        guard let damage = try repair.damage() else { return nil }
        context.console.warn(damage.reason)
        guard damage.canBeCut else {
            throw Failure(
                .integrityFailure, "\(damage.reason); pages that belong to it are in the database already",
                hint: "the log can't be cut: restore from a backup")
        }
        let lost = counted(Int(damage.lostTransactions), "transaction")
        context.console.warn(
            "whole are \(damage.keptFrames) of \(counted(Int(damage.frames), "frame")) of the log; "
                + "behind them at least \(lost) would be lost for good")
        try Confirmation.require("cut the log there?", yes: yes)
        try repair.cut()
        return damage
    }
}
