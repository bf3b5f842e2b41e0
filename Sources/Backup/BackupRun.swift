internal import Cryptography
internal import FileSystem
package import KeyRing

/// How far a long run has come.
public struct BackupProgress: Sendable {
    /// What is being done.
    public enum Phase: Sendable { case database, documents, files }
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
    /// A file of the home that is shipped as it is.
    package struct HomeFile: Sendable {
        /// The path below `data/`.
        package var path: String
        /// Where it stands now.
        package var location: String

        package init(path: String, location: String) {
            self.path = path
            self.location = location
        }
    }

    /// What is asked for.
    package struct Input {
        package var tags: [String] = []
        package var outside: (selection: OutsideSelection, key: OutsideKey)?

        package init() {}
    }

    /// The vault's own part, as it was at one moment.
    package struct Content {
        package var changeSequence: UInt64 = 0
        package var files: [HomeFile] = []
        /// Rows of `blob` count in `files`.
        package var catalogue: [CatalogueEntry] = []

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

    /// Makes a backup.
    ///
    /// - Parameters:
    ///   - time: milliseconds since 1970.
    ///   - lend: called once, before files outside the vault are read, which may take long.
    /// - Returns: the manifest as it was stored, and what of the files outside was left out.
    /// - Throws: `.conflict` while another process makes one, or when this home is a copy of another that
    ///   went
    ///   on writing; `.rollback` when this writer's own newest manifests can't be believed.
    package func make(
        _ input: Input, running: Roster?, time: UInt64, lend: Lend
    ) throws -> (manifest: Manifest, notes: [OutsideNote]) {
        try store.prepare()
        guard let lock = try FileLock.attempt(store.directory + "/.lock", .exclusive) else {
            throw BackupError(.conflict, "another backup is being made", hint: "wait until it is done")
        }
        let previous = try ownHead(running: running)
        try store.sweep()
        let series = PackSeries(store: store, keys: keys)
        do {
            let (body, notes) = try write(input, to: series, lend)
            let manifest = try Manifest(
                id: newID(time), body: body, packs: series.packs, previous: previous, created: time,
                keys: keys)
            try store.add(manifest)
            lock.release()
            return (manifest, notes)
        } catch {
            try series.abandon()
            throw error
        }
    }

    /// The head that the next manifest follows: the last of this writer's incarnation.
    private func ownHead(running: Roster?) throws -> ManifestHead? {
        let tag = BackupStore.writerTag(vaultID: keys.vaultID, deviceID: keys.deviceID)
        let own = try store.manifestNames().filter {
            $0.writer == tag && $0.incarnation == keys.incarnation
        }
        guard let last = own.last else { return nil }
        let index = try BackupIndex(store, at: .local(device: keys.deviceID), running: running)
        guard let entry = index.entries.first(where: { $0.name == last }) else {
            let reason = index.failures.first { $0.object == last.description }?.reason
            throw BackupError(
                .rollback, "the newest backup of this device can't be believed (\(reason ?? "unknown"))",
                object: last.description, hint: "`ai-team backup verify` names what is wrong")
        }
        return entry.head
    }

    private func write(
        _ input: Input, to series: PackSeries<Keys>, _ lend: Lend
    ) throws -> (ManifestBody, [OutsideNote]) {
        let start = ContinuousClock.now
        var own: ManifestBody?
        try lend { source, content in own = try write(source, content, to: series) }
        guard var body = own else { throw BackupError(.failed, "there was no database to back up") }
        body.tags = input.tags
        var notes: [OutsideNote] = []
        if let (selection, key) = input.outside {
            let written = try OutsideUnits.write(selection, to: series, key: key) {
                progress(BackupProgress(phase: .files, done: $0, total: 0))
            }
            body.outside = written.record
            body.paths = written.roots
            body.statistics.files += written.files
            body.statistics.bytesLogical += written.bytes
            notes = written.notes
        }
        try series.finish()
        body.statistics.bytesAdded = series.packs.reduce(0) { $0 + $1.length }
        let spent = (ContinuousClock.now - start).components
        body.statistics.durationMilliseconds =
            UInt64(spent.seconds) * 1000 + UInt64(spent.attoseconds / 1_000_000_000_000_000)
        return (body, notes)
    }

    /// The database and the files of the home.
    private func write(
        _ source: any PageSource, _ content: Content, to series: PackSeries<Keys>
    ) throws -> ManifestBody {
        let pages = UInt64(source.pageCount)
        let database = try DatabaseUnits.write(
            source, changeSequence: content.changeSequence, to: series, root: root
        ) { progress(BackupProgress(phase: .database, done: UInt64($0), total: pages)) }
        let total = try content.files.reduce(UInt64(0)) {
            $0 + UInt64(try Files.status($1.location)?.size ?? 0)
        }
        var blobs: [BlobRecord] = []
        var done: UInt64 = 0
        for file in content.files {
            let record = try ship(file, to: series)
            done += record.length
            progress(BackupProgress(phase: .documents, done: done, total: total))
            blobs.append(record)
        }
        var statistics = ManifestBody.Statistics()
        statistics.files = UInt64(blobs.count)
        statistics.bytesLogical = pages * 4096 + done
        return ManifestBody(
            tags: [], paths: [], parent: Array(repeating: 0, count: 16), statistics: statistics,
            database: database, blobs: blobs, catalogue: content.catalogue, outside: OutsideRecord())
    }

    /// Adds a file as it is, in pieces; memory holds one piece.
    private func ship(_ file: HomeFile, to series: PackSeries<Keys>) throws -> BlobRecord {
        let handle = try File.open(file.location, .read)
        var hasher = Hasher(.sha256)
        var extents: [Extent] = []
        var offset: Int64 = 0
        let limit = PackSeries<Keys>.extentLimit
        while case let piece = try handle.read(count: limit, at: offset), !piece.isEmpty {
            hasher.update(piece)
            extents.append(try series.add("\(file.path)/\(offset)", piece))
            offset += Int64(piece.count)
        }
        return BlobRecord(
            path: file.path, length: UInt64(offset), sha256: hasher.finalize(), extents: extents)
    }

    /// A ULID: 48 bits of time and 80 random ones.
    private func newID(_ time: UInt64) throws -> [UInt8] {
        var writer = CanonicalWriter()
        writer.u64(time << 16)
        return try writer.bytes.prefix(6) + RandomBytes.bytes(10)
    }
}
