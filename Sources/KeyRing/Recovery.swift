/// Opening a vault's history with a recovery secret alone: what a bare machine does with a backup.
public enum Recovery {
    /// The chain that a recovery secret vouches for, opened, and what is wrong with the others.
    public struct Choice: Sendable {
        /// The vault's keys, under the longest chain.
        public let keys: RecoveredKeys
        /// Chains that are not to be believed, by their place among those given.
        public let refused: [Refusal]
    }

    /// A chain that is not to be believed.
    public struct Refusal: Sendable {
        /// Its place among the chains given.
        public let index: Int
        /// Why: `wrongKey` for a chain of another vault, which is no attack; `integrityFailure` for one built
        /// around the recovery keys; `invalidRoster` or `newerFormat` for one that can't be read or followed.
        public let error: KeyError
    }

    /// Authenticates a chain of roster records by a recovery secret and opens all its epochs.
    ///
    /// The secret itself vouches for the vault: a record that introduces its public keys must carry a
    /// signature by them over the vault id and that record. Only then is the chain walked. So a provider who
    /// builds a vault of its own around recovery keys it has seen is refused (`integrityFailure`). A secret
    /// that no record knows is `wrongKey`, and so is one that a newer one has replaced.
    public static func open(
        _ chain: [[UInt8]], with secret: RecoverySecret
    ) throws(KeyError) -> RecoveredKeys {
        try choose(among: [chain], with: secret).keys
    }

    /// `open` with the recovery code.
    public static func open(_ chain: [[UInt8]], with code: RecoveryCode) throws(KeyError) -> RecoveredKeys {
        try open(chain, with: .code(code))
    }

    /// Finds the vault's chain among all that a store shows: the longest of those that the secret vouches
    /// for. A beginning of it is the same chain, seen earlier; any other beside it is a fork.
    ///
    /// - Parameter head: the first hexadecimal digits of the chosen chain's head, once a person has settled a
    ///   fork.
    /// - Throws: as `open`; `integrityFailure` for a fork, naming the heads; `notFound` for a head that no
    ///   chain has.
    public static func choose(
        among chains: [[[UInt8]]], with secret: RecoverySecret, head: String? = nil
    ) throws(KeyError) -> Choice {
        var finder = try RecoveryKeyFinder(secret)
        var believed: [Candidate] = []
        var refused: [Refusal] = []
        let longestFirst = chains.indices.sorted { (chains[$1].count, $0) < (chains[$0].count, $1) }
        for index in longestFirst
        where !believed.contains(where: { $0.roster.chain.starts(with: chains[index]) }) {
            do throws(KeyError) {
                believed.append(try vouched(chains[index], secret, &finder))
            } catch {
                refused.append(Refusal(index: index, error: error))
            }
        }
        guard let longest = believed.first else { throw weightiest(refused) }
        let chosen = believed.count == 1 && head == nil ? longest : try settled(believed, head)
        guard let epochs = chosen.epochs else {
            throw KeyError(.wrongKey, "a newer \(secret.name) has replaced this one")
        }
        let keys = RecoveredKeys(
            roster: chosen.roster, epochs: epochs, secret: secret, identity: chosen.identity)
        return Choice(keys: keys, refused: refused.sorted { $0.index < $1.index })
    }

    /// A chain that the secret vouches for.
    private struct Candidate {
        let roster: Roster
        let identity: IdentityKeys
        /// Nil when a newer secret has replaced this one.
        let epochs: [EpochKey]?
    }

    /// One chain, authenticated, then verified, then opened.
    private static func vouched(
        _ chain: [[UInt8]], _ secret: RecoverySecret, _ finder: inout RecoveryKeyFinder
    ) throws(KeyError) -> Candidate {
        var records: [RosterRecord] = []
        for bytes in chain { records.append(try RosterRecord(bytes)) }
        let identity = try identity(in: records, secret, &finder)
        let vaultID = try vouchedVault(in: records, by: identity.publicKeys, secret)
        let roster = try Roster(verifying: chain)
        guard roster.vaultID == vaultID else {
            throw KeyError(
                .integrityFailure, "the \(secret.name) vouches for another vault than this chain's")
        }
        guard roster.recovery.contains(where: { $0.keys == identity.publicKeys }) else {
            return Candidate(roster: roster, identity: identity, epochs: nil)
        }
        let epochs = try roster.openEpochs(with: identity.agreement, as: identity.publicKeys.id)
        return Candidate(roster: roster, identity: identity, epochs: epochs)
    }

    /// The keys, when a record names them. Of recovery passphrases only the newest is tried: each takes a
    /// second.
    private static func identity(
        in records: [RosterRecord], _ secret: RecoverySecret, _ finder: inout RecoveryKeyFinder
    ) throws(KeyError) -> IdentityKeys {
        var lists = records.compactMap(\.body.recoveryPairs)
        if case .passphrase = secret.storage {
            lists = lists.suffix(1)
            guard lists.joined().contains(where: { $0.kind == .passphrase }) else {
                throw KeyError(
                    .wrongKey, "this vault can't be recovered with its passphrase",
                    hint: "that was not turned on; use the recovery code")
            }
        }
        for pair in lists.joined() {
            if let keys = try finder.keys(for: pair) { return keys }
        }
        throw stranger(secret)
    }

    /// The vault that the recovery keys' own signature names.
    private static func vouchedVault(
        in records: [RosterRecord], by keys: PublicKeys, _ secret: RecoverySecret
    ) throws(KeyError) -> VaultID {
        for record in records where record.body.recoveryPairs?.contains(where: { $0.keys == keys }) == true {
            let place = record.signatures.firstIndex { $0.role == .recovery && $0.signer == keys.id }
            guard let place else { continue }
            do {
                try record.verify(place, .recovery, by: keys.id, key: keys.signing)
            } catch {
                throw forged(secret)
            }
            return record.vaultID
        }
        throw forged(secret)
    }

    private static func stranger(_ secret: RecoverySecret) -> KeyError {
        switch secret.storage {
        case .code:
            KeyError(
                .wrongKey, "the recovery code is not of this vault",
                hint: "it has no typo; look for the code that was shown when this vault was made")
        case .passphrase:
            KeyError(
                .wrongKey, "the passphrase is not the one that recovers this vault",
                hint: "it is the last one that was set; the recovery code works as well")
        }
    }

    private static func forged(_ secret: RecoverySecret) -> KeyError {
        KeyError(
            .integrityFailure, "this vault was built around the recovery keys without the \(secret.name)",
            hint: "do not trust this copy; fetch the backup from another place")
    }

    /// What to say when no chain is believed. A forgery counts more than a stranger's chain, and that more
    /// than one that can't be read: what is not ours says nothing about the secret.
    private static func weightiest(_ refused: [Refusal]) -> KeyError {
        let order: [KeyError.Code] = [.integrityFailure, .newerFormat, .failed, .wrongKey]
        for code in order {
            if let found = refused.first(where: { $0.error.code == code }) { return found.error }
        }
        return refused.first?.error ?? KeyError(.notFound, "there is no roster to recover from")
    }

    /// The chain that a person chose among those that part.
    private static func settled(
        _ chains: [Candidate], _ head: String?
    ) throws(KeyError) -> Candidate {
        let heads = chains.map { $0.roster.headText }
        guard let head else {
            let places = zip(chains, heads).map { "\($1) with \($0.roster.records.count) records" }
            throw KeyError(
                .integrityFailure,
                "the roster was forked: there are several chains, ending in "
                    + places.joined(separator: " and "),
                hint: "compare the heads with what another device shows, and name the right one")
        }
        let chosen = zip(chains, heads).filter { $1.hasPrefix(head.lowercased()) && head.utf8.count >= 4 }
        guard let only = chosen.first, chosen.count == 1 else {
            throw KeyError(.notFound, "no chain, or more than one, ends in \(head)")
        }
        return only.0
    }
}

extension Roster {
    /// The first 16 hexadecimal digits of the newest record's hash, by which people tell chains apart.
    public var headText: String { Hex.encode(Array(headHash[..<8])) }
}
