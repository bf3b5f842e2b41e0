internal import Cryptography
internal import FileSystem
internal import KeyRing
public import ObjectStorage
internal import Vault

/// A remote to which a machine without keys ships its backups.
///
/// What the remote was found to honour stands in `keys/remote-<id>`, signed by the machine.
public struct WriterCloud {
    private let backups: WriterBackups
    private let roster: Roster
    private let remote: RemoteStore
    private let storeSurroundings: StoreSurroundings
    private var probe: RemoteProbe?

    private var keys: BlindKeys {
        BlindKeys(backups.identity, roster: roster, keysDirectory: backups.home.keysDirectory)
    }
    private var recordPath: String { "\(backups.home.keysDirectory)/remote-\(remoteID)" }

    /// - Throws: `.notFound` before the machine made a backup.
    public init(
        _ backups: WriterBackups, remote: OpenStore, storeSurroundings: StoreSurroundings = .system
    ) throws {
        self.backups = backups
        self.storeSurroundings = storeSurroundings
        roster = try backups.roster()
        self.remote = RemoteStore(remote, vaultID: roster.vaultID.bytes)
        guard try Files.exists(recordPath) else { return }
        probe = RemoteProbe(
            try Files.readAll(recordPath, limit: 1 << 16), at: self.remote.location, roster: roster)
    }

    /// Names this remote: 32 hexadecimal digits.
    public var remoteID: String { remote.id }

    /// Requests to the remote so far, each try for itself.
    public var requests: UInt64 { remote.opened.counts.requests }

    /// Whether the remote was not tried yet, or long ago.
    public var needsProbe: Bool { probe?.isStale(at: now) ?? true }

    private var now: UInt64 { UInt64(clamping: backups.surroundings.now().milliseconds) }

    /// Tries what the remote does with conditions and keeps the answer.
    @discardableResult
    public mutating func initialise() throws -> RemoteProbe {
        let found = try RemoteProbe.run(remote.opened, time: now)
        try Durable.replace(recordPath, with: found.signed(by: keys, at: remote.location))
        probe = found
        return found
    }

    /// Ships what the remote lacks of the machine's backups.
    ///
    /// - Throws: `.rollback` when the remote has another manifest under one's name, or lost what it had;
    ///   `StorageError` when it can't be reached or refuses.
    public func ship(
        acceptsRollback: Bool = false, progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> CloudBackups.Shipment {
        guard let probe else {
            throw BackupError(.failed, "the remote was never probed", hint: "run: ai-team backup cloud init")
        }
        let (index, memory) = try backups.judged(roster, acceptsRollback: acceptsRollback)
        if let gone = memory.first { throw VaultBackups.rollback(gone) }
        let listing = try remote.listing(at: storeSurroundings.uptime())
        let copies = BackupStore("\(backups.home.runDirectory)/remote-\(remoteID)")
        let source = RemoteManifests(remote: remote, listing: listing, copies: [backups.store, copies])
        let there = try BackupIndex(source, at: remote.location, running: roster)
        if let gone = try backups.remembered(there, acceptsRollback: acceptsRollback).first {
            throw VaultBackups.rollback(gone)
        }
        // What was pruned there stays away.
        let names = index.links.filter { there.removed[$0] == nil }
        let upload = RemoteUpload(
            remote: remote, local: backups.store, probe: probe,
            writer: BackupStore.writerTag(
                vaultID: roster.vaultID.bytes, deviceID: backups.identity.device.bytes),
            surroundings: storeSurroundings, heartbeatBytes: CloudBackups.heartbeatBytes,
            progress: progress)
        let report = try upload.run(names, listing)
        return CloudBackups.Shipment(
            uploaded: report.uploaded, skipped: report.skipped, bytes: report.bytes,
            problems: (index.failures + there.failures).map(VaultBackups.Problem.init))
    }
}
