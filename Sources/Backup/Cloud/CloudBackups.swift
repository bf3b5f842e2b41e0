internal import Cryptography
internal import FileSystem
public import KeyRing
public import ObjectStorage
public import Vault

/// The backups of a home at a remote: shipping them there, bringing them back, checking them.
public struct CloudBackups {
    let home: Home
    let keys: UnlockedKeys
    let surroundings: Surroundings
    let remote: RemoteStore
    let storeSurroundings: StoreSurroundings
    /// A shipment that sends more bytes than this tells others that it is running.
    package var heartbeatBytes = CloudBackups.heartbeatBytes
    static let heartbeatBytes: UInt64 = 1 << 30
    /// What the remote does with conditions, as it was found out last.
    var probe: RemoteProbe?

    /// As `VaultBackups.acceptsUnanchored`.
    public var acceptsUnanchored = false

    var local: VaultBackups {
        var local = VaultBackups(home: home, keys: keys, surroundings: surroundings)
        local.acceptsUnanchored = acceptsUnanchored
        return local
    }

    /// - Parameters:
    ///   - record: the last probe of this remote, as `initialise` returned it; one that does not verify or is
    ///     of another remote counts as none.
    public init(
        home: Home, keys: UnlockedKeys, remote: OpenStore, record: [UInt8]?,
        surroundings: Surroundings = .system, storeSurroundings: StoreSurroundings = .system
    ) {
        self.home = home
        self.keys = keys
        self.surroundings = surroundings
        self.storeSurroundings = storeSurroundings
        self.remote = RemoteStore(remote, vaultID: keys.vaultID.bytes)
        probe = record.flatMap { RemoteProbe($0, at: self.remote.location, roster: keys.roster) }
    }

    /// Names this remote in the home's memory: 32 hexadecimal digits.
    public var remoteID: String { remote.id }

    /// Requests to the remote so far, each try for itself.
    public var requests: UInt64 { remote.opened.counts.requests }

    // MARK: - What the store honours

    /// Tries what the remote does with conditions.
    ///
    /// - Returns: the answer and the signed record of it, which the caller keeps.
    public mutating func initialise() throws -> (probe: RemoteProbe, record: [UInt8]) {
        let now = UInt64(clamping: surroundings.now().milliseconds)
        let found = try RemoteProbe.run(remote.opened, time: now)
        probe = found
        return (found, try found.signed(by: VaultBackupKeys(keys), at: remote.location))
    }

    /// Whether the remote honours conditions on a put, as it was found out last; false when it never was.
    public var isHonoured: Bool { probe?.isHonoured ?? false }

    /// The remote itself, for what else lives there.
    public var store: OpenStore { remote.opened }

    /// Whether `initialise` has to be run before anything is written: there is no probe, or an old one.
    public var needsProbe: Bool {
        probe?.isStale(at: UInt64(clamping: surroundings.now().milliseconds)) ?? true
    }

    // MARK: - Shipping

    /// What `backup cloud` did.
    public struct Shipment: Sendable {
        /// Objects that were sent, and those that were there already.
        public let uploaded: Int
        public let skipped: Int
        /// Bytes of what was sent.
        public let bytes: UInt64
        /// What is wrong with backups of the home, which were left out, and with objects of the remote.
        public let problems: [VaultBackups.Problem]
    }

    /// Ships what the remote lacks of the home's backups, or of one and those before it in its chain.
    ///
    /// - Throws: `.notFound`; `.rollback` when the remote has another manifest under one's name, or lost what
    ///   it had; `StorageError` when it can't be reached or refuses.
    public func ship(
        _ id: String? = nil, acceptsRollback: Bool = false,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> Shipment {
        guard let probe else { throw Self.neverProbed }
        let listing = try listing()
        let (found, missed) = try judged(listing, acceptsRollback: acceptsRollback)
        if let gone = missed.first { throw VaultBackups.rollback(gone) }
        return try ship(id, to: found, listing, probe, progress)
    }

    /// Ships what a listing lacks.
    func ship(
        _ id: String?, to found: BackupIndex, _ listing: RemoteListing, _ probe: RemoteProbe,
        _ progress: @escaping (BackupProgress) -> Void
    ) throws -> Shipment {
        var (index, memory) = try local.judged()
        if let gone = memory.first { throw VaultBackups.rollback(gone) }
        var names = try chain(id, of: index)
        if try coverUnshipped(index, found) {
            index = try local.judged().index
            names = index.links
        }
        // What was pruned there stays away, though the home may keep it for longer.
        names.removeAll { found.removed[$0] != nil }
        let upload = RemoteUpload(
            remote: remote, local: local.store, probe: probe,
            writer: BackupStore.writerTag(vaultID: keys.vaultID.bytes, deviceID: keys.device.bytes),
            surroundings: storeSurroundings, heartbeatBytes: heartbeatBytes, progress: progress)
        let report = try upload.run(names, listing)
        let shipped = Set(names)
        try know(found.entries.map(\.head) + index.entries.filter { shipped.contains($0.name) }.map(\.head))
        return Shipment(
            uploaded: report.uploaded, skipped: report.skipped, bytes: report.bytes,
            problems: (index.failures + found.failures).map(VaultBackups.Problem.init))
    }

    static var neverProbed: BackupError {
        BackupError(.failed, "the remote was never probed", hint: "run: ai-team backup cloud init")
    }

    /// All links of the store, or those up to one backup in its chain.
    private func chain(_ id: String?, of index: BackupIndex) throws -> [BackupStore.Name] {
        let names = index.links
        guard let id else { return names }
        let last = try index.entry(id).name
        return names.filter {
            $0.writer == last.writer && $0.incarnation == last.incarnation && $0.sequence <= last.sequence
        }
    }

    // MARK: - Looking

    /// Everything that the remote has, as it is now.
    func listing() throws -> RemoteListing { try remote.listing(at: storeSurroundings.uptime()) }

    /// Whether a listing is as good as a new one: no older than a minute.
    func isFresh(_ listing: RemoteListing) -> Bool {
        storeSurroundings.uptime() &- listing.began < 60_000_000_000
    }

    /// The remote's backups, judged under the home's roster or a longer one, and what this home has seen
    /// there before and does not find.
    func judged(
        _ listing: RemoteListing, acceptsRollback: Bool
    ) throws -> (index: BackupIndex, memory: [BackupIndex.Failure]) {
        let index = try BackupIndex(
            manifests(listing), at: remote.location, running: keys.roster,
            acceptsUnanchored: acceptsUnanchored)
        let memory = try local.remembered(index, acceptsRollback: acceptsRollback)
        try know(index.entries.map(\.head))
        return (index, memory)
    }

    /// Keeps in mind which backups the remote has now.
    func know(_ heads: [ManifestHead]) throws {
        try RemoteMemory(
            time: UInt64(clamping: surroundings.now().milliseconds), heads: Set(heads.map(\.hash))
        ).keep(in: copies.directory, keys)
    }

    func manifests(_ listing: RemoteListing) -> RemoteManifests {
        RemoteManifests(remote: remote, listing: listing, copies: [local.store, copies])
    }

    /// Copies of the remote's manifests, so that each is fetched once.
    var copies: BackupStore { BackupStore("\(home.runDirectory)/\(RemoteMemory.prefix)\(remoteID)") }

    /// All believed backups of the remote, oldest first; which of them the home's own store has too; and what
    /// is wrong with the others.
    public func list(
        acceptsRollback: Bool = false
    ) throws -> (
        backups: [(summary: VaultBackups.Summary, isLocal: Bool)], problems: [VaultBackups.Problem]
    ) {
        let listing = try listing()
        let (index, memory) = try judged(listing, acceptsRollback: acceptsRollback)
        let here = Set(try local.store.manifestNames())
        var problems = (index.failures + memory).map(VaultBackups.Problem.init)
        var rows: [(summary: VaultBackups.Summary, isLocal: Bool)] = []
        for entry in index.entries {
            do {
                let backup = try OpenBackup(
                    entry, store: manifests(listing), keys: VaultBackupKeys(keys))
                rows.append((backup.summary, here.contains(entry.name)))
            } catch let error as BackupError {
                problems.append(VaultBackups.Problem(error, in: entry.id))
            }
        }
        return (
            rows.sorted { ($0.summary.createdAt, $0.summary.id) < ($1.summary.createdAt, $1.summary.id) },
            problems
        )
    }
}
