/// Who belongs to the vault. What the store of a team makes of it (invitations, the order of records) is not
/// decided here: these are the records themselves.
extension KeyRing {
    /// Adds a device whose public keys were compared by a person, or proven by an invitation.
    public static func addMember(
        _ publicKeys: PublicKeys, as role: MemberRole, name: String, in keysDirectory: String,
        keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            let addition = try state.roster.addition(
                of: publicKeys, as: role, name: name, epoch: state.epochs.of(state.roster.currentEpoch))
            try state.append(.add(addition), time: time)
        }
    }

    /// Removes a device; the next epoch is not sealed to it, and of what it wrote only what `pins` name, and
    /// what came before, counts. Needs the home to itself.
    public static func removeMember(
        _ device: DeviceID, pins: [Pin], in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeAlone(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireMember(device, in: state)
            let recipients = state.roster.recipients.filter { $0.id != device }
            let epoch = try state.nextEpoch(recipients)
            try state.append(.remove(device: device, pins: pins, epoch: epoch), time: time)
        }
    }

    /// Gives a device another role that reads, ending what it wrote in the old one at `pins`.
    public static func setRole(
        _ role: MemberRole, of device: DeviceID, pins: [Pin], in keysDirectory: String, keys: UnlockedKeys,
        time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            try requireMember(device, in: state)
            try state.append(.role(device: device, role: role, pins: pins), time: time)
        }
    }

    private static func requireMember(_ device: DeviceID, in state: RingState) throws(KeyError) {
        guard state.roster.member(device) != nil else {
            throw KeyError(.notFound, "there is no device \(device) in this vault")
        }
    }
}
