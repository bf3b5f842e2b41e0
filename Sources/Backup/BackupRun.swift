internal import Cryptography
internal import FileSystem
package import KeyRing

/// How far a long run has come.
public struct BackupProgress: Sendable {
    /// What is being done.
    public enum Phase: Sendable {
        case database, documents, files
        /// Whole packs on their way to a remote or from there; counted in bytes.
        case packs
    }
    public let phase: Phase
    /// Pages, or bytes of files.
    public let done: UInt64
    /// Of how many; 0 when that is not known.
    public let total: UInt64
}

/// One backup from its first unit to its signed manifest.
///
/// Packs are on disk, synced and under their names, before the manifest that names them is made; so a run
/// that is killed leaves at most packs that nothing names, which the next run removes.
package struct BackupRun<Keys: BackupKeys> {
    /// What is asked for.
    package struct Input {
        package var tags: [String] = []
        package var outside: (selection: OutsideSelection, key: OutsideKey)?
        /// What a key holder said of the database that is lent, where these keys can't look into it.
        package var relay: Manifest.Relay?
        /// Whether everything is stored anew, leaning on no backup before.
        package var isFull = false

        package init() {}
    }

    /// The vault's own part, as it was at one moment.
    package struct Content {
        package var changeSequence: UInt64 = 0
        /// The files of `data/`, in the order of their paths' bytes.
        package var files: [DocumentUnits<Keys>.Source] = []

        package init() {}
    }

    /// Lends the database at one commit and what belongs to it, for as long as it is read.
    package typealias Lend = (_ use: (any PageSource, Content) throws -> Void) throws -> Void

    private let store: BackupStore
    private let keys: Keys
    private let root: PageRoot
    private let progress: (BackupProgress) -> Void

    package init(
        store: BackupStore, keys: Keys, root: @escaping PageRoot,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) {
        self.store = store
        self.keys = keys
        self.root = root
        self.progress = progress
    }

    /// What was made.
    package struct Made {
        /// The manifest as it was stored, and its encrypted part.
        package let manifest: Manifest
        package let body: ManifestBody
        /// What of the files outside was left out.
        package let notes: [OutsideNote]
        /// The store as it was judged under its lock, with this backup.
        package let index: BackupIndex
    }

    /// Makes a backup.
    ///
    /// - Parameters:
    ///   - time: milliseconds since 1970.
    ///   - judge: is given the store's index, read under the store's lock, before anything is written.
    ///   - lend: called once, before files outside the vault are read, which may take long.
    /// - Throws: `.conflict` while another process makes one, or when this home is a copy of another that
    ///   went on writing; `.rollback` when this writer's own newest manifests can't be believed.
    package func make(
        _ input: Input, running: Roster?, time: UInt64, judge: (BackupIndex) throws -> Void = { _ in },
        lend: Lend
    ) throws -> Made {
        try store.prepare()
        // One that is just ending is waited for; so is a child that was forked and is no other program yet.
        let lockPath = store.directory + "/.lock"
        guard let lock = try FileLock.acquire(lockPath, .exclusive, timeout: .seconds(2)) else {
            throw BackupError(.conflict, "another backup is being made", hint: "wait until it is done")
        }
        var index = try BackupIndex(store, at: .local(device: keys.deviceID), running: running)
        try judge(index)
        let tag = BackupStore.writerTag(vaultID: keys.vaultID, deviceID: keys.deviceID)
        let previous = try index.newestHead(of: tag, incarnation: keys.incarnation)
        try store.sweep(index)
        let base = try BackupBase.newest(in: index, store: store, keys: keys, root: root)
        let series = PackSeries(store: store, keys: keys)
        let pipeline = UnitPipeline(series)
        do {
            let lists = OutsideBases(index, store: store, keys: keys)
            let (body, table, notes) = try write(
                input, on: base, lists, to: pipeline, series, time: time, lend)
            let manifest = try Manifest(
                id: ULIDText.fresh(time), body: body, packs: table.packs, previous: previous, created: time,
                relay: input.relay, keys: keys)
            try store.add(manifest)
            index.add(manifest)
            lock.release()
            return Made(manifest: manifest, body: body, notes: notes, index: index)
        } catch {
            try pipeline.abandon()
            throw error
        }
    }

    /// The parts of the vault as they were written.
    private struct Vault {
        var database: DatabaseWritten
        var documents: DocumentUnits<Keys>.Written
        var record: (inout PackTable) throws -> DatabaseRecord
        var statistics = BackupStatistics()
    }

    private func write(
        _ input: Input, on newest: BackupBase?, _ lists: OutsideBases<Keys>, to pipeline: UnitPipeline<Keys>,
        _ series: PackSeries<Keys>, time: UInt64, _ lend: Lend
    ) throws -> (ManifestBody, PackTable, [OutsideNote]) {
        let start = ContinuousClock.now
        let base = input.isFull ? nil : newest
        var own: Vault?
        try lend { source, content in
            own = try write(source, content, on: base, behind: newest, to: pipeline)
        }
        guard let own else { throw BackupError(.failed, "there was no database to back up") }
        guard input.relay.map({ $0.statement.root == own.database.root }) ?? true else {
            throw BackupError.integrity("pages", "they are not those that the statement speaks of")
        }
        var statistics = own.statistics
        var files: [StoredSegment] = []
        var roots: [[UInt8]] = []
        var notes: [OutsideNote] = []
        var older = base?.packs ?? []
        if let (selection, key) = input.outside {
            let before = pipeline.byteCount
            let written = try OutsideUnits.write(
                selection, to: pipeline, key: key,
                start: Int64(min(time, UInt64(Int64.max / 1_000_000))) * 1_000_000
            ) { roots in
                guard !input.isFull else { return nil }
                let found = try lists.find(roots: roots, epoch: keys.currentEpoch, newest: base)
                older += found?.packs ?? []
                return found?.listing
            } progress: {
                progress(BackupProgress(phase: .files, done: $0, total: 0))
            }
            files = written.segments
            roots = written.roots
            notes = written.notes
            statistics.files += written.files
            statistics.bytesLogical += written.bytes
            statistics.outside.items = written.files
            statistics.outside.bytes = written.bytes
            statistics.outside.added = written.filesRead
            statistics.outside.bytesAdded = pipeline.byteCount - before
        }
        try pipeline.finish()
        var table = PackTable(own: series.packs, older: older)
        let database = try own.record(&table)
        let documents = try table.segments(own.documents.segments)
        try table.wrap(to: keys)
        statistics.bytesAdded = series.packs.reduce(0) { $0 + $1.length }
        let spent = (ContinuousClock.now - start).components
        statistics.durationMilliseconds =
            UInt64(spent.seconds) * 1000 + UInt64(spent.attoseconds / 1_000_000_000_000_000)
        let body = ManifestBody(
            tags: input.tags, paths: roots, parent: base?.id ?? Array(repeating: 0, count: 16),
            statistics: statistics, database: database, documents: documents,
            files: try table.segments(files))
        return (body, table, notes)
    }

    /// A database of the same life can't have come less far than the backup before says.
    private static func requireNotOlder(
        _ source: any PageSource, _ root: [UInt8], _ content: Content, than before: DatabaseRecord
    ) throws {
        guard source.databaseID == before.databaseID else { return }
        let isOther = source.counter == before.counter && root != before.root
        guard isOther || source.counter < before.counter || content.changeSequence < before.changeSequence
        else { return }
        throw BackupError(
            .rollback,
            "the database is of state \(source.counter), and the newest backup of it has state "
                + "\(before.counter): an older database was put back",
            hint: "restore the newest backup, or see what `ai-team doctor` says")
    }

    /// The database and the files of the home.
    private func write(
        _ source: any PageSource, _ content: Content, on base: BackupBase?, behind newest: BackupBase?,
        to pipeline: UnitPipeline<Keys>
    ) throws -> Vault {
        var statistics = BackupStatistics()
        let database = try DatabaseUnits.write(source, base: base?.database, to: pipeline, root: root) {
            progress(BackupProgress(phase: .database, done: UInt64($0), total: UInt64($1)))
        }
        // Who can't read is told by the statement of who can: WriterMemory compares those.
        if let newest, !source.isSealed, newest.incarnation == keys.incarnation {
            try Self.requireNotOlder(source, database.root, content, than: newest.body.database)
        }
        statistics.database.items = UInt64(source.pageCount)
        statistics.database.bytes = UInt64(source.pageCount) * 4096
        statistics.database.added = UInt64(database.pagesAdded)
        statistics.database.bytesAdded = pipeline.byteCount
        let documents = try DocumentUnits.write(content.files, base: base?.documents, to: pipeline) {
            progress(BackupProgress(phase: .documents, done: $0, total: $1))
        }
        statistics.documents.items = UInt64(content.files.count)
        statistics.documents.bytes = documents.bytes
        statistics.documents.added = documents.added
        statistics.documents.bytesAdded = pipeline.byteCount - statistics.database.bytesAdded
        statistics.files = UInt64(content.files.count)
        statistics.bytesLogical = statistics.database.bytes + documents.bytes
        let sequence = content.changeSequence
        return Vault(
            database: database, documents: documents,
            record: { try database.record(of: source, changeSequence: sequence, &$0) },
            statistics: statistics)
    }
}
