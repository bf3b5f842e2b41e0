internal import Cryptography
internal import Dispatch
internal import FileSystem
internal import Synchronization
internal import Vault

/// What a recovery has fetched, laid out like a store, below `run/` of the home that it makes.
///
/// Manifests are read once and kept for this run. Packs stay when a run is cut off, and the next one fetches
/// only those that are missing: a file under a pack's name is whole, and its hash is compared anyway.
struct RecoveryCache: ManifestSource, Sendable {
    let store: BackupStore
    private let source: any RecoverySource
    private let listing: ManifestListing

    static func directory(_ home: Home) -> String { home.runDirectory + "/recovery" }

    init(_ source: any RecoverySource, in home: Home) throws {
        self.source = source
        store = BackupStore(Self.directory(home))
        try Files.removeTree(store.directory + "/m")
        try store.prepare()
        listing = try source.manifestListing()
    }

    func manifestListing() -> ManifestListing { listing }

    func manifestBytes(_ name: BackupStore.Name) throws -> [UInt8] {
        let path = store.directory + "/" + name.description
        if try Files.exists(path) { return try store.manifestBytes(name) }
        let bytes = try source.manifestBytes(name)
        try Files.createDirectory(Path.parent(path) ?? store.directory)
        try File.open(path, .createNew).write(bytes, at: 0)
        return bytes
    }

    /// Fetches the packs that are not here yet, several at a time.
    ///
    /// - Parameter progress: bytes that are here, of how many.
    /// - Throws: `.integrity` naming a pack that is not the one that its manifest names; what the source
    ///   throws.
    func fetch(_ packs: [PackRecord], progress: (UInt64, UInt64) -> Void) throws {
        let total = packs.reduce(UInt64(0)) { $0 &+ $1.length }
        let missing = try packs.filter { try !isHere($0) }
        let queue = FetchQueue(missing, done: missing.reduce(total) { $0 &- $1.length })
        let group = DispatchGroup()
        for _ in 0..<min(Self.width, missing.count) {
            DispatchQueue.global().async(group: group) {
                while let pack = queue.next() {
                    do { try fetch(pack, queue) } catch { queue.stop(error) }
                }
            }
        }
        while group.wait(timeout: .now() + .milliseconds(100)) == .timedOut { progress(queue.done, total) }
        if let error = queue.error { throw error }
        progress(total, total)
    }

    /// How many packs are fetched at a time.
    private static let width = 6

    private func isHere(_ pack: PackRecord) throws -> Bool {
        let path = store.packPath(pack)
        guard let status = try Files.status(path) else { return false }
        if status.kind == .regular, UInt64(status.size) == pack.length {
            var hasher = Hasher(.sha256)
            try store.packBytes(pack, limit: pack.length) { hasher.update($0) }
            if hasher.finalize() == pack.sha256 { return true }
        }
        try Files.removeTree(path)
        return false
    }

    private func fetch(_ pack: PackRecord, _ queue: FetchQueue) throws {
        let path = store.packPath(pack)
        let temporary = path + BackupStore.temporaryMark + "recovery"
        try Files.createDirectory(Path.parent(path) ?? store.directory)
        try Files.removeTree(temporary)
        let file = try File.open(temporary, .createNew)
        var hasher = Hasher(.sha256)
        var count: UInt64 = 0
        try source.packBytes(pack, limit: pack.length) { bytes in
            hasher.update(bytes)
            try file.write(bytes, at: Int64(count))
            count += UInt64(bytes.count)
            try queue.add(UInt64(bytes.count))
        }
        guard count == pack.length, hasher.finalize() == pack.sha256 else {
            try Files.removeTree(temporary)
            throw BackupError.integrity("pack " + pack.name, "it is not the one that its manifest names")
        }
        try Durable.rename(temporary, to: path)
    }

    /// Whether any pack is here.
    static func holdsPacks(_ home: Home) throws -> Bool {
        let packs = directory(home) + "/p"
        return try Files.exists(packs) && !Files.list(packs).isEmpty
    }
}

/// The packs that threads still have to fetch. The first failure stops all of them.
private final class FetchQueue: Sendable {
    private struct State {
        var left: ArraySlice<PackRecord>
        var done: UInt64
        var error: (any Error)?
    }

    private let state: Mutex<State>

    init(_ packs: [PackRecord], done: UInt64) { state = Mutex(State(left: packs[...], done: done)) }

    /// Bytes that are here.
    var done: UInt64 { state.withLock { $0.done } }

    var error: (any Error)? { state.withLock { $0.error } }

    func next() -> PackRecord? { state.withLock { $0.error == nil ? $0.left.popFirst() : nil } }

    func stop(_ error: any Error) {
        state.withLock { state in
            // The others were stopped by the first.
            if state.error == nil { state.error = error }
        }
    }

    /// - Throws: what stopped another thread.
    func add(_ count: UInt64) throws {
        let error = state.withLock { state in
            state.done &+= count
            return state.error
        }
        if let error { throw error }
    }
}
