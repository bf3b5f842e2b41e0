internal import Cryptography
internal import EncryptedSQLite
internal import FileSystem
public import KeyRing
public import Vault

/// The backups that a machine without a vault's keys makes of what is offered to it, and of files of its own.
/// It wraps what it writes to the vault's members and can't open it again.
public struct WriterBackups {
    let home: Home
    let identity: WriterIdentity
    let surroundings: Surroundings
    var store: BackupStore { BackupStore(home.backupsDirectory) }
    var location: BackupLocation { .local(device: identity.device.bytes) }

    /// - Parameter home: one that `init --backup-only` made.
    public init(home: Home, identity: WriterIdentity, surroundings: Surroundings = .system) {
        self.home = home
        self.identity = identity
        self.surroundings = surroundings
    }

    /// Makes a backup of the state that a spool offers, and of files of this machine.
    ///
    /// - Parameters:
    ///   - directory: the spool.
    ///   - isRightVault: asked when this machine has worked for no vault before: whoever can write the spool
    ///     may offer a vault of its own, to which files of this machine would be wrapped.
    ///   - time: milliseconds since 1970.
    /// - Throws: `.integrity` when the offer, its statement or the pages do not hold; `.rollback` for an
    ///   older roster or state than was seen; `.guardRefused` for a vault that is not the right one, and for
    ///   one that this machine is no member of; `.conflict` while another backup is being made.
    public func create(
        from directory: String, _ options: VaultBackups.CreateOptions = VaultBackups.CreateOptions(),
        time: UInt64, isRightVault: (VaultID) throws -> Bool,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> (backup: VaultBackups.Summary, notes: [OutsideNote]) {
        let lockPath = home.keysDirectory + "/writer.lock"
        guard let lock = try FileLock.acquire(lockPath, .exclusive, timeout: .seconds(2)) else {
            throw BackupError(.conflict, "another backup is being made", hint: "wait until it is done")
        }
        let state = try OfferedState(in: directory)
        try accept(state, options.acceptsRollback, isRightVault)
        let keys = BlindKeys(identity, roster: state.roster, keysDirectory: home.keysDirectory)
        if let gone = try judged(state.roster, acceptsRollback: options.acceptsRollback).memory.first {
            throw VaultBackups.rollback(gone)
        }
        let secret = try keys.outsideSecret()
        var input = BackupRun<BlindKeys>.Input()
        input.tags = options.tags
        input.relay = Manifest.Relay(statement: state.offer.statement, secret: secret)
        if !options.paths.isEmpty {
            input.outside = (
                options.selection(home: home.path),
                try OutsideKey(secret: secret.bytes, device: identity.device.bytes)
            )
        }
        let run = BackupRun(store: store, keys: keys, root: PlainPage.root, progress: progress)
        let made = try run.make(input, running: state.roster, time: time) { use in
            var content = BackupRun<BlindKeys>.Content()
            content.changeSequence = state.offer.statement.changeSequence
            content.files = try state.files()
            try use(state.pages(), content)
        }
        let index = try judged(
            state.roster, acceptsRollback: false, acceptsUnanchored: options.acceptsRollback
        ).index
        try keys.sweep(keeping: index)
        lock.release()
        let entry = try index.entry(BackupIndex.idText(made.manifest.clear.id))
        return (try summary(entry, keys), made.notes)
    }

    /// All backups of this machine, oldest first, and what is wrong.
    ///
    /// - Throws: `.notFound` before anything was offered.
    public func list() throws -> (backups: [VaultBackups.Summary], problems: [VaultBackups.Problem]) {
        let roster = try roster()
        let keys = BlindKeys(identity, roster: roster, keysDirectory: home.keysDirectory)
        let (index, memory) = try judged(roster, acceptsRollback: false)
        var problems = (index.failures + memory).map(VaultBackups.Problem.init)
        var summaries: [VaultBackups.Summary] = []
        for entry in index.entries {
            do { summaries.append(try summary(entry, keys)) } catch let error as BackupError {
                problems.append(VaultBackups.Problem(error, in: entry.id))
            }
        }
        return (summaries.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }, problems)
    }

    /// The vault that this machine works for; nil before the first offer.
    public func vaultID() throws -> VaultID? {
        try WriterMemory.read(in: home.keysDirectory, identity)?.vaultID
    }

    // MARK: - Parts

    private func summary(_ entry: BackupIndex.Entry, _ keys: BlindKeys) throws -> VaultBackups.Summary {
        let manifest = try store.manifest(entry.name)
        return VaultBackups.Summary(
            entry, manifest, try manifest.body(keys: keys, object: entry.name.description))
    }

    /// The roster that was seen last.
    func roster() throws -> Roster {
        guard let memory = try WriterMemory.read(in: home.keysDirectory, identity) else {
            throw BackupError(
                .notFound, "this machine has made no backup yet",
                hint: "ai-team backup create --from DIR makes one of what is offered in DIR")
        }
        return try Roster(verifying: memory.roster)
    }

    /// Compares an offer with what was seen before, and remembers it: from here on nothing older is taken,
    /// whether a backup comes of it or not.
    private func accept(
        _ state: OfferedState, _ acceptsRollback: Bool, _ isRightVault: (VaultID) throws -> Bool
    ) throws {
        let memory = try WriterMemory.read(in: home.keysDirectory, identity)
        if let memory {
            try memory.require(state, acceptsRollback: acceptsRollback)
        } else if try !isRightVault(state.roster.vaultID) {
            throw BackupError(
                .guardRefused, "the spool offers the vault \(state.roster.vaultID), which nobody confirmed",
                hint: "compare it with what `ai-team backup writers` shows, and name it with --vault")
        }
        guard let member = state.roster.member(identity.device), member.role == .backup,
            member.keys == identity.publicKey.keys
        else {
            throw BackupError(
                .guardRefused, "this machine is no writer of the vault that is offered",
                hint: "on the machine with the keys: ai-team backup writers add FILE, then backup offer")
        }
        try WriterMemory(state, after: memory).store(in: home.keysDirectory, identity)
    }

    /// The backups in this machine's store, judged, and what it saw there before and does not find.
    func judged(
        _ roster: Roster, acceptsRollback: Bool, acceptsUnanchored: Bool = false
    ) throws -> (index: BackupIndex, memory: [BackupIndex.Failure]) {
        let index = try BackupIndex(
            store, at: location, running: roster, isSettled: true, acceptsUnanchored: acceptsUnanchored)
        return (index, try remembered(index, acceptsRollback: acceptsRollback))
    }

    func remembered(_ index: BackupIndex, acceptsRollback: Bool) throws -> [BackupIndex.Failure] {
        let vaultID = index.roster?.vaultID.bytes ?? []
        let key = try identity.homeKey(RollbackMemory.purpose)
        return try RollbackMemory.look(
            at: index, in: home.keysDirectory, key: key, vaultID: vaultID,
            acceptsRollback: acceptsRollback)
    }
}

extension VaultBackups.CreateOptions {
    /// The files outside that are asked for.
    func selection(home: String) -> OutsideSelection {
        var selection = OutsideSelection(paths: paths, home: home)
        selection.skipsMissing = skipsMissing
        selection.include = include.map { PathPattern($0) }
        selection.exclude = exclude.map { PathPattern($0) }
        return selection
    }
}
