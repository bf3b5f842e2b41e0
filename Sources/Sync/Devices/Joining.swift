public import Cryptography
internal import FileSystem
public import KeyRing
public import ObjectStorage
public import Vault

/// The new device's side of an invitation: it asks, waits, and makes its vault.
///
/// Its keys, the token and the request stand encrypted in the home before the request leaves, so that a join
/// that was interrupted goes on with the same request.
public struct Joining {
    /// How a request stands.
    public enum State: Sendable {
        /// The device is a member by this chain.
        case approved(Roster)
        /// Nobody has let the device in yet.
        case waiting
        /// The request is not there: not asked yet, or refused.
        case missing
        /// The invitation has expired.
        case expired
    }

    /// This device's keys.
    public let identity: JoiningIdentity
    /// Where the vault's remote is.
    public let remote: String
    private let home: Home
    private let token: InviteToken
    private let request: [UInt8]
    private let begunAt: UInt64

    /// The invitation was made before its token came here, so it is over by then.
    private var endsAt: UInt64 { begunAt + OpenInvitation.lifetime }

    private init(
        _ identity: JoiningIdentity, token: InviteToken, request: [UInt8], remote: String, home: Home,
        begunAt: UInt64
    ) {
        self.identity = identity
        self.token = token
        self.request = request
        self.remote = remote
        self.home = home
        self.begunAt = begunAt
    }

    // MARK: - Keys that wait

    /// Makes the keys of this device and keeps them in `home`, whose layout is there. Nothing leaves yet.
    ///
    /// - Parameters:
    ///   - remote: the URL that a later run opens.
    ///   - secret: what will open the home.
    ///   - time: milliseconds since 1970.
    /// - Throws: `KeyError` with code `conflict` when keys are there already.
    public static func begin(
        with token: InviteToken, name: String, remote: String, in home: Home, secret: SlotSecret,
        cost: ScryptParameters = .standard, time: UInt64
    ) throws -> Joining {
        let identity = try JoiningIdentity.random()
        let request = try JoinRequest(identity, name: name, token: token).bytes
        var writer = CanonicalWriter()
        writer.string(token.reveal())
        writer.blob(request)
        writer.string(remote)
        writer.u64(time)
        var note = writer.bytes
        try identity.store(
            in: home.keysDirectory, note: SecretBytes(wiping: &note), secret: secret, cost: cost, time: time)
        return Joining(
            identity, token: token, request: request, remote: remote, home: home, begunAt: time)
    }

    /// The join that waits in `home`.
    ///
    /// - Throws: `KeyError` as `JoiningIdentity.open`.
    public static func resume(in home: Home, secret: SlotSecret) throws -> Joining {
        let identity = try JoiningIdentity.open(in: home.keysDirectory, with: secret)
        var reader = CanonicalReader(identity.withNote { Array($0) })
        let token = try InviteToken(reader.string(limit: 4096))
        let request = try reader.blob(limit: JoinRequest.count)
        let remote = try reader.string(limit: 4096)
        let time = try reader.u64()
        try reader.expectEnd()
        return Joining(
            identity, token: token, request: request, remote: remote, home: home, begunAt: time)
    }

    /// Whether `other` is the invitation that this join is about.
    public func isBy(_ other: InviteToken) throws -> Bool { try token.tag() == other.tag() }

    // MARK: - Asking

    /// Verifies that the store shows the vault which the token names, in a state that the inviter had, before
    /// anything of this device leaves.
    ///
    /// - Throws: `KeyError` with code `integrityFailure`, `invalidRoster` or `notFound`.
    public static func requireVault(of token: InviteToken, in store: any ObjectStore) throws {
        let roster = try RemoteRoster(store).read(of: token.vaultID)
        try KeyRing.requireInvited(roster, to: token.vaultID, containing: token.head)
    }

    /// Puts the request. One that is there already is left.
    ///
    /// - Throws: `integrityFailure` when another device has proven the same token: the inviter then lets
    ///   neither in.
    public func ask(in store: any ObjectStore) throws {
        try Self.requireVault(of: token, in: store)
        guard try store.request(at: name(.first)) != request, try store.request(at: name(.second)) != request
        else { return }
        for place in JoinPlace.allCases {
            if try put(at: place, in: store) { return try requireSingle(in: store) }
        }
        try requireSingle(in: store)
        throw SyncError(
            .conflict, "the places for requests of this invitation are taken by something else",
            hint: "someone with access to the remote fills them: ask for another invitation")
    }

    private func name(_ place: JoinPlace) throws -> ObjectName { place.objectName(tag: try token.tag()) }

    /// False when something else is there.
    private func put(at place: JoinPlace, in store: any ObjectStore) throws -> Bool {
        do {
            _ = try store.put(name(place), .bytes(request), .ifAbsent)
            return true
        } catch let error as StorageError {
            guard error.code == .preconditionFailed else { throw error }
            // The answer to an earlier try may have been lost.
            return try store.request(at: name(place)) == request
        }
    }

    private func requireSingle(in store: any ObjectStore) throws {
        for place in JoinPlace.allCases {
            guard let other = try store.request(at: name(place)), other != request else { continue }
            guard try !proves(other) else {
                throw SyncError(
                    .integrityFailure, "another device has used this invitation: someone else has the token",
                    hint: "neither is let in; ask for another invitation, and hand it over unseen")
            }
        }
    }

    /// Garbage proves nothing, and the inviter does not believe it either.
    private func proves(_ bytes: [UInt8]) throws -> Bool {
        do {
            _ = try JoinRequest(bytes, for: token)
            return true
        } catch is SyncError { return false }
    }

    /// Looks whether the device was let in.
    ///
    /// - Parameter time: milliseconds since 1970, by the clock that `begin` was told.
    public func look(in store: any ObjectStore, time: UInt64) throws -> State {
        // The request before the chain: it goes only after the record is there.
        let isThere = try JoinPlace.allCases.contains { try store.request(at: name($0)) == request }
        let roster = try RemoteRoster(store).read(of: token.vaultID)
        try KeyRing.requireInvited(roster, to: token.vaultID, containing: token.head)
        if roster.member(identity.device)?.keys == identity.publicKeys { return .approved(roster) }
        guard time < endsAt else {
            // Where it takes two the inviter has agreed, and the other one has longer than the invitation.
            return try Proposals.isProposed(identity.device, roster, in: store, time: time)
                ? .waiting : .expired
        }
        return isThere ? .waiting : .missing
    }

    /// Removes the keys that wait: their vault is made, or nobody lets them in.
    public func forget() throws { try JoiningIdentity.remove(in: home.keysDirectory) }

    // MARK: - Making the vault

    /// Makes the ring and the vault's database of a device that was let in. What a crash left done is not
    /// done again; `forget` comes last.
    public func finish(
        _ roster: Roster, secret: SlotSecret, cost: ScryptParameters = .standard, time: UInt64
    ) throws -> (keys: UnlockedKeys, vault: Vault) {
        let directory = home.keysDirectory
        let keys: UnlockedKeys
        if try KeyRing.exists(in: directory) {
            keys = try KeyRing.open(in: directory, with: secret)
        } else {
            keys = try KeyRing.join(
                in: directory, as: identity, roster: roster, of: token.vaultID, containing: token.head,
                secret: secret, cost: cost, time: time)
        }
        let vault =
            try Files.exists(home.databasePath)
            ? Vault.open(home: home, keys: keys) : Vault.create(home: home, keys: keys)
        return (keys, vault)
    }
}
