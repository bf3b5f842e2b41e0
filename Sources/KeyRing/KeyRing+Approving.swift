import Cryptography

/// Records that one owner or admin may not make alone.
///
/// With three or more of them, taking one out, or down, letting another one in, or raising one, and changing
/// what recovers the vault need the signature of another one who stays, or of recovery keys: whoever has
/// broken into one of their devices can't shut the others out, nor let in who helps with that. Until it has
/// both signatures the record is a proposal: bytes that anybody may carry, good behind the record that was
/// the newest when they were made.
extension KeyRing {
    /// A record that waits for its second signature.
    public struct Proposal: Sendable, Hashable {
        /// What it would do.
        public enum Change: Sendable, Hashable {
            case remove
            case role(MemberRole)
            /// A device is let in.
            case add(MemberRole, PublicKeys)
            /// The vault has another recovery code, or other recovery keys.
            case recovery
        }

        /// The record with its author's signature alone.
        public let bytes: [UInt8]
        /// Who proposes.
        public let author: DeviceID
        /// Who would be removed, let in, or get another role; the author itself where nobody would.
        public let subject: DeviceID
        /// What would become of it.
        public let change: Change
        /// Milliseconds since 1970, by the author's clock.
        public let time: UInt64
        let record: RosterRecord

        /// How long a proposal is good, in milliseconds.
        public static let lifetime: UInt64 = 7 * 86_400_000

        /// A proposal as it came.
        ///
        /// - Throws: as `RosterRecord`; `invalidRoster` for a record that needs no approval.
        public init(_ bytes: [UInt8]) throws(KeyError) {
            try self.init(RosterRecord(bytes))
        }

        /// Whether it carries its author's signature.
        public func isSigned(in roster: Roster) -> Bool {
            guard !record.isApproved, let member = roster.member(author) else { return false }
            do throws(KeyError) {
                try record.verify(0, .author, by: author, key: member.keys.signing)
                return true
            } catch { return false }
        }

        init(_ record: RosterRecord) throws(KeyError) {
            switch record.body {
            case .remove(let device, _, _): (subject, change) = (device, .remove)
            case .role(let device, let role, _, _): (subject, change) = (device, .role(role))
            case .add(let addition):
                (subject, change) = (addition.keys.id, .add(addition.role, addition.keys))
            case .recoveryChange: (subject, change) = (record.author, .recovery)
            default: throw KeyError(.invalidRoster, "a record of this kind needs no approval")
            }
            self.record = record
            bytes = record.bytes
            author = record.author
            time = record.time
        }
    }

    /// The removal of a device, signed by this one alone.
    ///
    /// - Throws: `guardRefused` as `removeMember`.
    public static func proposeRemoval(
        of device: DeviceID, pins: [Pin], keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> Proposal {
        try propose(about: device, keys) { (state) throws(KeyError) in
            let epoch = try state.nextEpoch(state.roster.recipients.filter { $0.id != device })
            return try state.signed(.remove(device: device, pins: pins, epoch: epoch), time: time)
        }
    }

    /// Another role of a device, signed by this one alone.
    ///
    /// - Throws: `guardRefused` as `setRole`.
    public static func proposeRole(
        _ role: MemberRole, of device: DeviceID, rights: AgentRights?, pins: [Pin], keys: UnlockedKeys,
        time: UInt64
    ) throws(KeyError) -> Proposal {
        try propose(about: device, keys) { (state) throws(KeyError) in
            let rights = role == .agent ? rights ?? .standard : nil
            return try state.signed(.role(device: device, role: role, pins: pins, rights: rights), time: time)
        }
    }

    /// Letting a device in, signed by this one alone.
    ///
    /// - Throws: `guardRefused` where this device's role can't.
    public static func proposeMember(
        _ publicKeys: PublicKeys, as role: MemberRole, rights: AgentRights? = nil, name: String,
        inviteTag: [UInt8]? = nil, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> Proposal {
        let state = keys.state
        let addition = try state.addition(
            of: publicKeys, as: role, rights: rights, name: name, inviteTag: inviteTag)
        return try Proposal(state.signed(.add(addition), time: time))
    }

    /// A new recovery code of the vault, signed by this device alone. Once the record counts, `adopt` has
    /// the homes opened by it.
    public static func proposeRecoveryCode(
        keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> (proposal: Proposal, code: RecoveryCode) {
        var state = keys.state
        let code = try RecoveryCode.random()
        let recovery = try code.recoveryKeys()
        let pairs = state.roster.recovery.filter { $0.kind != .code } + [code.pair(recovery)]
        let (body, signers) = try state.recoveryChange(to: pairs, new: recovery)
        return (try Proposal(state.signed(body, extra: signers, time: time)), code)
    }

    private static func propose(
        about device: DeviceID, _ keys: UnlockedKeys,
        _ make: (inout RingState) throws(KeyError) -> RosterRecord
    ) throws(KeyError) -> Proposal {
        var state = keys.state
        if let reason = state.roster.reasonNotToChange(device, by: state.device) {
            throw KeyError(.guardRefused, reason)
        }
        return try Proposal(make(&state))
    }

    /// Gives a proposal its second signature, by this device or by recovery keys, and adds the record.
    ///
    /// - Parameter code: the vault's recovery code, where that approves.
    /// - Throws: `conflict` when the roster has gone on since it was made; `guardRefused` when this device
    ///   may not approve it; `invalidRoster` for one that breaks a rule.
    public static func approve(
        _ proposal: Proposal, with code: RecoveryCode? = nil, in keysDirectory: String, keys: UnlockedKeys,
        time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        let recovery = try code.map { (code) throws(KeyError) in try code.recoveryKeys() }
        return try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            guard state.roster.fits(proposal) else {
                throw KeyError(
                    .conflict, "the vault's members have changed since this was proposed",
                    hint: "whoever proposed it proposes it anew")
            }
            let signer = recovery ?? state.identity
            let id = recovery?.publicKeys.id ?? state.device
            guard recovery != nil || id != proposal.author && id != proposal.subject else {
                throw KeyError(
                    .guardRefused, "this needs the signature of another owner or admin, or the recovery code")
            }
            let approved = try orKeyError(.failed, "roster record") { () throws(CryptoError) in
                try proposal.record.adding(RosterRecord.Signer(role: .approval, id: id, keys: signer))
            }
            let epoch = state.epochInUse
            _ = try state.follow([approved.bytes])
            // Where a remote orders the roster, it has to have the record first.
            if state.isOrdered { state.epochInUse = epoch }
        }
    }
}

extension Roster {
    /// Whether a proposal continues this chain, so that a second signature makes it the next record.
    public func fits(_ proposal: KeyRing.Proposal) -> Bool {
        proposal.record.vaultID == vaultID && proposal.record.sequence == headSequence + 1
            && proposal.record.prevHash == headHash
    }

    /// Whether there are so many owners and admins that some changes take two of them.
    public var takesTwo: Bool { members.count { $0.role.administers } >= 3 }

    /// Whether removing a member takes two owners or admins, or giving it another role does.
    ///
    /// - Parameter role: nil for a removal.
    public func needsApproval(of device: DeviceID, to role: MemberRole? = nil) -> Bool {
        guard let present = member(device)?.role, present != role else { return false }
        let isLess = role.map { $0.isNarrower(than: present) } ?? true
        return takesTwo && (isLess ? present.administers : role?.administers ?? false)
    }

    /// Whether letting in a device of this role takes two.
    public func needsApproval(toAdd role: MemberRole) -> Bool { takesTwo && role.administers }
}

extension RingState {
    /// A record by this device that is not added.
    fileprivate func signed(
        _ body: RosterBody, extra: [RosterRecord.Signer] = [], time: UInt64
    ) throws(KeyError) -> RosterRecord {
        let unsigned = RosterRecord.Unsigned(
            vaultID: vaultID, sequence: roster.headSequence + 1, prevHash: roster.headHash, author: device,
            time: time, body: body)
        return try orKeyError(.failed, "roster record") { () throws(CryptoError) in
            try RosterRecord(
                unsigned, signers: [RosterRecord.Signer(role: .author, id: device, keys: identity)] + extra)
        }
    }
}
