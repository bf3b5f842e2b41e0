import KeyRing
import Sync
import Vault

extension Context {
    /// The recovery code of --recovery-code-file, where it agrees to what takes two; it has opened this home,
    /// too. Nil without the option.
    func agreeingCode() throws -> RecoveryCode? {
        try options.recoveryCodeFile.map(SecretSource.recoveryCode)
    }

    /// Changes the keys of the home, which other processes may have open, between two rounds of sync: one
    /// signs with the keys that it began with. The key agent is told of a new root at once.
    ///
    /// - Parameters:
    ///   - reencrypts: what is there is to be encrypted under the new epoch, in the background.
    ///   - publishes: the command brings the record to the remote itself.
    ///   - change: gets the directory of the keys, the keys and the time.
    /// - Returns: the keys afterwards, with which the command goes on.
    func changeKeys(
        reencrypts: Bool = false, publishes: Bool = false,
        _ change: (_ keysDirectory: String, _ keys: UnlockedKeys, _ time: UInt64) throws -> UnlockedKeys
    ) throws -> UnlockedKeys {
        let home = try existingHome()
        let keys = try unlock()
        let changed = try VaultSync.betweenRounds(of: home) {
            try change(home.keysDirectory, keys, milliseconds)
        }
        try Agent.client(of: home).replaceRoot(from: keys, to: changed)
        cache.keys = changed
        cache.vault?.follow(changed)
        if !publishes { noteWaitingEpoch(changed) }
        if reencrypts { noteReencryption(changed.roster.currentEpoch) }
        return changed
    }

    /// Begins a new epoch when the present one is older than `keys.rotate_after` says: once a day at most,
    /// by a command that has written. Root and device keys stay. Where that can't be, nothing happens.
    func rotateByAge() throws {
        let home = try existingHome()
        guard let text = try HomeConfiguration(of: home)["keys.rotate_after"], text != "never" else { return }
        guard let age = DurationArgument(argument: text) else {
            throw Failure(
                .failed, "keys.rotate_after is '\(text.printable)'",
                hint: "it is a span such as 90d, or never")
        }
        let keys = try unlock()
        let now = Timestamp(milliseconds: Int64(clamping: milliseconds))
        let isOld = keys.epochCreatedAt.advanced(byMilliseconds: age.milliseconds) <= now
        let mayRotate = keys.roster.member(keys.device)?.role.administers == true && keys.roster.isConfirmed
        guard isOld, mayRotate, !keys.hasWaitingEpoch else { return }
        let changed = try changeKeys(reencrypts: true) {
            try KeyRing.beginEpoch(in: $0, keys: $1, time: $2)
        }
        console.note(
            "the epoch was older than \(text) and a new one has begun: \(changed.roster.currentEpoch)")
    }
}
