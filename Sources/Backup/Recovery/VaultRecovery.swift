internal import Cryptography
internal import EncryptedSQLite
internal import FileSystem
public import KeyRing
public import ObjectStorage
public import Vault

/// Brings a vault back to a bare machine from its backups and a recovery secret.
public struct VaultRecovery {
    /// What a person decided after seeing what the store shows.
    public struct Decision {
        /// Whose newest backup is taken.
        public var writer: RecoveryFinding.Writer
        /// Whether the members' fingerprints were compared. Otherwise the new epoch is not sealed to them.
        public var confirmsMembers: Bool
        /// What opens the new home, besides the recovery code.
        public var secret: SlotSecret
        /// What the new device is called.
        public var name: String
        /// Completes the configuration of the home, whose files are there, before the vault is.
        public var configure: (Home) throws -> Void = { _ in }

        public init(
            writer: RecoveryFinding.Writer, confirmsMembers: Bool, secret: SlotSecret, name: String
        ) {
            self.writer = writer
            self.confirmsMembers = confirmsMembers
            self.secret = secret
            self.name = name
        }
    }

    /// What a recovery did.
    public struct Report: Sendable {
        public let finding: RecoveryFinding
        public let backup: VaultBackups.Summary
        public let keys: UnlockedKeys
        /// Tasks whose claims were ended.
        public let droppedLeases: [String]
        /// Files from outside the vault that came back, below `files/`.
        public let outsideFiles: UInt64
        /// What of this backup did not come back: files from outside, one by one.
        public let failures: [VaultBackups.Problem]
    }

    private let source: any RecoverySource
    private let home: Home
    private let mode: Mode
    private let surroundings: Surroundings

    /// - Parameters:
    ///   - directory: a directory that holds `backup/v1/` as a bucket does, or a copy of `data/backups`.
    ///   - home: the home to make; there is no vault in it yet.
    ///   - mode: what its configuration says.
    public init(
        directory: String, into home: Home, mode: Mode = .local, surroundings: Surroundings = .system
    ) throws {
        try self.init(
            BackupStore(foundIn: directory), into: home, mode: mode, surroundings: surroundings)
    }

    /// - Parameter remote: a store whose prefix holds `backup/v1/`.
    public init(
        _ remote: OpenStore, into home: Home, mode: Mode = .local, surroundings: Surroundings = .system
    ) throws {
        try self.init(
            BucketSource(remote.store), into: home, mode: mode, surroundings: surroundings)
    }

    package init(
        _ source: any RecoverySource, into home: Home, mode: Mode = .local,
        surroundings: Surroundings = .system
    ) throws {
        self.source = source
        self.home = home
        self.mode = mode
        self.surroundings = surroundings
    }

    /// Looks at the store, asks `decide`, fetches what is needed, verifies it whole, and only then makes the
    /// home.
    ///
    /// The secret authenticates the chain of records first; manifests are judged under the longest one that
    /// it vouches for, and the rest is named and changes nothing. When this fails, the directory is as it
    /// was, but for packs that were fetched before the store went away: the next try goes on from there.
    ///
    /// - Parameters:
    ///   - head: the head of the chain to take, where there is a fork.
    ///   - isOutsideLeftOut: whether files from outside the vault are left in the backup.
    ///   - acceptsUnanchored: whether backups by machines without keys count although nobody vouches for how
    ///     fresh they are.
    ///   - time: milliseconds since 1970.
    /// - Throws: `KeyError` as `Recovery.choose`; `BackupError` with `.notFound`, `.ambiguous`, `.integrity`,
    ///   `.conflict`; what `decide` throws.
    public func run(
        with secret: RecoverySecret, chain head: String? = nil, isOutsideLeftOut: Bool = false,
        acceptsUnanchored: Bool = false, time: UInt64, decide: (RecoveryFinding) throws -> Decision,
        progress: (BackupProgress) -> Void = { _ in }
    ) throws -> Report {
        let target = try RecoveryTarget(home)
        do {
            let cache = try RecoveryCache(source, in: home)
            let (keys, index, finding) = try look(cache, secret, head, acceptsUnanchored)
            let decision = try decide(finding)
            let entry = try entry(of: decision.writer, in: index)
            let manifest = try cache.manifest(entry.name)
            try cache.fetch(manifest.clear.packs) {
                progress(BackupProgress(phase: .packs, done: $0, total: $1))
            }
            let report = try Recovering(
                cache: cache, keys: keys, finding: finding, decision: decision, home: home, mode: mode,
                surroundings: surroundings, isOutsideLeftOut: isOutsideLeftOut,
                acceptsUnanchored: acceptsUnanchored, time: time
            ).restore(entry, progress)
            try target.finish()
            return report
        } catch {
            try target.undo(after: error)
            throw error
        }
    }

    /// The keys, every manifest judged under their chain, and what a person is to know of it.
    private func look(
        _ cache: RecoveryCache, _ secret: RecoverySecret, _ head: String?, _ acceptsUnanchored: Bool
    ) throws -> (RecoveredKeys, BackupIndex, RecoveryFinding) {
        var chains: [[[UInt8]]] = []
        var rows: [[[UInt8]]: Int] = [:]
        var chainOf: [String: Int] = [:]
        for name in cache.manifestListing().names {
            // What is wrong with a manifest is named when they are judged.
            guard let chain = try chain(in: name, cache) else { continue }
            if rows[chain] == nil {
                rows[chain] = chains.count
                chains.append(chain)
            }
            chainOf[name.description] = rows[chain]
        }
        guard !chains.isEmpty else { throw try nothing(cache) }
        let choice = try Recovery.choose(among: chains, with: secret, head: head)
        let index = try BackupIndex(
            cache, at: .unknown, running: choice.keys.roster, isSettled: true,
            acceptsUnanchored: acceptsUnanchored)
        let reasons = Dictionary(uniqueKeysWithValues: choice.refused.map { ($0.index, $0.error) })
        let problems = index.failures.map { failure in
            // Why its chain is not the vault's says more than that it is not.
            let error = chainOf[failure.object].flatMap { reasons[$0] }
            guard let error, error.code == .integrityFailure else { return VaultBackups.Problem(failure) }
            return VaultBackups.Problem(BackupError.integrity(failure.object, error.message), in: "")
        }
        return (choice.keys, index, try RecoveryFinding(choice.keys, index, problems: problems))
    }

    private func chain(in name: BackupStore.Name, _ cache: RecoveryCache) throws -> [[UInt8]]? {
        do { return try cache.stored(name).roster } catch is BackupError { return nil }
    }

    /// There is no manifest that can be read.
    private func nothing(_ cache: RecoveryCache) throws -> BackupError {
        let listing = cache.manifestListing()
        guard let name = listing.names.first else {
            return BackupError(
                .notFound, "there are no backups there",
                hint: "name the directory or prefix that holds backup/v1/m and backup/v1/p")
        }
        do { _ = try cache.manifest(name) } catch let error as BackupError { return error }
        return BackupError(.notFound, "there are no backups there")
    }

    private func entry(
        of writer: RecoveryFinding.Writer, in index: BackupIndex
    ) throws(BackupError) -> BackupIndex.Entry {
        guard let entry = index.entries.first(where: { $0.name == writer.manifest }) else {
            throw BackupError(.notFound, "no backup \(writer.backupID)")
        }
        return entry
    }
}
