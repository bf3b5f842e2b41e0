import Cryptography

/// The keys of a device that waits to be let in, as they stand in `keys/joining`.
///
///     "ATJK" ‖ format u8 = 1 ‖ suite u8 = 1 ‖ 0 u16 ‖ slot ‖ blob(wrap) ‖ SHA-256 of everything before (32)
///
/// The slot is one of a ring's, with V = 32 zero bytes and this device's signing key as its authority. It
/// holds a random key, under which the wrap is: AAD = "joining" ‖ 0x00 ‖ that signing key, content = signing
/// seed (32) ‖ agreement seed (32) ‖ note. Nobody else can make one that opens: the slot's MAC names the
/// signing key, whose seed is inside.
struct JoiningFile: Sendable {
    private let slot: Slot
    private let wrap: [UInt8]

    static let fileName = "joining"
    static let sizeLimit = 1 << 16
    private static let magic = Array("ATJK".utf8)
    private static let hashCount = 32
    private static let seedCount = 32

    var encoded: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.magic + [1, 1, 0, 0])
        slot.encode(into: &writer)
        writer.blob(wrap)
        return writer.bytes + Hash.digest(.sha256, writer.bytes)
    }

    /// Wraps an identity and a note for `secret`.
    init(
        _ identity: IdentityKeys, note: borrowing SecretBytes, secret: SlotSecret, cost: ScryptParameters,
        time: UInt64
    ) throws(CryptoError) {
        let root = try SecretBytes.random(count: 32)
        let authority = identity.publicKeys.signing
        slot = try Slot.make(
            for: secret, root: root, authority: authority, vault: .none, cost: cost, time: time)
        var parts = identity.signingSeed.revealed() + identity.agreementSeed.revealed() + note.revealed()
        wrap = try Wrap.seal(SecretBytes(wiping: &parts), under: root, aad: Self.aad(authority))
    }

    private static func aad(_ authority: [UInt8]) -> [UInt8] { Array("joining".utf8) + [0] + authority }

    /// Reads the file. Nothing but its checksum and form was verified then.
    init(_ bytes: [UInt8]) throws(KeyError) {
        let content = Array(bytes.dropLast(Self.hashCount))
        guard content.count > 8, bytes.count <= Self.sizeLimit,
            Hash.digest(.sha256, content) == Array(bytes.suffix(Self.hashCount)),
            Array(content[..<4]) == Self.magic
        else {
            throw KeyError(
                .damagedRing, "the keys that wait in this home are damaged",
                hint: "remove keys/joining and ask for another invitation")
        }
        guard Array(content[4..<8]) == [1, 1, 0, 0] else {
            throw KeyError(
                .newerFormat, "the keys that wait in this home were written by a newer version of ai-team",
                hint: "update ai-team")
        }
        do throws(CryptoError) {
            var reader = CanonicalReader(content)
            _ = try reader.raw(8)
            slot = try Slot(from: &reader)
            wrap = try reader.blob(limit: Self.sizeLimit)
            try reader.expectEnd()
        } catch { throw KeyError(error, .integrityFailure, "keys/joining") }
        if slot.kind == .passphrase {
            let logN = slot.logN
            try orKeyError(.downgrade, "keys/joining") { () throws(CryptoError) in
                _ = try ScryptParameters(logN: logN)
            }
        }
    }

    /// The identity and the note, for the holder of `secret`.
    ///
    /// - Throws: `wrongKey` for another secret; `integrityFailure` when the file is not the one that the
    ///   secret's holder made.
    func open(with secret: SlotSecret) throws(KeyError) -> (IdentityKeys, SharedSecret) {
        do throws(CryptoError) {
            guard let keys = try slot.keys(of: secret) else {
                throw CryptoError(.invalidKey, "this opens no keys that wait here")
            }
            let mac = try keys.authenticate(authority: slot.authority, of: .none)
            guard ConstantTime.equal(mac, slot.authorityMAC) else { throw Self.foreign }
            let root = try slot.open(with: keys, vault: .none)
            let parts = try Wrap.open(wrap, under: root, aad: Self.aad(slot.authority))
            guard parts.count >= 2 * Self.seedCount else { throw Self.foreign }
            let identity = try IdentityKeys(
                signingSeed: Self.part(parts, 0..<Self.seedCount),
                agreementSeed: Self.part(parts, Self.seedCount..<2 * Self.seedCount))
            guard identity.publicKeys.signing == slot.authority else { throw Self.foreign }
            return (identity, SharedSecret(Self.part(parts, 2 * Self.seedCount..<parts.count)))
        } catch {
            throw KeyError(
                error, error.code == .invalidKey ? .wrongKey : .integrityFailure, "keys/joining")
        }
    }

    private static func part(_ secret: borrowing SecretBytes, _ range: Range<Int>) -> SecretBytes {
        secret.withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    private static var foreign: CryptoError {
        CryptoError(.authenticationFailed, "someone replaced the keys that wait in this home")
    }
}
