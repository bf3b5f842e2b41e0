import KeyRing
import Sync
import Vault

extension Context {
    /// Changes the keys of the home, which other processes may have open, between two rounds of sync: one
    /// signs with the keys that it began with. The key agent is told of a new root at once.
    ///
    /// - Parameter change: gets the directory of the keys, the keys and the time.
    /// - Returns: the keys afterwards, with which the command goes on.
    func changeKeys(
        _ change: (_ keysDirectory: String, _ keys: UnlockedKeys, _ time: UInt64) throws -> UnlockedKeys
    ) throws -> UnlockedKeys {
        let home = try existingHome()
        let keys = try unlock()
        let changed = try VaultSync.betweenRounds(of: home) {
            try change(home.keysDirectory, keys, milliseconds)
        }
        try Agent.client(of: home).replaceRoot(from: keys, to: changed)
        cache.keys = changed
        noteWaitingEpoch(changed)
        return changed
    }
}
