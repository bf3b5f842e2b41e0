import Cryptography

// What each kind of record has to fulfil, and what it changes: docs/FORMAT.md, "Roster".

extension Roster {
    mutating func apply(_ record: RosterRecord) throws(KeyError) {
        switch record.body {
        case .genesis:
            throw Roster.broken(record, "is a second genesis")
        case .add(let addition):
            try apply(addition, in: record)
        case .remove(let device, let pins, let epoch):
            try remove(device, pins, in: record)
            try begin(epoch, in: record)
        case .role(let device, let role, let pins, let rights):
            try setRole(role, rights, of: device, pins, in: record)
        case .rotate(let epoch):
            _ = try administrator(of: record)
            try requireSignatures(1, in: record)
            try begin(epoch, in: record)
        case .recoveryChange(let pairs, let epoch):
            try change(recovery: pairs, in: record)
            try begin(epoch, in: record)
        case .recoveryUse(let epoch):
            try confine(in: record)
            try begin(epoch, in: record)
        case .rekey(let device, let keys, let epoch):
            try rekey(device, keys, in: record)
            try begin(epoch, in: record)
        case .reincarnate(let device, let incarnation, let pins):
            let index = try own(device, in: record)
            guard incarnation != 0, !members[index].incarnations.contains(incarnation) else {
                throw Roster.broken(record, "repeats an incarnation")
            }
            try requireSignatures(1, in: record)
            members[index].incarnation = incarnation
            members[index].incarnations.append(incarnation)
            // Nobody moves the end of a life that another member has set: what was written later, under a
            // role that is gone, stays void. Of manifests the lowest pin counts in any case.
            let member = members[index]
            members[index].pins += pins.filter { pin in
                guard pin.kind == .segments else { return true }
                return !member.endedLives.contains(pin.incarnation)
                    && !member.pins.contains { $0.isOf(pin.incarnation, pin.kind, pin.stream) }
            }
        case .restored(let device, _):
            _ = try own(device, in: record)
            try requireSignatures(1, in: record)
        case .recipients(let list):
            _ = try administrator(of: record)
            try requireSignatures(1, in: record)
            guard Set(list.map(\.key)).count == list.count,
                list.allSatisfy({ BackupRecipient.isAcceptable($0.key) })
            else { throw Roster.broken(record, "names recipients that can't be") }
            backupRecipients = list
        case .relabel(let device, let label, let epoch):
            try relabel(device, label, epoch, in: record)
        case .retire(let epoch):
            _ = try administrator(of: record)
            try requireSignatures(1, in: record)
            guard epoch >= 1, epoch < currentEpoch else {
                throw Roster.broken(record, "retires the newest epoch, or one that is not there")
            }
            retirements.append(Retirement(through: epoch, sequence: record.sequence))
        }
    }

    /// A member that reads names itself; others are named by those above them.
    private mutating func relabel(
        _ device: DeviceID, _ label: [UInt8], _ epoch: UInt32, in record: RosterRecord
    ) throws(KeyError) {
        let isOwn = record.author == device
        let index = isOwn ? try own(device, in: record) : try other(device, in: record)
        try requireSignatures(1, in: record)
        guard epoch == currentEpoch, !isOwn || members[index].role.reads else {
            throw Roster.broken(record, "names a device under an epoch that its author has not")
        }
        members[index].label = label
        members[index].labelEpoch = epoch
    }

    private mutating func apply(
        _ addition: RosterBody.Addition, in record: RosterRecord
    ) throws(KeyError) {
        if let pair = recovery.first(where: { $0.keys.id == record.author }) {
            try record.verify(0, .author, by: record.author, key: pair.keys.signing)
            try requireSignatures(1, in: record)
        } else {
            let author = try administrator(of: record)
            guard author.role == .owner || addition.role != .owner else {
                throw Roster.broken(record, "exceeds its author's role")
            }
            let isShared = needsApproval(toAdd: addition.role)
            if isShared { try verifyApproval(1, of: record, about: addition.keys.id) }
            try requireSignatures(isShared ? 2 : 1, in: record)
        }
        try addition.keys.validate()
        try requireUnused(addition.keys, in: record)
        let sealedNothing = (addition.box + addition.ephemeral).allSatisfy { $0 == 0 }
        guard addition.epoch == currentEpoch, addition.role.reads != sealedNothing else {
            throw Roster.broken(record, "seals an epoch to the wrong member")
        }
        guard addition.inviteTag == KeyRing.zeros || usedInviteTags.insert(addition.inviteTag).inserted else {
            throw Roster.broken(record, "uses an invitation a second time")
        }
        members.append(
            Member(
                id: addition.keys.id, role: addition.role, rights: addition.rights,
                roles: [RoleEra(since: record.sequence, role: addition.role, rights: addition.rights)],
                keys: addition.keys, incarnation: 0,
                incarnations: [0],
                signingKeys: [SigningEra(since: record.sequence + 1, key: addition.keys.signing)], pins: [],
                label: addition.label, labelEpoch: addition.epoch))
    }

    private mutating func remove(
        _ device: DeviceID, _ pins: [Pin], in record: RosterRecord
    ) throws(KeyError) {
        let index = try other(device, in: record, needsApproval: needsApproval(of: device))
        try pin(index, pins, in: record)
        former.append(members.remove(at: index))
    }

    private mutating func setRole(
        _ role: MemberRole, _ rights: AgentRights?, of device: DeviceID, _ pins: [Pin],
        in record: RosterRecord
    ) throws(KeyError) {
        let index = try other(device, in: record, needsApproval: needsApproval(of: device, to: role))
        let author = try author(of: record)
        // Whether a member reads decides to whom epochs are sealed, which a record without an epoch can't
        // change.
        let before = members[index].role
        guard role != before || rights != members[index].rights, role.reads, before.reads,
            author.role == .owner || role != .owner
        else { throw Roster.broken(record, "gives a role that it can't give") }
        try pin(index, pins, in: record)
        if role.isNarrower(than: before) || role == before {
            members[index].endedLives = members[index].incarnations
        }
        members[index].role = role
        members[index].rights = rights
        members[index].roles.append(RoleEra(since: record.sequence, role: role, rights: rights))
    }

    /// Ends what a member's incarnations wrote. What its role allowed it to back up counts up to there.
    private mutating func pin(_ index: Int, _ pins: [Pin], in record: RosterRecord) throws(KeyError) {
        let places = Set(pins.map { [UInt64($0.incarnation), UInt64($0.kind.rawValue), UInt64($0.stream)] })
        guard places.count == pins.count,
            pins.allSatisfy({ members[index].incarnations.contains($0.incarnation) })
        else { throw Roster.broken(record, "pins an incarnation that is not there, or twice") }
        if members[index].role.signsBackups { members[index].kept += pins }
        members[index].pins += pins
    }

    /// From here on epochs are sealed to the device that these recovery keys have just added, and no other.
    private mutating func confine(in record: RosterRecord) throws(KeyError) {
        guard let pair = recovery.first(where: { $0.keys.id == record.author }),
            let before = records.last, before.author == record.author,
            case .add(let addition) = before.body, addition.role == .owner
        else { throw Roster.broken(record, "does not follow the recovery keys' own addition") }
        try record.verify(0, .author, by: record.author, key: pair.keys.signing)
        try requireSignatures(1, in: record)
        confinedTo = addition.keys.id
    }

    private mutating func rekey(
        _ device: DeviceID, _ keys: PublicKeys, in record: RosterRecord
    ) throws(KeyError) {
        let index = try own(device, in: record)
        try keys.validate()
        try requireUnused(keys, in: record)
        try record.verify(1, .newKey, by: device, key: keys.signing)
        try requireSignatures(2, in: record)
        members[index].keys = keys
        members[index].signingKeys.append(SigningEra(since: record.sequence + 1, key: keys.signing))
    }

    /// A new list of recovery pairs: what the new ones have countersigned, and then, where it takes two,
    /// another member or the pairs before.
    private mutating func change(
        recovery pairs: [RecoveryPair], in record: RosterRecord
    ) throws(KeyError) {
        _ = try administrator(of: record)
        let count = 1 + pairs.count { !recovery.contains($0) }
        if takesTwo { try verifyApproval(count, of: record, about: nil) }
        try requireSignatures(takesTwo ? count + 1 : count, in: record)
        try adopt(pairs, in: record)
    }

    /// Takes the list of recovery pairs; each that is new has countersigned the record, behind its author.
    mutating func adopt(_ pairs: [RecoveryPair], in record: RosterRecord) throws(KeyError) {
        guard Set(pairs.map(\.keys.id)).count == pairs.count, pairs.allSatisfy(\.isWellFormed),
            pairs.contains(where: { $0.kind == .code }),
            pairs.filter({ $0.kind == .passphrase }).count <= 1
        else { throw Roster.broken(record, "has a list of recovery keys that can't be") }
        for (index, pair) in pairs.filter({ !recovery.contains($0) }).enumerated() {
            try pair.keys.validate()
            try record.verify(1 + index, .recovery, by: pair.keys.id, key: pair.keys.signing)
        }
        recovery = pairs
    }

    /// Takes a new epoch, which has to be sealed to exactly those who may read.
    mutating func begin(_ epoch: NewEpoch, in record: RosterRecord) throws(KeyError) {
        if case .rotate = record.body { confinedTo = nil }
        let isByRecoveryKeys = record.body.kind == .recoveryUse
        // Others lack the epoch before, so theirs would lead nowhere.
        guard confinedTo == nil || record.author == confinedTo || isByRecoveryKeys else {
            throw Roster.broken(record, "begins an epoch after one that its author can't open")
        }
        guard epoch.number == currentEpoch + 1, epoch.sealed.map(\.id) == recipients.map(\.id).sorted(),
            (epoch.previousUnderNew == NewEpoch.noPrevious) == (epoch.number == 1)
        else { throw Roster.broken(record, "seals its epoch to others than the members who read") }
        epochs.append(Epoch(record: epoch, prevHash: record.prevHash))
    }

    /// To whom a new epoch is sealed: the members whose role reads, or until these are confirmed the
    /// recovered device alone; and the recovery keys.
    var recipients: [(id: DeviceID, key: [UInt8])] {
        readers.filter { confinedTo == nil || confinedTo == $0.id } + recoveryRecipients
    }

    /// The members whose role reads.
    var readers: [(id: DeviceID, key: [UInt8])] {
        members.filter(\.role.reads).map { ($0.id, $0.keys.agreement) }
    }

    /// The recovery keys, as an epoch is sealed to them.
    var recoveryRecipients: [(id: DeviceID, key: [UInt8])] {
        recovery.map { ($0.keys.id, $0.keys.agreement) }
    }
}

extension Roster {
    /// Why a member can't remove another device or give it another role; nil when it can.
    public func reasonNotToChange(_ device: DeviceID, by author: DeviceID) -> String? {
        guard device != author else { return "a device can't do this to itself" }
        guard let own = member(author)?.role, own.administers else {
            return "only an owner or an admin changes the vault's devices"
        }
        guard own == .owner || member(device)?.role != .owner else {
            return "only an owner changes an owner"
        }
        return nil
    }

    private func author(of record: RosterRecord) throws(KeyError) -> Member {
        guard let member = member(record.author) else { throw Roster.broken(record, "is by no member") }
        return member
    }

    /// The author, when it signed as someone who may change the membership.
    private func administrator(of record: RosterRecord) throws(KeyError) -> Member {
        let author = try author(of: record)
        guard author.role.administers else { throw Roster.broken(record, "exceeds its author's role") }
        try record.verify(0, .author, by: author.id, key: author.keys.signing)
        return author
    }

    /// The place of the device that speaks about itself, and has signed.
    private func own(_ device: DeviceID, in record: RosterRecord) throws(KeyError) -> Int {
        guard device == record.author, let index = members.firstIndex(where: { $0.id == device }) else {
            throw Roster.broken(record, "speaks for another device")
        }
        try record.verify(0, .author, by: device, key: members[index].keys.signing)
        return index
    }

    /// The place of another device, which the author may change: an owner anybody, an admin all but owners.
    private func other(
        _ device: DeviceID, in record: RosterRecord, needsApproval: Bool = false
    ) throws(KeyError) -> Int {
        let author = try administrator(of: record)
        if needsApproval { try verifyApproval(1, of: record, about: device) }
        try requireSignatures(needsApproval ? 2 : 1, in: record)
        guard let index = members.firstIndex(where: { $0.id == device }), device != author.id else {
            throw Roster.broken(record, "changes its author, or nobody")
        }
        guard author.role == .owner || members[index].role != .owner else {
            throw Roster.broken(record, "exceeds its author's role")
        }
        return index
    }

    /// Another owner or admin who stays one, or recovery keys, have signed as well.
    ///
    /// - Parameters:
    ///   - index: the signature that this is.
    ///   - device: whom it is about, whose own agreement counts for nothing.
    private func verifyApproval(
        _ index: Int, of record: RosterRecord, about device: DeviceID?
    ) throws(KeyError) {
        let signer = record.signatures.count > index ? record.signatures[index].signer : record.author
        let pair = recovery.first { $0.keys.id == signer }
        let approver = member(signer).flatMap { $0.role.administers ? $0 : nil }
        guard signer != record.author, signer != device, let keys = pair?.keys ?? approver?.keys else {
            throw Roster.broken(record, "needs the signature of another owner or admin")
        }
        try record.verify(index, .approval, by: signer, key: keys.signing)
    }

    func requireSignatures(_ count: Int, in record: RosterRecord) throws(KeyError) {
        guard record.signatures.count == count else {
            throw Roster.broken(record, "has signatures that its kind does not have")
        }
    }

    /// Takes keys into use.
    private mutating func requireUnused(_ keys: PublicKeys, in record: RosterRecord) throws(KeyError) {
        guard usedKeys.isDisjoint(with: [keys.signing, keys.agreement]) else {
            throw Roster.broken(record, "takes keys that were used before")
        }
        usedKeys.formUnion([keys.signing, keys.agreement])
    }

    static func broken(_ record: RosterRecord, _ how: String) -> KeyError {
        KeyError(.invalidRoster, "record \(record.sequence) of the roster \(how)")
    }
}
