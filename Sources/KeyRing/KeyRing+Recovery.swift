public import Cryptography
import FileSystem

/// Keys that are made from a recovery secret, and what decides which secrets recover a vault.
extension KeyRing {
    /// Makes the keys of a home from what a recovery secret has opened: a new device, an owner.
    ///
    /// Its `add` is signed by the recovery keys, and so is the `recoveryUse` after it, whose new epoch is
    /// sealed to this device and the recovery keys alone: whoever served the chain may have cut it before a
    /// removal and added members of its own. The members get an epoch once a person has confirmed them. The
    /// ring has a slot for `secret`, and one for the recovery code when that was used.
    ///
    /// - Parameter confirmsMembers: whether a person has compared the members' fingerprints.
    public static func recover(
        in keysDirectory: String, from recovered: RecoveredKeys, confirmsMembers: Bool, name: String,
        secret: SlotSecret, cost: ScryptParameters = .standard, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        let identity: IdentityKeys
        do { identity = try IdentityKeys.random() } catch { throw KeyError(error, .failed, "device keys") }
        var slots = [secret]
        if case .code(let code) = recovered.secret.storage { slots.append(.recoveryCode(code)) }
        var roster = recovered.roster
        let current = try recovered.epochKeys.of(roster.currentEpoch)
        let addition = try roster.addition(
            of: identity.publicKeys, as: .owner, name: name, epoch: current)
        try roster.append(.add(addition), by: recovered.identity, time: time)
        let key: EpochKey
        let epoch: NewEpoch
        do {
            key = try EpochKey.random(current.number + 1)
            epoch = try NewEpoch(
                key, previous: current,
                recipients: [(identity.publicKeys.id, identity.publicKeys.agreement)]
                    + roster.recoveryRecipients,
                vault: roster.vaultID, prevHash: roster.headHash)
        } catch { throw KeyError(error, .failed, "new epoch") }
        try roster.append(.recoveryUse(epoch: epoch), by: recovered.identity, time: time)
        var state = try newState(
            identity: identity, epochs: recovered.epochKeys + [key], roster: roster, secrets: slots,
            cost: cost, time: time)
        if confirmsMembers { try state.confirmMembers(time: time) }
        return try storeFirst(state, in: keysDirectory, time: time, opener: .none(state.slots.first?.id))
    }

    /// Believes the members of a vault that was recovered: a new epoch is sealed to all of them.
    /// `guardRefused` when nothing is to be confirmed.
    public static func confirmMembers(
        in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            try state.confirmMembers(time: time)
        }
    }

    /// Lets a passphrase recover the vault from its backups alone, or no longer (nil).
    ///
    /// Whoever holds the backups may guess it, at a second and 256 MiB a guess. A new epoch begins; what was
    /// written before stays readable with a passphrase that recovered it then.
    ///
    /// - Parameter code: the recovery code, which has to agree where it takes two (`Roster.takesTwo`).
    /// - Throws: `guardRefused` for a passphrase that is weaker than five words (`guessBits`), and where it
    ///   takes two and no code is given.
    public static func setPassphraseRecovery(
        _ passphrase: SlotSecret?, approvedBy code: RecoveryCode? = nil, in keysDirectory: String,
        keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            try state.changeRecovery(passphrase: passphrase, approvedBy: code, time: time)
        }
    }

    /// Has this home opened by the vault's recovery code as the roster has it, and no longer by another one.
    /// The root is new, as after `removeSlot`.
    ///
    /// - Throws: `wrongKey` for a code that does not recover the vault.
    public static func adopt(
        _ code: RecoveryCode, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            _ = try state.roster.requireRecovery(code)
            try state.takeCode(code, time: time)
        }
    }
}

extension RingState {
    /// Replaces the pair that comes from a passphrase, or removes it (nil).
    mutating func changeRecovery(
        passphrase: SlotSecret?, approvedBy code: RecoveryCode?, time: UInt64
    ) throws(KeyError) {
        let others = roster.recovery.filter { $0.kind != .passphrase }
        guard let passphrase else {
            guard roster.hasPassphraseRecovery else {
                throw KeyError(.guardRefused, "the passphrase does not recover this vault anyway")
            }
            return try changeRecovery(to: others, new: nil, approvedBy: code, time: time)
        }
        try passphrase.requireRecoveryStrength()
        let (pair, keys) = try RecoveryPassphrase.newPair(passphrase)
        try changeRecovery(to: others + [pair], new: keys, approvedBy: code, time: time)
    }

    /// Sets the list of recovery pairs; the one that is new countersigns, and where it takes two, the code
    /// that recovers the vault so far agrees.
    mutating func changeRecovery(
        to pairs: [RecoveryPair], new: IdentityKeys?, approvedBy code: RecoveryCode?, time: UInt64
    ) throws(KeyError) {
        var (body, signers) = try recoveryChange(to: pairs, new: new)
        if roster.takesTwo {
            guard let code else { throw KeyError.takesTwo }
            let keys = try roster.requireRecovery(code)
            signers.append(RosterRecord.Signer(role: .approval, id: keys.publicKeys.id, keys: keys))
        }
        try append(body, extra: signers, time: time)
    }

    /// What such a record says, and who signs it beside this device.
    mutating func recoveryChange(
        to pairs: [RecoveryPair], new: IdentityKeys?
    ) throws(KeyError) -> (body: RosterBody, signers: [RosterRecord.Signer]) {
        let members = roster.recipients.filter { roster.member($0.id) != nil }
        let epoch = try nextEpoch(members + pairs.map { ($0.keys.id, $0.keys.agreement) })
        let signers = new.map { [RosterRecord.Signer(role: .recovery, id: $0.publicKeys.id, keys: $0)] }
        return (.recoveryChange(pairs: pairs, epoch: epoch), signers ?? [])
    }

    /// Puts a recovery code in the place of the one that opened this ring, under a new root.
    mutating func takeCode(_ code: RecoveryCode, time: UInt64) throws(KeyError) {
        slots.removeAll { $0.kind == .recoveryCode }
        try replaceRoot(time: time)
        // The cost is a passphrase's and means nothing here.
        slots.append(try newSlot(for: .recoveryCode(code), cost: .standard, time: time))
    }

    /// Seals a new epoch to all members.
    mutating func confirmMembers(time: UInt64) throws(KeyError) {
        guard !roster.isConfirmed else {
            throw KeyError(.guardRefused, "the members of this vault are confirmed already")
        }
        let epoch = try nextEpoch(roster.readers + roster.recoveryRecipients)
        try append(.rotate(epoch: epoch), time: time)
    }
}

extension RecoveryCode {
    /// The pair of these keys, as a roster has it.
    func pair(_ keys: IdentityKeys) -> RecoveryPair {
        RecoveryPair(kind: .code, keys: keys.publicKeys, salt: KeyRing.zeros)
    }
}

extension Roster {
    /// The keys of a code that recovers the vault.
    ///
    /// - Throws: `wrongKey` for another one.
    func requireRecovery(_ code: RecoveryCode) throws(KeyError) -> IdentityKeys {
        let keys = try code.recoveryKeys()
        guard recovery.contains(where: { $0.keys == keys.publicKeys }) else {
            throw KeyError(
                .wrongKey, "this recovery code does not recover the vault",
                hint: "use the newest one; a proposed one counts once another owner or admin has agreed")
        }
        return keys
    }

    /// What an `add` says of a device: the newest epoch sealed to it, and its name under that epoch.
    func addition(
        of keys: PublicKeys, as role: MemberRole, rights: AgentRights? = nil, name: String, epoch: EpochKey
    ) throws(KeyError) -> RosterBody.Addition {
        let (device, vaultID, prevHash) = (keys.id, vaultID, headHash)
        let labelKey = try orKeyError(.failed, "device name") { () throws(CryptoError) in
            try epoch.derive(.deviceLabel, vaultID)
        }
        let label = try DeviceLabel.seal(name, under: labelKey, device, vaultID)
        var addition = RosterBody.Addition(
            keys: keys, role: role, inviteTag: KeyRing.zeros, label: label, epoch: epoch.number,
            ephemeral: KeyRing.zeros, box: [UInt8](repeating: 0, count: 48), rights: rights)
        guard role.reads else { return addition }
        do {
            let fresh = try AgreementKey.random()
            addition.box = try SealedBox.seal(
                epoch.secret, to: keys.agreement, ephemeral: fresh, salt: vaultID.bytes,
                info: NewEpoch.info(epoch.number, device, prevHash))
            addition.ephemeral = fresh.publicKey
        } catch { throw KeyError(error, .failed, "roster record") }
        return addition
    }

    /// Adds a record that recovery keys author.
    mutating func append(_ body: RosterBody, by recovery: IdentityKeys, time: UInt64) throws(KeyError) {
        let id = recovery.publicKeys.id
        let unsigned = RosterRecord.Unsigned(
            vaultID: vaultID, sequence: headSequence + 1, prevHash: headHash, author: id, time: time,
            body: body)
        let record = try orKeyError(.failed, "roster record") { () throws(CryptoError) in
            try RosterRecord(
                unsigned, signers: [RosterRecord.Signer(role: .author, id: id, keys: recovery)])
        }
        try append(record)
    }
}
