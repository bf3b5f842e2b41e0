import Backup
import Cryptography

/// A store with keys, and a directory `source` to back up.
struct OutsideFixture {
    let scratch: Scratch
    let store: BackupStore
    let keys: FakeKeys
    let key: OutsideKey
    let source: String

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.directory("backups"))
        try store.prepare()
        keys = try FakeKeys()
        key = try OutsideKey(
            secret: SecretBytes(copying: Array(repeating: 3, count: 32)), device: keys.deviceID)
        source = scratch.directory("source")
    }

    /// A backup of outside files alone.
    struct Made {
        var written: OutsideWritten
        var segments: [Segment]
        /// Its pack table.
        var packs: [PackRecord]
        /// Packs that this run wrote.
        var own: [PackRecord]
    }

    /// A time that every file of a test is older than, so that unchanged ones are passed over.
    static let later = Int64.max

    func write(
        _ selection: OutsideSelection? = nil, base: Made? = nil, start: Int64 = later,
        progress: (UInt64) -> Void = { _ in }
    ) throws -> Made {
        let series = PackSeries(store: store, keys: keys)
        let pipeline = UnitPipeline(series)
        let written = try OutsideUnits.write(
            selection ?? OutsideSelection(paths: [Array(source.utf8)]), to: pipeline, key: key, start: start,
            base: { _ in base.map { listing($0) } }, progress: progress)
        try pipeline.finish()
        var table = PackTable(own: series.packs, older: base?.packs ?? [])
        let segments = try table.segments(written.segments)
        return Made(written: written, segments: segments, packs: table.packs, own: series.packs)
    }

    func listing(_ made: Made) -> OutsideListing {
        let packs = PackSet(made.packs, from: store, keys: keys)
        return OutsideListing(made.segments, packs: made.packs, fetch: packs.read)
    }

    func reader(_ made: Made, key: OutsideKey? = nil) throws -> OutsideReader {
        OutsideReader(listing(made), key: key ?? self.key)
    }

    /// The list as it is read.
    func segments(_ made: Made) throws -> [OutsideSegment] {
        let packs = PackSet(made.packs, from: store, keys: keys)
        return try made.segments.map { segment in
            try OutsideSegment(segment.plain("segment", packs.read), object: "segment")
        }
    }

    func entries(_ made: Made) throws -> [OutsideEntry] { try segments(made).flatMap(\.entries) }

    /// The same backup with other segments, whatever is in them.
    func replacing(_ made: Made, _ segments: [[UInt8]]) throws -> Made {
        let series = PackSeries(store: store, keys: keys)
        let pipeline = UnitPipeline(series)
        let list = SegmentSeries("files", pipeline, base: [])
        for segment in segments { try list.add(segment, needs: Set(made.packs.map(\.id))) }
        let stored = try list.finish()
        try pipeline.finish()
        var table = PackTable(own: series.packs, older: made.packs)
        var changed = made
        changed.segments = try table.segments(stored)
        changed.packs = table.packs
        return changed
    }

    /// Restores into a new directory and says where the source stands in it.
    func restore(
        _ made: Made, only: @escaping (RelativePath) -> Bool = { _ in true }
    ) throws -> (path: String, result: OutsideRestored) {
        let target = scratch.directory("target")
        let result = try OutsideRestore.run(try reader(made), to: .directory(target), only: only)
        return (target + "/files" + source, result)
    }

    func removeTarget() { _ = run("/bin/rm", "-rf", scratch.path + "/target") }

    /// What `find` and `sha256sum` say of a tree: types, permissions, times, links, content.
    func listing(_ directory: String) -> String {
        let line = """
            find . -printf '%P %y %m %T@ %l\\0' | sort -z
            find . -type f -print0 | sort -z | xargs -0r sha256sum
            """
        return run("/bin/sh", "-c", line, in: directory).output
    }

    func shell(_ line: String) { _ = run("/bin/sh", "-c", line, in: source) }
}
