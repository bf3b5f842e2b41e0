/// Who belongs to the vault. What the store of a team makes of it (invitations, the order of records) is not
/// decided here: these are the records themselves.
extension KeyRing {
    /// Adds a device whose public keys were compared by a person, or proven by an invitation.
    ///
    /// - Parameters:
    ///   - rights: what an agent may write; nil for the usual.
    ///   - inviteTag: the tag of that invitation, 32 bytes; no second device can come in by it.
    public static func addMember(
        _ publicKeys: PublicKeys, as role: MemberRole, rights: AgentRights? = nil, name: String,
        inviteTag: [UInt8]? = nil,
        in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireNoApproval(state.roster.needsApproval(toAdd: role))
            let addition = try state.addition(
                of: publicKeys, as: role, rights: rights, name: name, inviteTag: inviteTag)
            try state.append(.add(addition), time: time)
        }
    }

    /// Removes a device; the next epoch is not sealed to it, and of what it wrote only what `pins` name, and
    /// what came before, counts. One record does both, so nobody ever sees the one without the other.
    ///
    /// - Throws: `notFound` for no member, `guardRefused` for this device, and for one that this device's
    ///   role can't remove.
    public static func removeMember(
        _ device: DeviceID, pins: [Pin], in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireMember(device, in: state)
            if let reason = state.roster.reasonNotToChange(device, by: state.device) {
                throw KeyError(.guardRefused, reason)
            }
            try requireNoApproval(state.roster.needsApproval(of: device))
            let recipients = state.roster.recipients.filter { $0.id != device }
            let epoch = try state.nextEpoch(recipients)
            try state.append(.remove(device: device, pins: pins, epoch: epoch), time: time)
        }
    }

    /// Gives a device another role that reads. Where that takes rights away, its lives so far end at `pins`,
    /// and of streams that no pin names nothing counts: it goes on in a new life.
    ///
    /// - Parameter rights: what an agent may write; nil for the usual.
    /// - Throws: `notFound` for no member, `guardRefused` for what this device's role can't give.
    public static func setRole(
        _ role: MemberRole, of device: DeviceID, rights: AgentRights? = nil, pins: [Pin],
        in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireMember(device, in: state)
            if let reason = state.roster.reasonNotToChange(device, by: state.device) {
                throw KeyError(.guardRefused, reason)
            }
            guard role != .owner || state.roster.member(state.device)?.role == .owner else {
                throw KeyError(.guardRefused, "only an owner makes an owner")
            }
            try requireNoApproval(state.roster.needsApproval(of: device, to: role))
            let rights = role == .agent ? rights ?? .standard : nil
            try state.append(.role(device: device, role: role, pins: pins, rights: rights), time: time)
        }
    }

    /// Calls a device otherwise: this one, or, as an owner or admin, another. `guardRefused` for others, and
    /// for an owner whom an admin would name.
    public static func rename(
        _ device: DeviceID, to name: String, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireMember(device, in: state)
            let own = state.roster.member(state.device)?.role
            let isOwner = state.roster.member(device)?.role == .owner
            guard device == state.device || own == .owner || (own == .admin && !isOwner) else {
                throw KeyError(.guardRefused, "another device's name is an owner's or admin's to change")
            }
            let epoch = state.roster.currentEpoch
            let labelKey = try state.epochs.key(.deviceLabel, epoch: epoch, vault: state.vaultID)
            let label = try DeviceLabel.seal(name, under: labelKey, device, state.vaultID)
            try state.append(.relabel(device: device, label: label, epoch: epoch), time: time)
        }
    }

    private static func requireNoApproval(_ isNeeded: Bool) throws(KeyError) {
        guard !isNeeded else { throw KeyError.takesTwo }
    }

    private static func requireMember(_ device: DeviceID, in state: RingState) throws(KeyError) {
        guard state.roster.member(device) != nil else {
            throw KeyError(.notFound, "there is no device \(device) in this vault")
        }
    }
}

extension KeyError {
    /// One owner or admin is not enough.
    static let takesTwo = KeyError(
        .guardRefused, "with three owners and admins this takes two of them, or the recovery code",
        hint: "give the code with --recovery-code-file, or propose it to the others: ai-team device revoke, "
            + "device role, device approve and key recovery do")
}

extension RingState {
    /// What an `add` by this device says.
    func addition(
        of keys: PublicKeys, as role: MemberRole, rights: AgentRights?, name: String, inviteTag: [UInt8]?
    ) throws(KeyError) -> RosterBody.Addition {
        var addition = try roster.addition(
            of: keys, as: role, rights: role == .agent ? rights ?? .standard : nil, name: name,
            epoch: epochs.of(roster.currentEpoch))
        if let inviteTag { addition.inviteTag = inviteTag }
        return addition
    }
}
