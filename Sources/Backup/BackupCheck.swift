internal import Cryptography
internal import Dispatch
internal import FileSystem
internal import Synchronization

/// Checks backups of one store: presence and length of their packs, or every byte of them. A pack that
/// several backups need is read once, and several packs are read at a time.
package final class BackupCheck<Keys: BackupKeys> {
    /// How much is read.
    package enum Depth: Sendable {
        /// Every pack is there and has its length.
        case presence
        /// Every byte: packs' hashes, archives, and that what the manifest names is in them.
        case data
    }

    /// What was found in a pack, or what is wrong.
    private enum Outcome {
        case members(PackMembers)
        case bad(BackupError)
    }

    private let store: BackupStore
    private let keys: Keys
    private var known: [[UInt8]: Outcome] = [:]
    /// Bytes of packs that were read.
    package private(set) var bytes: UInt64 = 0

    package init(store: BackupStore, keys: Keys) {
        self.store = store
        self.keys = keys
    }

    /// What is wrong with a backup, as a list, so that one bad object does not hide the next.
    ///
    /// - Parameter progress: is given the bytes of packs read so far, of how many.
    package func failures(
        _ manifest: Manifest, _ body: ManifestBody, _ packs: PackSet<Keys>, _ depth: Depth,
        progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> [BackupError] {
        let table = manifest.clear.packs
        guard depth == .data else { return try table.compactMap(absence) }
        try read(table.filter { known[$0.id] == nil }, progress)
        var found = table.compactMap { pack -> BackupError? in
            if case .bad(let error) = known[pack.id] { error } else { nil }
        }
        guard found.isEmpty else { return found }
        do {
            for extent in try extents(of: manifest, body, packs, &found) {
                let pack = table[Int(extent.pack)]
                if case .members(let members) = known[pack.id], members.hold(extent) { continue }
                found.append(
                    .integrity(
                        "pack " + pack.name, "no member of the archive stands at offset \(extent.offset)"))
            }
        } catch let error as BackupError {
            found.append(error)
        }
        return found
    }

    /// Every extent that the manifest and its lists name. Groups of the page map are named by the map, and
    /// found or missed when its pages are read.
    private func extents(
        of manifest: Manifest, _ body: ManifestBody, _ packs: PackSet<Keys>, _ found: inout [BackupError]
    ) throws -> [Extent] {
        var extents = body.extents
        try DocumentList(body.documents) { try $0.plain("documents", packs.read) }.each {
            for extent in $0.extents { extents.append(try packs.place(extent)) }
        }
        let files = OutsideListing(body.files, packs: manifest.clear.packs, fetch: packs.read)
        try files.forEach { segment in
            extents += segment.runs.map(\.place)
        } _: { _ in
        } broken: {
            found.append($0)
        }
        return extents
    }

    // MARK: - Packs

    private func absence(_ pack: PackRecord) throws -> BackupError? {
        do {
            _ = try store.open(pack)
            return nil
        } catch let error as BackupError {
            return error
        }
    }

    private func read(_ packs: [PackRecord], _ progress: (UInt64, UInt64) -> Void) throws {
        let total = packs.reduce(UInt64(0)) { $0 &+ $1.length }
        let results = Mutex<[[UInt8]: Result<Outcome, any Error>]>([:])
        // A few at a time, so that progress is told by the thread that was asked.
        let width = 4
        for start in stride(from: 0, to: packs.count, by: width) {
            let batch = packs[start..<min(start + width, packs.count)]
            DispatchQueue.concurrentPerform(iterations: batch.count) { [store, keys] index in
                let pack = batch[start + index]
                let result = Result { try Self.outcome(of: pack, in: store, keys) }
                results.withLock { $0[pack.id] = result }
            }
            bytes += batch.reduce(0) { $0 &+ $1.length }
            progress(packs[..<batch.endIndex].reduce(0) { $0 &+ $1.length }, total)
        }
        for (id, result) in results.withLock(\.self) { known[id] = try result.get() }
    }

    /// - Throws: what is not about the pack, such as a disk that fails.
    private static func outcome(of pack: PackRecord, in store: BackupStore, _ keys: Keys) throws -> Outcome {
        let name = "pack " + pack.name
        do {
            let fetch = HashedFetch(try store.open(pack), count: Int(clamping: pack.length))
            let members = Result {
                try PackMembers(PackReader(pack, keys: keys, fetch: fetch.callAsFunction).members())
            }
            guard try fetch.digest() == pack.sha256 else {
                throw BackupError.integrity(name, "it was changed")
            }
            return .members(try members.get())
        } catch let error as BackupError {
            return .bad(error)
        }
    }
}

extension ManifestBody {
    /// Every extent that the manifest itself names.
    var extents: [Extent] {
        (database.full + database.deltas + documents + files).flatMap(\.parts).map(\.place)
    }
}
