import Cryptography

/// The keys of a machine that may only write backups, as they stand in `keys/writer`: no root of a vault, no
/// epoch, nothing that opens anything but this machine's own keys.
///
///     "ATWK" ‖ format u8 = 1 ‖ suite u8 = 1 ‖ 0 u16 ‖ Ed25519 (32) ‖ X25519 (32) ‖ string name ‖ time u64
///     ‖ count u32 (1 to 32) ‖ slots ‖ wraps of: signing seed, agreement seed, home key (112 each)
///     ‖ signature (64) ‖ SHA-256 of everything before (32)
///
/// Slots are those of a ring, with V = 32 zero bytes and this device's signing key as their authority. They
/// hold a random key of this file, under which the wraps are: AAD = "writer-" ‖ label ‖ 0x00 ‖ device id,
/// with label "signing", "agreement" or "home". The signature is the device's, domain
/// "ai-team/writer-home/v1". The file is written once.
struct WriterFile: Sendable {
    let keys: PublicKeys
    let name: String
    let time: UInt64
    let slots: [Slot]
    let signingSeed: [UInt8]
    let agreementSeed: [UInt8]
    let homeKey: [UInt8]
    let signature: [UInt8]

    static let fileName = "writer"
    static let sizeLimit = 1 << 20
    private static let magic = Array("ATWK".utf8)
    private static let hashCount = 32

    /// Everything in front of the signature.
    private static func signedBytes(
        _ keys: PublicKeys, _ name: String, _ time: UInt64, _ slots: [Slot], _ wraps: [UInt8]
    ) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(magic + [1, 1, 0, 0])
        keys.encode(into: &writer)
        writer.string(name)
        writer.u64(time)
        writer.count(slots.count)
        for slot in slots { slot.encode(into: &writer) }
        writer.raw(wraps)
        return writer.bytes
    }

    private var signedBytes: [UInt8] {
        Self.signedBytes(keys, name, time, slots, signingSeed + agreementSeed + homeKey)
    }

    var encoded: [UInt8] {
        let bytes = signedBytes + signature
        return bytes + Hash.digest(.sha256, bytes)
    }

    /// Wraps an identity and its home key for `secret`.
    init(
        _ identity: IdentityKeys, home: SharedSecret, name: String, secret: SlotSecret,
        cost: ScryptParameters, time: UInt64
    ) throws(CryptoError) {
        let root = try SecretBytes.random(count: 32)
        keys = identity.publicKeys
        self.name = name
        self.time = time
        let device = keys.id
        slots = [
            try Slot.make(
                for: secret, root: root, authority: keys.signing, vault: .none, cost: cost, time: time)
        ]
        signingSeed = try Wrap.seal(identity.signingSeed, under: root, aad: Self.aad("signing", device))
        agreementSeed = try Wrap.seal(identity.agreementSeed, under: root, aad: Self.aad("agreement", device))
        homeKey = try Wrap.seal(home.bytes, under: root, aad: Self.aad("home", device))
        let signed = Self.signedBytes(keys, name, time, slots, signingSeed + agreementSeed + homeKey)
        signature = try identity.signing.sign(signed, domain: Domain.writerHome)
    }

    private static func aad(_ label: String, _ device: DeviceID) -> [UInt8] {
        Array("writer-\(label)".utf8) + [0] + device.bytes
    }

    /// Reads the file. Nothing but its checksum and form was verified then.
    init(_ bytes: [UInt8]) throws(KeyError) {
        guard bytes.count > 8 + Self.hashCount, bytes.count <= Self.sizeLimit,
            Hash.digest(.sha256, Array(bytes.dropLast(Self.hashCount)))
                == Array(bytes.suffix(Self.hashCount)),
            Array(bytes[..<4]) == Self.magic
        else {
            throw KeyError(
                .damagedRing, "the keys of this machine are damaged",
                hint: "make new ones with `ai-team init --backup-only` and enrol them")
        }
        guard Array(bytes[4..<8]) == [1, 1, 0, 0] else {
            throw KeyError(
                .newerFormat, "the keys of this machine were written by a newer version of ai-team",
                hint: "update ai-team")
        }
        do { try self.init(parsing: Array(bytes.dropLast(Self.hashCount))) } catch {
            throw KeyError(error, .integrityFailure, "keys of this machine")
        }
        guard encoded == bytes else {
            throw KeyError(.integrityFailure, "the keys of this machine are not canonical")
        }
        for slot in slots where slot.kind == .passphrase {
            try orKeyError(.downgrade, "keys of this machine") { () throws(CryptoError) in
                _ = try ScryptParameters(logN: slot.logN)
            }
        }
    }

    private init(parsing bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        _ = try reader.raw(8)
        keys = try PublicKeys(from: &reader)
        name = try reader.string(limit: WriterPublicKey.nameLimit)
        time = try reader.u64()
        var slots: [Slot] = []
        for _ in 0..<(try reader.count(limit: RingFile.slotLimit, elementCount: Slot.encodedCount)) {
            slots.append(try Slot(from: &reader))
        }
        self.slots = slots
        signingSeed = try reader.raw(RingFile.wrapCount)
        agreementSeed = try reader.raw(RingFile.wrapCount)
        homeKey = try reader.raw(RingFile.wrapCount)
        signature = try reader.raw(Ed25519.signatureCount)
        try reader.expectEnd()
    }

    /// The identity and the home key, for the holder of `secret`.
    ///
    /// - Throws: `wrongKey` when no slot has this secret; `integrityFailure` when the file is not the one
    ///   that the secret's holder made.
    func open(with secret: SlotSecret) throws(KeyError) -> (IdentityKeys, SharedSecret) {
        for slot in slots where slot.kind == secret.kind {
            let keys = try orKeyError(.integrityFailure, "slot") { () throws(CryptoError) in
                try slot.keys(of: secret)
            }
            guard let keys else { continue }
            return try open(slot, keys)
        }
        throw KeyError(.wrongKey, "this opens no slot of this machine's keys")
    }

    private func open(
        _ slot: Slot, _ slotKeys: borrowing SlotKeys
    ) throws(KeyError) -> (IdentityKeys, SharedSecret) {
        let what = "keys of this machine"
        let mac = try orKeyError(.integrityFailure, what) { () throws(CryptoError) in
            try slotKeys.authenticate(authority: keys.signing, of: .none)
        }
        guard slot.authority == keys.signing, ConstantTime.equal(mac, slot.authorityMAC) else {
            throw KeyError(.integrityFailure, "the keys of this machine were replaced by someone")
        }
        do throws(CryptoError) {
            try Ed25519.verify(
                signature: signature, of: signedBytes, domain: Domain.writerHome, publicKey: keys.signing)
            let root = try slot.open(with: slotKeys, vault: .none)
            let identity = try IdentityKeys(
                signingSeed: Wrap.open(signingSeed, under: root, aad: Self.aad("signing", keys.id)),
                agreementSeed: Wrap.open(agreementSeed, under: root, aad: Self.aad("agreement", keys.id)))
            guard identity.publicKeys == keys else {
                throw CryptoError(.authenticationFailed, "they do not belong together")
            }
            let home = try Wrap.open(homeKey, under: root, aad: Self.aad("home", keys.id))
            return (identity, SharedSecret(home))
        } catch {
            throw KeyError(error, .integrityFailure, what)
        }
    }
}
