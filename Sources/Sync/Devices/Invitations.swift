public import KeyRing
public import ObjectStorage
public import Vault

/// The inviter's side: making tokens, looking at who asks to be let in, letting in.
///
/// Letting in is, in this order: the roster record in the home, the record in the remote, the request's and
/// the invitation's removal. A crash in between leaves a record whose tag says that the invitation is used;
/// the next look puts what the remote lacks and cleans up.
public struct Invitations {
    private let vault: Vault
    private let home: Home
    private let store: any ObjectStore

    /// Invitations of a home's vault over a store whose prefix holds `sync/v1/`.
    public init(home: Home, vault: Vault, store: any ObjectStore) {
        self.home = home
        self.vault = vault
        self.store = store
    }

    /// Someone who asks, with a valid proof of a token that is still good.
    public struct Request: Sendable {
        /// What it shows.
        public let keys: PublicKeys
        /// What it calls itself.
        public let name: String
        /// What it was invited as.
        public let invitation: OpenInvitation
    }

    /// What a look at the remote found.
    public struct Look: Sendable {
        /// Who may be let in.
        public var requests: [Request] = []
        /// Invitations that nobody has used yet.
        public var waiting = 0
        /// Invitations that ran out and were dropped.
        public var expired = 0
        /// Invitations that were dropped because two devices proved the same token.
        public var cancelled = 0
        /// What stood in the place of a request and was not believed.
        public var rejected: [SyncError] = []
    }

    /// Makes a token, after putting the roster where the new device will look for it.
    ///
    /// - Parameters:
    ///   - rights: what an agent may write; nil for the usual.
    ///   - hint: the remote's URL, which the token carries.
    ///   - time: milliseconds since 1970.
    /// - Throws: `guardNeeded` for a role that may not be given, or not so; as `RemoteRoster.publish`.
    public func invite(
        as role: MemberRole, rights: AgentRights? = nil, isAutomatic: Bool, hint: String,
        keys: UnlockedKeys, time: UInt64
    ) throws -> (token: InviteToken, expiresAt: UInt64) {
        try requireMayInvite(role, isAutomatic, keys)
        try RemoteRoster(store).publish(keys.roster)
        let token = try InviteToken.random(for: keys.roster, hint: hint)
        let invitation = OpenInvitation(
            token, role: role, rights: role == .agent ? rights ?? .standard : nil, isAutomatic: isAutomatic,
            time: time)
        // Before anybody sees the token, so that what it says can be asked for after a crash.
        try vault.write { try invitation.store($0) }
        return (token, invitation.expiresAt)
    }

    private func requireMayInvite(
        _ role: MemberRole, _ isAutomatic: Bool, _ keys: UnlockedKeys
    ) throws {
        guard let own = keys.roster.member(keys.device), own.role.administers else {
            throw SyncError(.guardNeeded, "only an owner or an admin invites devices")
        }
        guard role.reads else {
            throw SyncError(
                .guardNeeded, "a device of the role \(role.name) is not invited",
                hint: "`ai-team backup writers add` takes its public key")
        }
        guard role != .owner || own.role == .owner else {
            throw SyncError(.guardNeeded, "only an owner invites an owner")
        }
        guard !isAutomatic || !role.administers else {
            throw SyncError(
                .guardNeeded, "a device of the role \(role.name) is never let in without a person's word",
                hint: "leave --auto-approve out, and run `ai-team device approve` when it asks")
        }
        guard keys.roster.isConfirmed else {
            throw SyncError(
                .guardNeeded, "the devices of this vault are not confirmed since it was recovered",
                hint: "run `ai-team device confirm` first")
        }
    }

    /// Looks at what every open invitation has brought, drops those that are over, and puts records that the
    /// remote lacks.
    public func look(keys: UnlockedKeys, time: UInt64) throws -> Look {
        var look = Look()
        let invitations = try vault.read { try OpenInvitation.all($0) }
        guard !invitations.isEmpty else { return look }
        try RemoteRoster(store).publish(keys.roster)
        for invitation in invitations {
            if try keys.roster.hasUsed(inviteTag: invitation.token.tag()) {
                try drop(invitation)
            } else if invitation.isExpired(at: time) {
                look.expired += 1
                try drop(invitation)
            } else {
                try examine(invitation, &look)
            }
        }
        return look
    }

    private func examine(_ invitation: OpenInvitation, _ look: inout Look) throws {
        var valid: Set<JoinRequest> = []
        for place in JoinPlace.allCases {
            let name = place.objectName(tag: try invitation.token.tag())
            guard let bytes = try store.request(at: name) else { continue }
            do { valid.insert(try JoinRequest(bytes, for: invitation.token)) } catch let error as SyncError {
                look.rejected.append(error)
            }
        }
        guard let request = valid.first else {
            look.waiting += 1
            return
        }
        let isKnown = invitation.seen.contains { $0 != 0 }
        guard valid.count == 1, !isKnown || invitation.seen == request.hash else {
            look.cancelled += 1
            return try drop(invitation)
        }
        if !isKnown {
            var noted = invitation
            noted.seen = request.hash
            try vault.write { try noted.store($0) }
        }
        look.requests.append(
            Request(
                keys: request.keys, name: try request.name(for: invitation.token), invitation: invitation))
    }

    /// Lets a device in.
    ///
    /// - Parameter code: the recovery code, which has to agree where it takes two.
    /// - Throws: `conflict` when its time is over; as `KeyRing.addMember` and `RemoteRoster.publish`.
    public func approve(
        _ request: Request, with code: RecoveryCode? = nil, keys: UnlockedKeys, time: UInt64
    ) throws -> UnlockedKeys {
        try requireGood(request.invitation, time)
        let (invitation, directory) = (request.invitation, home.keysDirectory)
        let changed: UnlockedKeys
        if let code, keys.roster.needsApproval(toAdd: invitation.role) {
            let proposal = try proposal(request, keys, time)
            changed = try KeyRing.approve(proposal, with: code, in: directory, keys: keys, time: time)
        } else {
            changed = try KeyRing.addMember(
                request.keys, as: invitation.role, rights: invitation.rights, name: request.name,
                inviteTag: invitation.token.tag(), in: directory, keys: keys, time: time)
        }
        try RemoteRoster(store).publish(changed.roster)
        try drop(invitation)
        return changed
    }

    /// Proposes to let a device in, where that takes two. The device waits for as long as the proposal is
    /// good.
    ///
    /// - Throws: `conflict` when its time is over; as `KeyRing.proposeMember`.
    public func propose(_ request: Request, keys: UnlockedKeys, time: UInt64) throws -> KeyRing.Proposal {
        try requireGood(request.invitation, time)
        let proposal = try proposal(request, keys, time)
        try Proposals(vault: vault, store: store).put(proposal, keys: keys)
        return proposal
    }

    private func proposal(
        _ request: Request, _ keys: UnlockedKeys, _ time: UInt64
    ) throws -> KeyRing.Proposal {
        try KeyRing.proposeMember(
            request.keys, as: request.invitation.role, rights: request.invitation.rights, name: request.name,
            inviteTag: request.invitation.token.tag(), keys: keys, time: time)
    }

    private func requireGood(_ invitation: OpenInvitation, _ time: UInt64) throws {
        guard invitation.isExpired(at: time) else { return }
        try drop(invitation)
        throw SyncError(.conflict, "the invitation has expired", hint: "make another: ai-team device invite")
    }

    /// Lets those in whose invitations say that no person has to: what a sync of the inviter does.
    ///
    /// - Returns: the keys afterwards, who was let in, and what else was found.
    public func approveAutomatic(
        keys: UnlockedKeys, time: UInt64
    ) throws -> (keys: UnlockedKeys, approved: [Request], look: Look) {
        var look = try look(keys: keys, time: time)
        let approved = look.requests.filter { $0.invitation.isAutomatic }
        look.requests.removeAll { $0.invitation.isAutomatic }
        var keys = keys
        for request in approved { keys = try approve(request, keys: keys, time: time) }
        return (keys, approved, look)
    }

    /// The objects first: as long as the invitation is stored, the next look tries again.
    private func drop(_ invitation: OpenInvitation) throws {
        for place in JoinPlace.allCases {
            try store.delete(place.objectName(tag: invitation.token.tag()))
        }
        try vault.write { try invitation.remove($0) }
    }
}
