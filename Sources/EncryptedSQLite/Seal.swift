import Cryptography

/// What the seal beside a database says: which log belongs to it and how far a checkpoint may have come.
struct Seal: Sendable, Equatable {
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
        return writer.bytes + [UInt8](repeating: 0, count: SealCodec.body - writer.bytes.count)
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
    }
}

/// Turns a seal into the bytes of a slot and back. docs/FORMAT.md, "Seal".
///
/// Slot: `ATSL` 4 ‖ format 1 ‖ suite 1 ‖ 0 0 ‖ check 4 ‖ 0 0 0 0 (all of it authenticated) ‖ nonce 24 ‖ tag
/// 16 ‖ 192 encrypted bytes.
final class SealCodec {
    static let body = 192
    static let slot = 16 + 24 + 16 + SealCodec.body

    private let cipher: XAES256GCM
    private let header: [UInt8]
    private var nonces = NoncePool()

    init(key: borrowing SecretBytes) throws(CryptoError) {
        cipher = try XAES256GCM(key: key)
        let check = try HMAC.authenticate(.sha256, key: key, Array("check".utf8))
        header = Array("ATSL".utf8) + [Layout.format, Layout.suite, 0, 0] + check.prefix(4) + [0, 0, 0, 0]
    }

    func seal(_ seal: Seal) throws(CryptoError) -> [UInt8] {
        let plain = seal.encode()
        var slot = header + [UInt8](repeating: 0, count: SealCodec.slot - 16)
        var failure: CryptoError?
        slot.withUnsafeMutableBytes { slot in
            plain.withUnsafeBytes { plain in
                do throws(CryptoError) {
                    let nonce = UnsafeMutableRawBufferPointer(rebasing: slot[16..<40])
                    try nonces.next(into: nonce)
                    try cipher.seal(
                        plain, into: UnsafeMutableRawBufferPointer(rebasing: slot[56...]),
                        nonce: UnsafeRawBufferPointer(nonce),
                        aad: UnsafeRawBufferPointer(rebasing: slot[..<16]),
                        tag: UnsafeMutableRawBufferPointer(rebasing: slot[40..<56]))
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return slot
    }

    /// What a slot is found to be.
    enum Reading {
        case valid(Seal)
        case absent, wrongKey, newer, damaged
    }

    func open(_ slot: [UInt8]) -> Reading {
        guard slot.count == SealCodec.slot, slot.contains(where: { $0 != 0 }) else { return .absent }
        guard Array(slot[..<4]) == Array(header[..<4]) else { return .damaged }
        guard slot[4] == Layout.format, slot[5] == Layout.suite else { return .newer }
        guard Array(slot[8..<12]) == Array(header[8..<12]) else { return .wrongKey }
        var body = Array(slot[56...])
        do throws(CryptoError) {
            var failure: CryptoError?
            body.withUnsafeMutableBytes { body in
                slot.withUnsafeBytes { slot in
                    do throws(CryptoError) {
                        try cipher.open(
                            UnsafeRawBufferPointer(body), into: body,
                            nonce: UnsafeRawBufferPointer(rebasing: slot[16..<40]),
                            aad: UnsafeRawBufferPointer(rebasing: slot[..<16]),
                            tag: UnsafeRawBufferPointer(rebasing: slot[40..<56]))
                    } catch {
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
            return .valid(try Seal(decoding: body))
        } catch {
            return .damaged
        }
    }
}
