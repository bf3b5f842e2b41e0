import Cryptography

/// What the seal beside a database says: which log belongs to it and how far a checkpoint may have come.
struct Seal: SlotRecord, Equatable {
    static let magic = "ATSL", noun = "seal", purpose = "seal"
    static let bodyCount = 192

    /// `creating` until the finished file has its name; `open`: the log of `generation` may hold commits;
    /// `drained`: all that was ever acknowledged is in the main file.
    enum State: UInt8 {
        case creating = 1
        case drained, open
    }

    var sequence: UInt64 = 0
    var databaseID: [UInt8]
    var state: State = .creating
    var generation: UInt64 = 0
    /// The pages of the main file when it was drained.
    var pageCount: UInt32 = 0
    /// Frames of `generation` that a checkpoint may have copied: a log that ends before them was cut.
    var floor: UInt32 = 0
    /// Lower ring generations are an old ring put back.
    var ringGeneration: UInt64 = 0
    /// Goes up by one with every checkpoint that writes.
    var counter: UInt64 = 0
    /// The root of the pages (`PageMap`) that belongs to `counter`; zeros while a checkpoint is not closed,
    /// and where an older program made the last one.
    var root = Seal.noHash
    /// While a checkpoint is not closed: the root before it, which belongs to `counter` - 1.
    var intentRoot = Seal.noHash
    /// The hash of the pages that a rotation is about to write.
    var rotationJournal = Seal.noHash
    /// Whether the database ever got its name.
    var isFinished = false
    /// Whether an anchor was ever made for it: one that is not there was removed.
    var isAnchored = false

    var isDrained: Bool { state != .open }

    func encode() -> [UInt8] {
        var writer = CanonicalWriter()
        writer.u64(sequence)
        writer.raw(databaseID)
        writer.u8(state.rawValue)
        writer.u8(isFinished ? 1 : 0)
        writer.u64(generation)
        writer.u32(pageCount)
        writer.u32(floor)
        writer.u64(ringGeneration)
        writer.u64(counter)
        writer.raw(root)
        writer.raw(intentRoot)
        writer.raw(rotationJournal)
        writer.u8(isAnchored ? 1 : 0)
        return writer.bytes + [UInt8](repeating: 0, count: Self.bodyCount - writer.bytes.count)
    }

    init(databaseID: [UInt8]) { self.databaseID = databaseID }

    init(decoding bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        sequence = try reader.u64()
        databaseID = try reader.raw(Layout.databaseID)
        guard let state = State(rawValue: try reader.u8()) else {
            throw CryptoError(.malformed, "the seal has an unknown state")
        }
        self.state = state
        isFinished = try reader.u8() == 1
        generation = try reader.u64()
        pageCount = try reader.u32()
        floor = try reader.u32()
        ringGeneration = try reader.u64()
        counter = try reader.u64()
        root = try reader.raw(32)
        intentRoot = try reader.raw(32)
        rotationJournal = try reader.raw(32)
        isAnchored = try reader.u8() == 1
    }
}
