/// Puts chunks into runs, each once, and runs into packs.
///
/// A run is as many chunks one after the other as a unit may hold, compressed together: small files beside
/// each other compress far better than each alone.
struct RunWriter<Keys: BackupKeys> {
    private let key: OutsideKey
    private let pipeline: UnitPipeline<Keys>
    /// The run that is being filled, and its number.
    private var open: [UInt8] = []
    private var number: UInt32?
    private var hole: ChunkPlace?
    /// Chunks that are there already.
    var index = ChunkIndex()
    var runs = RunTable<Keys>()
    private var submitted = 0

    init(key: OutsideKey, pipeline: UnitPipeline<Keys>) {
        self.key = key
        self.pipeline = pipeline
    }

    /// Adds the chunk that every hole gives. It is named once, whatever the hole's size.
    mutating func addHole(_ chunk: UnsafeRawBufferPointer) throws -> ChunkPlace {
        if let hole, hole.length == chunk.count { return hole }
        let place = try add(chunk)
        hole = place
        return place
    }

    /// Adds a chunk, if it is new.
    mutating func add(_ chunk: UnsafeRawBufferPointer) throws -> ChunkPlace {
        let id = try key.identifier(chunk)
        if let known = index[id] { return known }
        if open.count + chunk.count > Unit.plainLimit { try finish() }
        let run = number ?? begin()
        let place = ChunkPlace(
            id: id, run: run, offset: UInt32(open.count), length: UInt32(chunk.count))
        index.insert(place)
        open.append(contentsOf: chunk)
        return place
    }

    /// Writes the run that is open.
    mutating func finish() throws {
        guard let number else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &open)
        self.number = nil
        runs.submitted(number, as: try pipeline.submit("runs/\(submitted)", bytes))
        submitted += 1
    }

    private mutating func begin() -> UInt32 {
        let run = runs.begin()
        number = run
        open.reserveCapacity(Unit.plainLimit)
        return run
    }
}
