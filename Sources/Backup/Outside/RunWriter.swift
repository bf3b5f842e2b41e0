internal import Cryptography

/// Puts chunks into runs, each once, and runs into packs.
///
/// A run is chunks one after the other, about 1 MiB of them, compressed together: small files beside each
/// other compress far better than each alone.
struct RunWriter<Keys: BackupKeys> {
    /// A run that has grown to this is written.
    private static var target: Int { 1 << 20 }

    private let key: OutsideKey
    private let series: PackSeries<Keys>
    private var open: [UInt8] = []
    private var rows: [ChunkKey: UInt32] = [:]
    private var hole: UInt32?
    private(set) var runs: [Unit] = []
    private(set) var chunks: [ChunkRecord] = []

    init(key: OutsideKey, series: PackSeries<Keys>) {
        self.key = key
        self.series = series
        open.reserveCapacity(Self.target + KeyedChunker.maximum)
    }

    /// Adds the chunk that every hole gives; returns its row. It is named once, whatever the hole's size.
    mutating func addHole(_ chunk: UnsafeRawBufferPointer) throws -> UInt32 {
        if let hole { return hole }
        let row = try add(chunk)
        hole = row
        return row
    }

    /// Adds a chunk, if it is new; returns its row.
    mutating func add(_ chunk: UnsafeRawBufferPointer) throws -> UInt32 {
        let id = try key.identifier(chunk)
        if let row = rows[ChunkKey(id)] { return row }
        let row = UInt32(chunks.count)
        rows[ChunkKey(id)] = row
        chunks.append(
            ChunkRecord(
                id: id, run: UInt32(runs.count), offset: UInt32(open.count), length: UInt32(chunk.count)))
        open.append(contentsOf: chunk)
        if open.count >= Self.target { try finish() }
        return row
    }

    /// Writes the run that is open.
    mutating func finish() throws {
        guard !open.isEmpty else { return }
        runs.append(try DatabaseUnits.add("runs/\(runs.count)", open, to: series))
        open.removeAll(keepingCapacity: true)
    }
}

/// The 20 bytes of an id, without a box on the heap for each.
struct ChunkKey: Hashable {
    private let words: (UInt64, UInt64, UInt32)

    /// From exactly 20 bytes.
    init(_ id: [UInt8]) {
        words = id.withUnsafeBytes {
            (
                $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
            )
        }
    }

    static func == (a: ChunkKey, b: ChunkKey) -> Bool { a.words == b.words }

    func hash(into hasher: inout Swift.Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}
