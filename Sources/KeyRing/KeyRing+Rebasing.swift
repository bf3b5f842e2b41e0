import Cryptography

/// Records that were made here while another device was quicker to settle one in their place.
extension KeyRing {
    /// What became of them.
    public struct Rebase: Sendable {
        /// The keys afterwards.
        public let keys: UnlockedKeys
        /// What was made here and is not made anew, for a person: what it was, and why.
        public let givenUp: [String]
    }

    /// Gives the places from `sequence` on to records that the remote has there, and makes what stood there
    /// anew behind them: signed again, with new ephemeral keys and new epochs. Of the remote's records so
    /// many are taken as leave this device with every epoch.
    ///
    /// What makes no sense any more is given up: a device that is a member already, a right that its author
    /// has lost, a recovery code (only the code itself could sign its record again).
    ///
    /// - Throws: `invalidRoster` and `conflict` as `follow`; `conflict` also when recovery keys have signed
    ///   what was made here, or data was written under one of its epochs. Nothing is changed then.
    public static func rebase(
        onto records: [[UInt8]], from sequence: UInt64, in keysDirectory: String, keys: UnlockedKeys,
        time: UInt64
    ) throws(KeyError) -> Rebase {
        var givenUp: [String] = []
        let changed = try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            givenUp = try state.rebase(onto: records, from: sequence, time: time)
        }
        return Rebase(keys: changed, givenUp: givenUp)
    }
}

extension RingState {
    /// - Returns: what was given up.
    mutating func rebase(
        onto records: [[UInt8]], from sequence: UInt64, time: UInt64
    ) throws(KeyError) -> [String] {
        let own = Array(roster.records.dropFirst(Int(clamping: sequence)))
        let before = try Roster(verifying: Array(roster.chain.prefix(Int(clamping: sequence))))
        guard own.allSatisfy({ $0.author == device || $0.isApproved }) else {
            throw KeyError(
                .conflict,
                "this device was added with the recovery code, and another record was settled first",
                hint: "only the code can sign anew: recover once more from the remote, or have it invited")
        }
        guard epochInUse <= before.currentEpoch else {
            throw KeyError(
                .conflict,
                "the keys were changed here before the vault had this remote, where others changed "
                    + "them too",
                hint: "data was written under keys that the others don't have: nothing was changed; take out "
                    + "what is only here, and join with a new home")
        }
        var rebasing = Rebasing(self, own, at: before)
        var next = self
        next.isOrdered = true
        next.roster = before
        next.epochs = Array(epochs.prefix(Int(before.currentEpoch)))
        next.identity = rebasing.identities[0]
        next.formerIdentities.removeLast(rebasing.identities.count - 1)
        var probe = next
        let count = try probe.follow(records)
        guard count > 0 else {
            throw KeyError(
                .conflict, "another record was settled first, whose epoch is not sealed to this device yet",
                hint: "the vault was recovered: run `ai-team device confirm` on the recovered device first")
        }
        _ = try next.follow(Array(records.prefix(count)))
        rebasing.isTakenOver = next.roster.member(device)?.incarnation != before.member(device)?.incarnation
        for record in own { try rebasing.make(record, in: &next, time: time) }
        self = next
        return rebasing.givenUp
    }
}

/// Makes records anew, one after the other.
private struct Rebasing {
    /// Of the chain in which they stood.
    let epochs: [EpochKey]
    /// This device's keys there: before the first `rekey`, and after each.
    let identities: [IdentityKeys]
    /// Whether another copy of this device has begun an incarnation in the records that came first.
    var isTakenOver = false
    var givenUp: [String] = []
    private var rekeys = 0
    // As they were in that chain, before each record.
    private var recipients: [BackupRecipient]
    private var recovery: [RecoveryPair]

    init(_ state: RingState, _ records: [RosterRecord], at before: Roster) {
        epochs = state.epochs
        let count = records.count { $0.body.kind == .rekey }
        identities = state.formerIdentities.suffix(count) + [state.identity]
        recipients = before.backupRecipients
        recovery = before.recovery
    }

    /// One that breaks a rule behind the records before it is given up.
    mutating func make(_ record: RosterRecord, in state: inout RingState, time: UInt64) throws(KeyError) {
        guard !record.isApproved else {
            return givenUp.append("\(record.body.kind.what): it has to be proposed anew")
        }
        var attempt = state
        do throws(KeyError) {
            let reason = try remake(record.body, in: &attempt, time: time)
            if let reason { return givenUp.append("\(record.body.kind.what): \(reason)") }
            state = attempt
        } catch {
            // The ring is signed by these keys: there is no going on without their record.
            let isRefused = error.code == .invalidRoster || error.code == .guardRefused
            guard isRefused, record.body.kind != .rekey else { throw error }
            givenUp.append("\(record.body.kind.what): \(error.message)")
        }
    }

    /// - Returns: why it was not made.
    private mutating func remake(
        _ body: RosterBody, in state: inout RingState, time: UInt64
    ) throws(KeyError) -> String? {
        switch body {
        case .genesis, .recoveryUse: return "only the recovery code can sign it"
        case .reincarnate, .restored:
            guard !isTakenOver else { return "another copy of this device has taken over" }
            try state.append(body, time: time)
        case .role: try state.append(body, time: time)
        case .add(let addition):
            let name = try name(addition.label, addition.epoch, addition.keys.id, state.vaultID)
            var anew = try state.roster.addition(
                of: addition.keys, as: addition.role, rights: addition.rights, name: name,
                epoch: state.newestEpoch())
            anew.inviteTag = addition.inviteTag
            try state.append(.add(anew), time: time)
        case .remove(let device, let pins, _):
            let epoch = try state.nextEpoch(state.roster.recipients.filter { $0.id != device })
            try state.append(.remove(device: device, pins: pins, epoch: epoch), time: time)
        case .rotate:
            let epoch = try state.nextEpoch(state.roster.readers + state.roster.recoveryRecipients)
            try state.append(.rotate(epoch: epoch), time: time)
        case .rekey: try rekey(&state, time: time)
        case .retire: try state.append(body, time: time)
        case .recoveryChange(let pairs, _): return try change(recovery: pairs, in: &state, time: time)
        case .recipients(let list): return try change(recipients: list, in: &state, time: time)
        case .relabel(let device, let label, let epoch):
            let newest = try state.newestEpoch()
            let sealed = try self.label(name(label, epoch, device, state.vaultID), newest, device, state)
            try state.append(.relabel(device: device, label: sealed, epoch: newest.number), time: time)
        }
        return nil
    }

    private mutating func rekey(_ state: inout RingState, time: UInt64) throws(KeyError) {
        let (old, fresh) = (identities[rekeys], identities[rekeys + 1])
        let device = state.device
        let recipients = state.roster.recipients.map { recipient in
            recipient.id == device ? (recipient.id, fresh.publicKeys.agreement) : recipient
        }
        let epoch = try state.nextEpoch(recipients)
        try state.append(
            .rekey(device: device, keys: fresh.publicKeys, epoch: epoch),
            extra: [RosterRecord.Signer(role: .newKey, id: device, keys: fresh)], time: time)
        state.formerIdentities.append(old)
        state.identity = fresh
        rekeys += 1
    }

    /// Recovery keys sign their own introduction, and are not here. What was taken away is taken away again.
    private mutating func change(
        recovery pairs: [RecoveryPair], in state: inout RingState, time: UInt64
    ) throws(KeyError) -> String? {
        defer { recovery = pairs }
        guard pairs.allSatisfy(recovery.contains) else {
            return "it does not recover the vault, since only it could sign anew; the one before does: make "
                + "another with `ai-team key recovery` or `ai-team config backup.passphrase_recovery`"
        }
        let gone = recovery.filter { !pairs.contains($0) }
        let rest = state.roster.recovery.filter { !gone.contains($0) }
        guard rest != state.roster.recovery else { return "it was done by another device" }
        try state.changeRecovery(to: rest, new: nil, approvedBy: nil, time: time)
        return nil
    }

    /// What was added is added, what was taken away is taken away, and what others did stays.
    private mutating func change(
        recipients list: [BackupRecipient], in state: inout RingState, time: UInt64
    ) throws(KeyError) -> String? {
        defer { recipients = list }
        let before = Set(recipients.map(\.key))
        let after = Set(list.map(\.key))
        let now = state.roster.backupRecipients
        var next = now.filter { !before.contains($0.key) || after.contains($0.key) }
        for added in list where !before.contains(added.key) && !now.contains(where: { $0.key == added.key }) {
            let newest = try state.newestEpoch()
            let name = try name(added.label, added.labelEpoch, added.id, state.vaultID)
            next.append(
                BackupRecipient(
                    key: added.key, label: try label(name, newest, added.id, state),
                    labelEpoch: newest.number))
        }
        guard next != now else { return "it was done by another device" }
        guard next.count <= BackupRecipient.limit else {
            return "a vault has at most \(BackupRecipient.limit) recipients"
        }
        try state.append(.recipients(next), time: time)
        return nil
    }

    /// A name under an epoch of the chain in which it stood.
    private func name(
        _ label: [UInt8], _ epoch: UInt32, _ id: DeviceID, _ vault: VaultID
    ) throws(KeyError) -> String {
        try DeviceLabel.open(label, under: epochs.key(.deviceLabel, epoch: epoch, vault: vault), id, vault)
    }

    private func label(
        _ name: String, _ epoch: EpochKey, _ id: DeviceID, _ state: RingState
    ) throws(KeyError) -> [UInt8] {
        let key = try state.epochs.key(.deviceLabel, epoch: epoch.number, vault: state.vaultID)
        return try DeviceLabel.seal(name, under: key, id, state.vaultID)
    }
}

extension RingState {
    fileprivate func newestEpoch() throws(KeyError) -> EpochKey { try epochs.of(roster.currentEpoch) }
}

extension RosterRecord {
    /// Whether it took two to make it.
    var isApproved: Bool { signatures.contains { $0.role == .approval } }
}

extension RosterRecord.Kind {
    /// For a person.
    fileprivate var what: String {
        switch self {
        case .genesis: "the vault's first record"
        case .add: "letting a device in"
        case .remove: "removing a device"
        case .role: "a device's role"
        case .rotate: "new keys"
        case .recoveryChange: "what recovers the vault"
        case .recoveryUse: "the use of the recovery code"
        case .rekey: "new keys of this device"
        case .reincarnate: "a new incarnation of this device"
        case .restored: "this device's restore"
        case .recipients: "who can read backups"
        case .relabel: "a device's name"
        case .retire: "the retirement of an epoch"
        }
    }
}
