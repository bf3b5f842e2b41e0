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
        let packs: [PackRecord]
    }

    func write(
        _ selection: OutsideSelection? = nil, progress: (UInt64) -> Void = { _ in }
    ) throws -> Made {
        let series = PackSeries(store: store, keys: keys)
        let written = try OutsideUnits.write(
            selection ?? OutsideSelection(paths: [Array(source.utf8)]), to: series, key: key,
            progress: progress)
        try series.finish()
        return Made(written: written, packs: series.packs)
    }

    func reader(_ made: Made, key: OutsideKey? = nil) throws -> OutsideReader {
        let packs = PackSet(made.packs, from: store, keys: keys)
        return try OutsideReader(made.written.record, key: key ?? self.key, fetch: packs.read)
    }

    /// Restores into a new directory and says where the source stands in it.
    func restore(
        _ made: Made, only: (RelativePath) -> Bool = { _ in true }
    ) throws -> (path: String, result: OutsideRestored) {
        let target = scratch.directory("target")
        let result = try OutsideUnits.restore(try reader(made), to: .directory(target), only: only)
        return (target + "/files" + source, result)
    }

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
