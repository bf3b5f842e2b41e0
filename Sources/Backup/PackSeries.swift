internal import Synchronization

/// Writes many packs of 16 to 32 MiB: a pack ends when the next unit would not fit.
///
/// A full pack is synced and named while the next one is filled, since waiting for the disk would stop the
/// cores. `finish` waits until every pack is on disk: only then may a manifest name them. Who can't open its
/// packs again (`BackupKeys.isBlind`) gets lists in packs of their own, whose keys it keeps.
package final class PackSeries<Keys: BackupKeys> {
    /// Bytes of tar in a pack at most, so that the padded file stays under 32 MiB.
    package static var packLimit: Int { 31 << 20 }
    /// Bytes in one extent at most.
    package static var extentLimit: Int { 8 << 20 }

    private let store: BackupStore
    private let keys: Keys
    /// What is being filled, by whether it is for lists.
    private var open: [Bool: Open] = [:]

    private struct Open {
        let file: PackFile
        let builder: PackBuilder<Keys>
        /// Its row among the ids.
        let row: UInt32
    }

    /// The packs that are done: the first rows of the manifest's table.
    package private(set) var packs: [PackRecord] = []
    /// The ids in the order in which packs were begun. Others ask while a pack is being filled.
    private let ids = Mutex<[[UInt8]]>([])
    /// Bytes of content in the packs.
    package private(set) var byteCount: UInt64 = 0
    private let commits = PackCommits()

    package init(store: BackupStore, keys: Keys) {
        self.store = store
        self.keys = keys
    }

    /// Adds a member of at most 8 MiB.
    ///
    /// - Parameter isList: whether the next backup has to read it.
    /// - Returns: where it stands; the pack's row is one that `id` knows.
    package func add(_ name: String, _ content: [UInt8], isList: Bool = false) throws -> Extent {
        guard content.count <= Self.extentLimit else {
            throw BackupError(.failed, "a unit of \(content.count) bytes", object: name)
        }
        let isList = isList && keys.isBlind
        if let current = open[isList], current.builder.count + content.count + 4096 > Self.packLimit {
            try close(isList)
        }
        let current = try open[isList] ?? begin(isList)
        let place = try current.builder.add(name, content)
        byteCount += UInt64(content.count)
        return Extent(pack: current.row, offset: place.offset, length: place.length)
    }

    /// The id of the pack in a row.
    package func id(_ row: UInt32) -> [UInt8] { ids.withLock { $0[Int(row)] } }

    /// Ends what is open and waits until all packs are on disk under their names.
    package func finish() throws {
        try close(false)
        try close(true)
        try commits.wait()
    }

    /// Drops what is open after a failure. Finished packs stay until the next sweep.
    package func abandon() throws {
        defer { open = [:] }
        for current in open.values { try current.file.abandon() }
        try commits.wait()
    }

    private func close(_ isList: Bool) throws {
        guard let current = open.removeValue(forKey: isList) else { return }
        do {
            let record = try current.builder.finish()
            packs.append(record)
            commits.begin(current.file, record)
        } catch {
            try current.file.abandon()
            throw error
        }
    }

    private func begin(_ isList: Bool) throws -> Open {
        let file = try PackFile(in: store)
        let builder = try PackBuilder(keys: keys, isKept: isList) { try file.write($0) }
        let row = ids.withLock { ids in
            ids.append(builder.id)
            return UInt32(ids.count - 1)
        }
        let begun = Open(file: file, builder: builder, row: row)
        open[isList] = begun
        return begun
    }
}
