internal import Dispatch
internal import Synchronization

/// Reads chunks out of runs. Runs that will be needed are expanded, and their chunks compared with their ids,
/// on other cores before they are asked for; a few stay, since a chunk may have come earlier in the backup.
///
/// For one thread. Memory holds at most `recentLimit + aheadLimit` runs.
final class RunReader {
    private static let recentLimit = 3
    private static let aheadLimit = Cores.count + 1

    private let key: OutsideKey?
    private let fetch: SharedFetch
    /// What comes next, the next one last.
    private var planned: [Need] = []
    private var ahead: [Place: Expanded] = [:]
    /// The one that was used last stands last.
    private var recent: [Expanded] = []
    private let group = DispatchGroup()

    init(key: OutsideKey?, fetch: SharedFetch) {
        self.key = key
        self.fetch = fetch
    }

    /// Nobody fetches any more when this is over.
    deinit { group.wait() }

    private typealias Place = Extent

    /// A run and the chunks of it that will be read.
    private struct Need: Sendable {
        var run: Unit
        var chunks: [ChunkRecord]
    }

    /// Says what will be read: the entries of a segment in whose rows `isWanted`.
    func plan(_ segment: OutsideListing.Loaded, where isWanted: (_ row: Int) -> Bool = { _ in true }) {
        var needs: [Need] = []
        var places: [UInt32: Int] = [:]
        var seen = [Bool](repeating: false, count: segment.content.chunks.count)
        for (row, entry) in segment.content.entries.enumerated() where isWanted(row) {
            for row in entry.chunks where !seen[Int(row)] {
                seen[Int(row)] = true
                let chunk = segment.content.chunks[Int(row)]
                if let place = places[chunk.run] {
                    needs[place].chunks.append(chunk)
                } else {
                    places[chunk.run] = needs.count
                    needs.append(Need(run: segment.runs[Int(chunk.run)], chunks: [chunk]))
                }
            }
        }
        planned = needs.reversed()
        advance()
    }

    /// Lends a chunk's bytes, checked.
    func read(
        _ chunk: ChunkRecord, of run: Unit, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let expanded = try find(run)
        try expanded.withBytes { bytes, checked in
            guard chunk.range.upperBound <= bytes.count else {
                throw BackupError.integrity("run at \(run.place.offset)", "it is shorter than the list says")
            }
            let piece = UnsafeRawBufferPointer(rebasing: bytes[chunk.range])
            let isKnown = key == nil || checked.contains(Checked(chunk))
            if !isKnown, let key {
                guard try key.identifier(piece) == chunk.id else {
                    throw BackupError.integrity("chunk at \(chunk.offset)", "its content has another id")
                }
                checked.insert(Checked(chunk))
            }
            try body(piece)
        }
    }

    private func find(_ run: Unit) throws -> Expanded {
        if let index = recent.lastIndex(where: { $0.run == run }) {
            if index < recent.count - 1 { recent.append(recent.remove(at: index)) }
        } else {
            let expanded: Expanded
            if let known = ahead.removeValue(forKey: run.place), known.run == run {
                expanded = known
            } else {
                expanded = Expanded(run)
                expanded.fill(with: fetch, nil, [])
            }
            if recent.count == Self.recentLimit { recent.removeFirst() }
            recent.append(expanded)
            advance()
        }
        return recent[recent.count - 1]
    }

    /// Has the next runs expanded.
    private func advance() {
        while ahead.count < Self.aheadLimit, let need = planned.popLast() {
            if ahead[need.run.place] != nil || recent.contains(where: { $0.run == need.run }) { continue }
            let expanded = Expanded(need.run)
            ahead[need.run.place] = expanded
            DispatchQueue.global().async(group: group) { [key, fetch] in
                expanded.fill(with: fetch, key, need.chunks)
            }
        }
    }
}

/// A chunk that was compared with its id.
private struct Checked: Hashable {
    private let id: ChunkID
    private let offset: UInt32
    private let length: UInt32

    init(_ chunk: ChunkRecord) {
        id = chunk.id
        offset = chunk.offset
        length = chunk.length
    }
}

/// A run's plaintext, once it is there.
private final class Expanded: Sendable {
    let run: Unit
    private let content = Mutex<Result<Content, any Error>?>(nil)
    private let isFull = DispatchSemaphore(value: 0)

    private struct Content {
        var bytes: [UInt8]
        var checked: Set<Checked>
    }

    init(_ run: Unit) { self.run = run }

    /// Reads the run and compares `chunks`; one with another id is left for its reader to find.
    func fill(with fetch: SharedFetch, _ key: OutsideKey?, _ chunks: [ChunkRecord]) {
        let result = Result {
            var content = Content(bytes: try run.expand(fetch.callAsFunction), checked: [])
            guard let key else { return content }
            try content.bytes.withUnsafeBytes { bytes in
                for chunk in chunks where chunk.range.upperBound <= bytes.count {
                    let piece = UnsafeRawBufferPointer(rebasing: bytes[chunk.range])
                    if try key.identifier(piece) == chunk.id { content.checked.insert(Checked(chunk)) }
                }
            }
            return content
        }
        content.withLock { $0 = result }
        isFull.signal()
    }

    /// Waits for the run and lends it.
    func withBytes(
        _ body: (UnsafeRawBufferPointer, inout Set<Checked>) throws -> Void
    ) throws {
        isFull.wait()
        isFull.signal()
        try content.withLock { content in
            guard var found = try content?.get() else { return }
            content = nil
            defer { content = .success(found) }
            let bytes = found.bytes
            try bytes.withUnsafeBytes { try body($0, &found.checked) }
        }
    }
}
