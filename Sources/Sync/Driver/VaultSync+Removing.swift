public import KeyRing
internal import Vault

/// Removing a member, as a device does that syncs.
extension VaultSync {
    /// Where what a device wrote ends here: the last segment of each of its lanes that was verified and
    /// applied.
    ///
    /// - Parameter staying: whether it stays a member. Lives that have ended before then stay as their own
    ///   records say: the device has gone on since, and would not send again what a later pin cuts off.
    func pins(of device: DeviceID, staying: Bool) -> [Pin] {
        state.positions.compactMap { lane, position in
            guard lane.author.device == device, position.sequence > 0,
                !staying || membership.pin(of: lane) == nil
            else { return nil }
            return Pin(
                incarnation: lane.author.incarnation, kind: .segments, stream: lane.stream,
                sequence: position.sequence, hash: position.hash)
        }
    }

    /// Removes a device, by one record: of what it wrote counts what is applied here and no more, and the
    /// next epoch is not sealed to it. Nothing is sent; the next round brings the record to the remote.
    ///
    /// The record is on disk before what is remembered of sync goes back to the pins. A crash in between is
    /// made good by the next start, which compares the two.
    ///
    /// - Parameter manifests: its last backup of each incarnation that counts.
    /// - Throws: `guardNeeded` where this device does not take in all streams, since what it has not got
    ///   would be cut off; as `KeyRing.removeMember`.
    public func remove(_ device: DeviceID, manifests: [Pin]) throws {
        try requireEverything()
        let pins = pins(of: device, staying: false) + manifests
        try changeKeys { (directory, keys) throws(KeyError) in
            try KeyRing.removeMember(device, pins: pins, in: directory, keys: keys, time: self.now())
        }
    }

    /// Gives a device another role. Where that takes rights away, what counts of what it wrote before ends
    /// where it is applied here, and the device goes on in a new life.
    ///
    /// - Parameters:
    ///   - rights: what an agent may write; nil for the usual.
    ///   - manifests: its last backup of each incarnation that counts.
    /// - Throws: as `remove`, and `KeyRing.setRole`.
    public func setRole(
        _ role: MemberRole, of device: DeviceID, rights: AgentRights?, manifests: [Pin]
    ) throws {
        let narrows = keys.roster.member(device).map { !role.isWider(than: $0.role) } ?? false
        if narrows { try requireEverything() }
        let pins = narrows ? pins(of: device, staying: true) + manifests : []
        try changeKeys { (directory, keys) throws(KeyError) in
            try KeyRing.setRole(
                role, of: device, rights: rights, pins: pins, in: directory, keys: keys, time: self.now())
        }
    }

    /// The same as `remove`, or with a role as `setRole`, where that takes two: signed by this device alone.
    /// Nothing is changed here.
    public func propose(
        _ role: MemberRole?, rights: AgentRights? = nil, of device: DeviceID, manifests: [Pin]
    ) throws -> KeyRing.Proposal {
        let present = keys.roster.member(device)?.role
        let narrows = role.map { role in present.map { !role.isWider(than: $0) } ?? false } ?? true
        if narrows { try requireEverything() }
        let pins = narrows ? pins(of: device, staying: role != nil) + manifests : []
        guard let role else {
            return try KeyRing.proposeRemoval(of: device, pins: pins, keys: keys, time: now())
        }
        return try KeyRing.proposeRole(
            role, of: device, rights: rights, pins: pins, keys: keys, time: now())
    }

    /// Gives a proposal its second signature, by this device or by the recovery code.
    ///
    /// - Throws: as `KeyRing.approve`.
    public func approve(_ proposal: KeyRing.Proposal, with code: RecoveryCode?, time: UInt64) throws {
        try changeKeys { (directory, keys) throws(KeyError) in
            try KeyRing.approve(proposal, with: code, in: directory, keys: keys, time: time)
        }
    }

    private func requireEverything() throws {
        guard try !state.isAttached || VaultSync.excluded(vault).isEmpty else {
            throw SyncError(
                .guardNeeded,
                "this device does not take in everything that others write, so it can't say where it ends",
                hint: "do it on a device that does, or widen sync_config here and run `ai-team sync both`")
        }
    }
}
