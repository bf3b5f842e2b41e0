internal import Synchronization

/// Writes many packs of 16 to 32 MiB: a pack ends when the next unit would not fit.
///
/// A full pack is synced and named while the next one is filled, since waiting for the disk would stop the
/// cores. `finish` waits until every pack is on disk: only then may a manifest name them.
package final class PackSeries<Keys: BackupKeys> {
    /// Bytes of tar in a pack at most, so that the padded file stays under 32 MiB.
    package static var packLimit: Int { 31 << 20 }
    /// Bytes in one extent at most.
    package static var extentLimit: Int { 8 << 20 }

    private let store: BackupStore
    private let keys: Keys
    private var current: Open?

    private struct Open {
        let file: PackFile
        let builder: PackBuilder<Keys>
    }

    /// The packs that are done: the first rows of the manifest's table.
    package private(set) var packs: [PackRecord] = []
    /// The ids in the same order, the current one's too. Others ask while a pack is being filled.
    private let ids = Mutex<[[UInt8]]>([])
    /// Bytes of content in the packs.
    package private(set) var byteCount: UInt64 = 0
    private let commits = PackCommits()

    package init(store: BackupStore, keys: Keys) {
        self.store = store
        self.keys = keys
    }

    /// Adds a member of at most 8 MiB.
    package func add(_ name: String, _ content: [UInt8]) throws -> Extent {
        guard content.count <= Self.extentLimit else {
            throw BackupError(.failed, "a unit of \(content.count) bytes", object: name)
        }
        if let current, current.builder.count + content.count + 4096 > Self.packLimit { try close() }
        let builder: PackBuilder<Keys>
        if let current { builder = current.builder } else { builder = try begin() }
        let place = try builder.add(name, content)
        byteCount += UInt64(content.count)
        return Extent(pack: UInt32(packs.count), offset: place.offset, length: place.length)
    }

    /// The id of the pack in a row.
    package func id(_ row: UInt32) -> [UInt8] { ids.withLock { $0[Int(row)] } }

    /// Ends the current pack, if one is open, and waits until all are on disk under their names.
    package func finish() throws {
        try close()
        try commits.wait()
    }

    /// Drops the pack that is open after a failure. Finished ones stay until the next sweep.
    package func abandon() throws {
        defer { current = nil }
        try current?.file.abandon()
        try commits.wait()
    }

    private func close() throws {
        guard let open = current else { return }
        current = nil
        do {
            let record = try open.builder.finish()
            packs.append(record)
            commits.begin(open.file, record)
        } catch {
            try open.file.abandon()
            throw error
        }
    }

    private func begin() throws -> PackBuilder<Keys> {
        let file = try PackFile(in: store)
        let builder = try PackBuilder(keys: keys) { try file.write($0) }
        current = Open(file: file, builder: builder)
        ids.withLock { $0.append(builder.id) }
        return builder
    }
}
