public import Cryptography

/// Making the ring of a device that was let in.
extension KeyRing {
    /// Makes the ring of a device that was added to a vault, from the verified chain alone.
    ///
    /// - Parameters:
    ///   - roster: the chain as a store served it; `requireInvited` is asked of it once more.
    ///   - vault: what the invitation says of the vault's name.
    ///   - head: the beginning of the hash of a record that the inviter knew.
    ///   - secret: the slot's.
    ///   - time: milliseconds since 1970.
    /// - Throws: as `requireInvited`; `notFound` while the device is no member; `conflict` when there is a
    ///   ring already, or new epochs are not sealed to members yet.
    public static func join(
        in keysDirectory: String, as joining: JoiningIdentity, roster: Roster, of vault: VaultID,
        containing head: [UInt8], secret: SlotSecret, cost: ScryptParameters = .standard, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try requireInvited(roster, to: vault, containing: head)
        guard let member = roster.member(joining.device), member.keys == joining.publicKeys else {
            throw KeyError(.notFound, "this device is no member of the vault yet")
        }
        guard member.role.reads else {
            throw KeyError(.guardRefused, "the role \(member.role.name) opens no vault")
        }
        guard roster.isConfirmed else {
            throw KeyError(
                .conflict, "the vault was recovered, and its devices are not confirmed yet",
                hint: "run `ai-team device confirm` on the recovered device first")
        }
        let epochs = try roster.openEpochs(with: joining.identity.agreement, ofMember: member.id)
        let state = try newState(
            identity: joining.identity, epochs: epochs, roster: roster, secrets: [secret], cost: cost,
            time: time)
        return try storeFirst(state, in: keysDirectory, time: time, opener: .none(state.slots.first?.id))
    }

    /// Throws `integrityFailure` unless the chain is that of the vault which an invitation names, and shows
    /// all that the inviter knew: a store could serve another vault's chain, or an older state of this one.
    public static func requireInvited(
        _ roster: Roster, to vault: VaultID, containing head: [UInt8]
    ) throws(KeyError) {
        guard roster.vaultID == vault else {
            throw KeyError(.integrityFailure, "the remote shows another vault than the invitation names")
        }
        guard roster.contains(recordHash: head) else {
            throw KeyError(
                .integrityFailure, "the remote shows an older state of the vault than the inviter had",
                hint: "it withholds records, or the invitation is for another remote: compare the URLs")
        }
    }
}
