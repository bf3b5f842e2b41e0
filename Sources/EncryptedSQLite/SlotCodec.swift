import Cryptography

/// A small record of which a file keeps the last two versions: the seal and the anchor.
protocol SlotRecord: Sendable {
    /// What its slots begin with, 4 characters, and how errors call it.
    static var magic: String { get }
    static var noun: String { get }
    /// The purpose of the home's key for it.
    static var purpose: String { get }
    /// Encrypted bytes in a slot; `encode` gives exactly so many.
    static var bodyCount: Int { get }
    /// Higher is newer.
    var sequence: UInt64 { get set }
    func encode() -> [UInt8]
    init(decoding bytes: [UInt8]) throws(CryptoError)
}

/// Turns a record into the bytes of a slot and back. docs/FORMAT.md, "Seal" and "Anchor".
///
/// Slot: magic 4 ‖ format 1 ‖ suite 1 ‖ 0 0 ‖ check 4 ‖ 0 0 0 0 (all of it authenticated) ‖ nonce 24 ‖ tag
/// 16 ‖ the encrypted bytes.
final class SlotCodec<Record: SlotRecord> {
    static var slot: Int { 16 + 24 + 16 + Record.bodyCount }

    private let cipher: XAES256GCM
    private let header: [UInt8]
    private var nonces = NoncePool()

    init(key: borrowing SecretBytes) throws(CryptoError) {
        cipher = try XAES256GCM(key: key)
        let check = try HMAC.authenticate(.sha256, key: key, Array("check".utf8))
        header =
            Array(Record.magic.utf8) + [Layout.format, Layout.suite, 0, 0] + check.prefix(4) + [0, 0, 0, 0]
    }

    func seal(_ record: Record) throws(CryptoError) -> [UInt8] {
        let plain = record.encode()
        var slot = header + [UInt8](repeating: 0, count: Self.slot - 16)
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
        case valid(Record)
        case absent, wrongKey, newer, damaged
    }

    func open(_ slot: [UInt8]) -> Reading {
        guard slot.count == Self.slot, slot.contains(where: { $0 != 0 }) else { return .absent }
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
            return .valid(try Record(decoding: body))
        } catch {
            return .damaged
        }
    }
}
