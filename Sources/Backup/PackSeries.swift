internal import Synchronization

/// Writes many packs of 16 to 32 MiB.
///
/// Two are being filled: the older one takes what still fits, and ends when a unit fits in neither. So little
/// of a pack is padding, and units stand nearly in the order in which they came.
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
    /// The older ones first.
    private var open: [Open] = []
    /// What became of the packs that were begun, in that order.
    private var records: [PackRecord?] = []

    private struct Open {
        let file: PackFile
        let builder: PackBuilder<Keys>
        /// Its row among the ids.
        let row: Int
        /// Whether it is for lists.
        let isList: Bool

        func hasRoom(for content: [UInt8]) -> Bool {
            builder.count + content.count + 4096 <= PackSeries.packLimit
        }
    }

    /// The packs that are done, once all are: the first rows of the manifest's table.
    package var packs: [PackRecord] { records.compactMap(\.self) }
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
        let current = try open.first { $0.isList == isList && $0.hasRoom(for: content) } ?? begin(isList)
        let place = try current.builder.add(name, content)
        byteCount += UInt64(content.count)
        return Extent(pack: UInt32(current.row), offset: place.offset, length: place.length)
    }

    /// The id of the pack in a row.
    package func id(_ row: UInt32) -> [UInt8] { ids.withLock { $0[Int(row)] } }

    /// Ends what is open and waits until all packs are on disk under their names.
    package func finish() throws {
        while !open.isEmpty { try close(0) }
        try commits.wait()
    }

    /// Drops what is open after a failure. Finished packs stay until the next sweep.
    package func abandon() throws {
        defer { open = [] }
        for current in open { try current.file.abandon() }
        try commits.wait()
    }

    private func close(_ index: Int) throws {
        let current = open.remove(at: index)
        do {
            let record = try current.builder.finish()
            records[current.row] = record
            commits.begin(current.file, record)
        } catch {
            try current.file.abandon()
            throw error
        }
    }

    private func begin(_ isList: Bool) throws -> Open {
        let alike = open.indices.filter { open[$0].isList == isList }
        if alike.count == 2 { try close(alike[0]) }
        let file = try PackFile(in: store)
        let builder = try PackBuilder(keys: keys, isKept: isList) { try file.write($0) }
        let begun = Open(file: file, builder: builder, row: records.count, isList: isList)
        open.append(begun)
        records.append(nil)
        ids.withLock { $0.append(builder.id) }
        return begun
    }
}
