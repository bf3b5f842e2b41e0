/// New keys although nothing is known to have leaked.
extension KeyRing {
    /// Makes a new root, a new epoch and new key pairs of this device: what an old ring with an old secret
    /// leads to opens nothing that is written from now on.
    ///
    /// The caller hands the new root to the key agent at once (`KeyAgentClient.replaceRoot`).
    ///
    /// - Throws: `guardRefused` while an epoch waits for the remote.
    public static func replaceKeys(
        in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireSettledEpoch(state)
            try state.replaceRoot(time: time)
        }
    }

    /// Begins a new epoch and leaves everything else as it is: for rotation by age.
    ///
    /// - Throws: `guardRefused` for a device that may not, while an epoch waits for the remote, and before
    ///   the members of a recovered vault are confirmed.
    public static func beginEpoch(
        in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireSettledEpoch(state)
            guard state.roster.isConfirmed else {
                throw KeyError(
                    .guardRefused, "the devices of this vault are not confirmed since it was recovered",
                    hint: "run ai-team device confirm")
            }
            guard state.roster.member(state.device)?.role.administers == true else {
                throw KeyError(.guardRefused, "only an owner or admin begins a new epoch by itself")
            }
            let epoch = try state.nextEpoch(state.roster.readers + state.roster.recoveryRecipients)
            try state.append(.rotate(epoch: epoch), time: time)
        }
    }

    private static func requireSettledEpoch(_ state: RingState) throws(KeyError) {
        guard state.epochInUse == state.roster.currentEpoch else {
            throw KeyError(
                .guardRefused, "the newest epoch waits for its record to reach the remote",
                hint: "run ai-team sync both first")
        }
    }
}
