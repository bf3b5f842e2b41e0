internal import Cryptography
internal import FileSystem

/// Puts blobs into packs as they are: small ones one after the other in a member of the archive, so that
/// thousands do not cost a header and a block's rest each; large ones in pieces of their own.
struct BlobRuns<Keys: BackupKeys> {
    /// A run that has grown to this is written.
    private static var target: Int { 1 << 20 }
    /// A file of this length has members of its own.
    private static var large: Int64 { 1 << 18 }

    /// A part of a unit that was submitted, or will be.
    struct Piece {
        var run: Int
        var start: UInt64
        var length: UInt32
    }

    /// A file that was read.
    struct Shipped {
        var length: UInt64
        var sha256: [UInt8]
        var pieces: [Piece]
    }

    private let pipeline: UnitPipeline<Keys>
    private var open: [UInt8] = []
    /// The pipeline's numbers of the runs.
    private var numbers: [Int] = []
    /// Runs that were begun: the open one's number is known when it is submitted.
    private var openRun: Int?

    init(_ pipeline: UnitPipeline<Keys>) { self.pipeline = pipeline }

    /// How many pieces a file of `size` bytes is.
    static func pieceCount(_ size: Int64) -> Int {
        Int((size + Int64(Unit.plainLimit) - 1) / Int64(Unit.plainLimit))
    }

    /// Reads a file and adds it.
    ///
    /// - Throws: `.failed` when it gets shorter meanwhile.
    mutating func add(_ path: String, _ file: borrowing File) throws -> Shipped {
        let size = try file.size()
        guard size < Self.large else { return try addLarge(path, file, size) }
        guard size > 0 else { return Shipped(length: 0, sha256: Hash.digest(.sha256, []), pieces: []) }
        let bytes = try read(path, file, Int(size), at: 0)
        let run = begin()
        let piece = Piece(run: run, start: UInt64(open.count), length: UInt32(size))
        open += bytes
        if open.count >= Self.target { try finish() }
        return Shipped(length: UInt64(size), sha256: Hash.digest(.sha256, bytes), pieces: [piece])
    }

    /// Writes the run that is open.
    mutating func finish() throws {
        guard let run = openRun else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &open)
        openRun = nil
        numbers[run] = try pipeline.submit("blobs/\(run)", bytes, compressing: false)
    }

    /// Where a piece stands, once its unit has its place.
    func unit(_ piece: Piece) throws -> StoredUnit {
        var unit = try pipeline.unit(numbers[piece.run])
        unit.offset += piece.start
        unit.length = piece.length
        unit.plainLength = piece.length
        return unit
    }

    private mutating func begin() -> Int {
        if let openRun { return openRun }
        openRun = numbers.count
        numbers.append(-1)
        open.reserveCapacity(Self.target + Int(Self.large))
        return numbers.count - 1
    }

    private mutating func addLarge(_ path: String, _ file: borrowing File, _ size: Int64) throws -> Shipped {
        var hasher = Hasher(.sha256)
        var pieces: [Piece] = []
        var offset: Int64 = 0
        while offset < size {
            let wanted = Int(min(Int64(Unit.plainLimit), size - offset))
            let bytes = try read(path, file, wanted, at: offset)
            hasher.update(bytes)
            pieces.append(Piece(run: numbers.count, start: 0, length: UInt32(wanted)))
            numbers.append(try pipeline.submit("\(path)/\(offset)", bytes, compressing: false))
            offset += Int64(wanted)
        }
        return Shipped(length: UInt64(size), sha256: hasher.finalize(), pieces: pieces)
    }

    private func read(
        _ path: String, _ file: borrowing File, _ count: Int, at offset: Int64
    ) throws -> [UInt8] {
        let bytes = try file.read(count: count, at: offset)
        guard bytes.count == count else {
            throw BackupError(.failed, "it was cut off while it was read", object: path)
        }
        return bytes
    }
}
