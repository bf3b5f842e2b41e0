import FileSystem
import Synchronization

/// What the disk may hold after a power cut, rebuilt from a record of what a program did to it.
///
/// The model is that of a file system in ordered mode, as harsh as POSIX allows: a write or truncation
/// that no fsync followed may be there, be missing or be torn at a 512-byte sector; a name that was made,
/// moved or removed may be the old or the new one until its directory (or the file, for a new name) was
/// synced; names of one directory change in order. Events before `start` are on the disk already.
package final class PowerCut: Sendable {
    private let events = Mutex<[IOEvent]>([])
    /// The recorder is one for the process, so recording tests wait for each other.
    private static let turn = Mutex<Void>(())

    package init() {}

    /// Records every change below `directory` that is made through `FileSystem` and the database's
    /// files while `body` runs, by this or any other thread.
    package func record<R>(below directory: String, _ body: () throws -> R) rethrows -> R {
        try Self.turn.withLock { _ in
            IOTrace.start { event in
                guard Self.concerns(event, directory) else { return }
                self.events.withLock { $0.append(event) }
            }
            defer { IOTrace.stop() }
            return try body()
        }
    }

    private static func concerns(_ event: IOEvent, _ directory: String) -> Bool {
        switch event {
        case .open(let path), .write(let path, _, _), .truncate(let path, _), .sync(let path),
            .rename(_, let path), .link(_, let path), .remove(let path), .makeDirectory(let path),
            .syncDirectory(let path):
            path == directory || path.hasPrefix(directory + "/")
        case .syncFileSystem: true
        }
    }

    /// How many events were recorded so far.
    package var count: Int { events.withLock { $0.count } }

    /// Turns the copy at `root` of the state before the record into one that a cut after the first
    /// `cut` events could have left, chosen by `seed`. Paths under `original` are mapped to `root`.
    package func replay(
        upTo cut: Int, seed: UInt64, original: String, root: String
    ) throws {
        let done = Array(events.withLock { $0.prefix(cut) })
        var random = SplitMix64(seed: seed)
        let disk = Disk(original: original, root: root)
        let kept = Self.survivors(of: done, random: &random)
        for (event, fate) in zip(done, kept) { try disk.apply(event, fate, &random) }
    }

    enum Fate { case kept, lost, torn }

    /// Decides for every event whether it survives. What a later sync covers always does.
    private static func survivors(of events: [IOEvent], random: inout SplitMix64) -> [Fate] {
        var fates = [Fate](repeating: .kept, count: events.count)
        // A later move of a file must not leave its data uncovered: syncs are looked up by the name the
        // file has at that time, so names are followed forward from each write.
        var lostNamesIn: Set<String> = []
        for (index, event) in events.enumerated() {
            switch event {
            case .write(let path, _, _), .truncate(let path, _):
                if isSynced(path, after: index, in: events) { continue }
                let roll = random.next() % 3
                fates[index] = roll == 0 ? .kept : roll == 1 ? .lost : .torn
            case .rename(_, let to), .link(_, let to):
                fates[index] = nameFate(of: to, index, events, &lostNamesIn, &random)
            case .remove(let path):
                fates[index] = nameFate(of: path, index, events, &lostNamesIn, &random)
            default: continue
            }
        }
        return fates
    }

    private static func nameFate(
        of path: String, _ index: Int, _ events: [IOEvent], _ lost: inout Set<String>,
        _ random: inout SplitMix64
    ) -> Fate {
        let directory = Path.parent(path) ?? "/"
        for later in events[(index + 1)...] {
            switch later {
            case .syncDirectory(let synced) where synced == directory: return .kept
            case .syncFileSystem: return .kept
            default: continue
            }
        }
        // Once a change of names in a directory is lost, the later ones of it are lost too (journal order).
        if lost.contains(directory) || random.next() % 2 == 0 {
            lost.insert(directory)
            return .lost
        }
        return .kept
    }

    private static func isSynced(_ path: String, after index: Int, in events: [IOEvent]) -> Bool {
        var name = path
        for later in events[(index + 1)...] {
            switch later {
            case .sync(let synced) where synced == name: return true
            case .syncFileSystem: return true
            case .rename(let from, let to) where from == name: name = to
            default: continue
            }
        }
        return false
    }
}

/// The directory that a replay writes into.
private struct Disk {
    let original: String
    let root: String

    func apply(_ event: IOEvent, _ fate: PowerCut.Fate, _ random: inout SplitMix64) throws {
        switch event {
        case .open(let path):
            _ = try target(path).map { try File.open($0, .create) }
        case .write(let path, let offset, let bytes):
            guard fate != .lost, let path = target(path) else { return }
            let length = fate == .torn ? tear(bytes.count, &random) : bytes.count
            try File.open(path, .create).write(Array(bytes.prefix(length)), at: offset)
        case .truncate(let path, let size):
            // Half a truncation does not exist.
            guard fate == .kept, let path = target(path) else { return }
            try File.open(path, .create).truncate(to: size)
        case .rename(let from, let to):
            guard fate == .kept, let from = target(from), let to = target(to) else { return }
            if try Files.exists(from) { try Durable.rename(from, to: to) }
        case .link(let from, let to):
            guard fate == .kept, let from = target(from), let to = target(to) else { return }
            if try Files.exists(from), try !Files.exists(to) { try Durable.link(from, to: to) }
        case .remove(let path):
            guard fate == .kept, let path = target(path) else { return }
            try Files.removeTree(path)
        case .makeDirectory(let path):
            if let path = target(path) { try Files.createDirectory(path) }
        case .sync, .syncDirectory, .syncFileSystem: return
        }
    }

    private func tear(_ count: Int, _ random: inout SplitMix64) -> Int {
        let sectors = UInt64(count / 512 + 1)
        return min(count, Int(random.next() % sectors) * 512)
    }

    private func target(_ path: String) -> String? {
        guard path == original || path.hasPrefix(original + "/") else { return nil }
        return root + path.dropFirst(original.count)
    }
}
