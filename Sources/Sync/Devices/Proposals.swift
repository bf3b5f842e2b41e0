internal import Cryptography
public import KeyRing
public import ObjectStorage
public import Vault

/// Changes of the members that wait for a second signature: `j/<device>-p` in the remote, one of each device,
/// and among the encrypted settings of each home that has looked.
///
/// The bytes are a signed record of the roster and hold no secret. Nothing is believed for where it stands.
public struct Proposals {
    private let store: any ObjectStore
    private let vault: Vault
    private static let prefix = "proposal/"
    private static let lookedKey = "proposals/looked_at"
    /// Milliseconds between two looks.
    private static let pause: UInt64 = 3_600_000
    private static let sizeLimit = 1 << 20

    /// Proposals in a store whose prefix holds `sync/v1/`, and in a home's vault.
    public init(vault: Vault, store: any ObjectStore) {
        self.vault = vault
        self.store = store
    }

    /// Puts a proposal where the others look, in place of an earlier one of this device.
    public func put(_ proposal: KeyRing.Proposal, keys: UnlockedKeys) throws {
        let name = SyncName.proposal(proposal.author).objectName(vault: keys.vaultID)
        _ = try store.put(name, .bytes(proposal.bytes), .none)
        try remember([proposal])
    }

    /// Looks at the place of every other owner and admin, and remembers what is good.
    public func look(keys: UnlockedKeys, time: UInt64) throws -> [KeyRing.Proposal] {
        var found: [KeyRing.Proposal] = []
        for member in keys.roster.members where member.role.administers {
            if let proposal = try Self.read(of: member.id, keys.roster, in: store, time) {
                found.append(proposal)
            }
        }
        try remember(found)
        return found
    }

    /// `look`, where it takes two and the last look was an hour ago: so a proposal is shown without being
    /// asked for.
    public func lookNowAndThen(keys: UnlockedKeys, time: UInt64) throws {
        let administrators = keys.roster.members.filter(\.role.administers)
        guard administrators.count >= 3, administrators.contains(where: { $0.id == keys.device }) else {
            return
        }
        let last = try vault.read { try $0.setting(Self.lookedKey) }.flatMap { UInt64($0) } ?? 0
        // A clock that was set back must not put it off for ever.
        guard time >= last + Self.pause || time < last else { return }
        _ = try look(keys: keys, time: time)
        try vault.write(actor: "sync") { try $0.setSetting(Self.lookedKey, String(time)) }
    }

    /// What this home knows of without asking the remote.
    public static func known(
        to vault: Vault, keys: UnlockedKeys, time: UInt64
    ) throws -> [KeyRing.Proposal] {
        let stored = try vault.read { try $0.settings(prefix: prefix) }.sorted { $0.key < $1.key }
        return try stored.compactMap { key, value in
            guard let bytes = Crockford32.decode(value) else {
                throw SyncError(.integrityFailure, "the stored proposal \(key) is malformed")
            }
            let proposal = try KeyRing.Proposal(bytes)
            return isGood(proposal, keys.roster, time) ? proposal : nil
        }
    }

    /// Removes a proposal that was approved.
    public func remove(_ proposal: KeyRing.Proposal, keys: UnlockedKeys) throws {
        try store.delete(SyncName.proposal(proposal.author).objectName(vault: keys.vaultID))
        try remember([])
    }

    /// Whether somebody who may proposes to let a device in.
    static func isProposed(
        _ device: DeviceID, _ roster: Roster, in store: any ObjectStore, time: UInt64
    ) throws -> Bool {
        try roster.members.contains { member in
            guard member.role.administers,
                let proposal = try read(of: member.id, roster, in: store, time),
                proposal.subject == device, case .add = proposal.change
            else { return false }
            return true
        }
    }

    /// What a member proposes; nil for nothing that is good.
    private static func read(
        of member: DeviceID, _ roster: Roster, in store: any ObjectStore, _ time: UInt64
    ) throws -> KeyRing.Proposal? {
        let name = SyncName.proposal(member).objectName(vault: roster.vaultID)
        let bytes: [UInt8]
        do { bytes = try store.read(name, limit: sizeLimit) } catch let error as StorageError {
            guard error.code == .notFound || error.code == .integrity else { throw error }
            return nil
        }
        do throws(KeyError) {
            let proposal = try KeyRing.Proposal(bytes)
            return isGood(proposal, roster, time) && proposal.author == member ? proposal : nil
        } catch { return nil }  // somebody else's bytes in that place propose nothing
    }

    private func remember(_ proposals: [KeyRing.Proposal]) throws {
        let known = try vault.read { try $0.settings(prefix: Self.prefix) }
        let wanted = proposals.reduce(into: [String: String]()) {
            $0[Self.prefix + $1.author.description] = Crockford32.encode($1.bytes)
        }
        guard known != wanted else { return }
        try vault.write(actor: "sync") { transaction in
            for key in known.keys where wanted[key] == nil { try transaction.setSetting(key, nil) }
            for (key, value) in wanted { try transaction.setSetting(key, value) }
        }
    }

    /// Whether a second signature would make it the next record. Its author's signature is verified with the
    /// second one.
    private static func isGood(_ proposal: KeyRing.Proposal, _ roster: Roster, _ time: UInt64) -> Bool {
        roster.fits(proposal) && proposal.isSigned(in: roster)
            && time < proposal.time + KeyRing.Proposal.lifetime
    }
}
