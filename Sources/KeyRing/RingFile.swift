import Cryptography

/// The ring as it stands on disk, before anything in it is believed.
///
///     "ATKR" ‖ format u8 = 2 ‖ suite u8 = 1 ‖ 0 u16 ‖ generation u64 ‖ V (32) ‖ device (16)
///     ‖ incarnation u32 ‖ authority Ed25519 (32) ‖ X25519 (32) ‖ roster head: sequence u64 ‖ hash (32)
///     ‖ time u64 ‖ slots ‖ hand-overs ‖ wraps of: signing seed, agreement seed, home key (112 each)
///     ‖ count u32 ‖ (epoch u32 ‖ wrap (112)) each ‖ epoch in use u32 ‖ ordered u8
///     ‖ count u32 ‖ former keys: Ed25519 (32) ‖ X25519 (32) ‖ their wraps (112 each)
///     ‖ signature (64) ‖ SHA-256 of everything before (32)
///
/// Format 1 lacks what stands between the epochs and the signature: every epoch is in use there, and no
/// remote orders the roster.
struct RingFile: Sendable, Hashable {
    /// Old authority, new authority, and the old one's signature over V ‖ the new one.
    struct Handover: Sendable, Hashable {
        let old: [UInt8]
        let new: [UInt8]
        let signature: [UInt8]
    }

    struct WrappedEpoch: Sendable, Hashable {
        let number: UInt32
        let wrap: [UInt8]
    }

    /// The keys that this device had before a `rekey` which another record may still displace.
    struct FormerKeys: Sendable, Hashable {
        let keys: PublicKeys
        let signingSeed: [UInt8]
        let agreementSeed: [UInt8]
    }

    var format = RingFile.newestFormat
    var generation: UInt64
    let vaultID: VaultID
    let device: DeviceID
    var incarnation: UInt32
    /// This device's public keys; the signing one is the ring's authority.
    var keys: PublicKeys
    var rosterSequence: UInt64
    var rosterHash: [UInt8]
    var time: UInt64
    var slots: [Slot]
    var handovers: [Handover]
    var signingSeed: [UInt8]
    var agreementSeed: [UInt8]
    var homeKey: [UInt8]
    var epochs: [WrappedEpoch]
    /// The epoch under which new data is written.
    var epochInUse: UInt32
    /// Whether a remote decides which records of the roster come first.
    var isOrdered: Bool
    /// Oldest first.
    var formerKeys: [FormerKeys]
    var signature: [UInt8]

    static let magic = Array("ATKR".utf8)
    static let newestFormat: UInt8 = 2
    static let suite: UInt8 = 1
    static let sizeLimit = 1 << 20
    static let slotLimit = 32
    static let handoverLimit = 1024
    static let epochLimit = 4096
    static let formerLimit = 256
    static let wrapCount = 112
    static let hashCount = 32
    static let leastCount = 4 + 4 + 8 + hashCount
}

extension RingFile {
    /// What the authority signs.
    var signedBytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(RingFile.magic)
        writer.u8(format)
        writer.u8(RingFile.suite)
        writer.u16(0)
        writer.u64(generation)
        writer.raw(vaultID.bytes)
        writer.raw(device.bytes)
        writer.u32(incarnation)
        keys.encode(into: &writer)
        writer.u64(rosterSequence)
        writer.raw(rosterHash)
        writer.u64(time)
        writer.count(slots.count)
        for slot in slots { slot.encode(into: &writer) }
        writer.count(handovers.count)
        for handover in handovers { writer.raw(handover.old + handover.new + handover.signature) }
        writer.raw(signingSeed + agreementSeed + homeKey)
        writer.count(epochs.count)
        for epoch in epochs {
            writer.u32(epoch.number)
            writer.raw(epoch.wrap)
        }
        guard format > 1 else { return writer.bytes }
        writer.u32(epochInUse)
        writer.u8(isOrdered ? 1 : 0)
        writer.count(formerKeys.count)
        for former in formerKeys {
            former.keys.encode(into: &writer)
            writer.raw(former.signingSeed + former.agreementSeed)
        }
        return writer.bytes
    }

    /// The whole file.
    var encoded: [UInt8] {
        let bytes = signedBytes + signature
        return bytes + Hash.digest(.sha256, bytes)
    }

    /// Reads a ring. The checksum comes first: what fails it is damaged; what passes and is of another format
    /// is newer; a cost outside the limits is a downgrade, found before any work is done with it.
    init(_ bytes: [UInt8]) throws(KeyError) {
        guard bytes.count >= RingFile.leastCount, bytes.count <= RingFile.sizeLimit,
            Hash.digest(.sha256, Array(bytes.dropLast(RingFile.hashCount)))
                == Array(bytes.suffix(RingFile.hashCount)),
            Array(bytes[..<4]) == RingFile.magic
        else {
            throw KeyError(
                .damagedRing, "the key ring is damaged",
                hint: "restore keys/ from a backup of this home, or the vault with the recovery code")
        }
        guard (1...RingFile.newestFormat).contains(bytes[4]), bytes[5] == RingFile.suite, bytes[6] == 0,
            bytes[7] == 0
        else {
            throw KeyError(
                .newerFormat, "the key ring was written by a newer version of ai-team",
                hint: "update ai-team")
        }
        do { try self.init(parsing: Array(bytes.dropLast(RingFile.hashCount))) } catch {
            throw KeyError(error, .integrityFailure, "key ring")
        }
        guard encoded == bytes else { throw KeyError(.integrityFailure, "the key ring is not canonical") }
        for slot in slots where slot.kind == .passphrase {
            try orKeyError(.downgrade, "key ring") { () throws(CryptoError) in
                _ = try ScryptParameters(logN: slot.logN)
            }
        }
    }

    private init(parsing bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        format = try reader.raw(8)[4]
        generation = try reader.u64()
        guard let vaultID = VaultID(try reader.raw(VaultID.count)) else {
            throw CryptoError(.malformed, "no vault id")
        }
        self.vaultID = vaultID
        device = try DeviceID(from: &reader)
        incarnation = try reader.u32()
        keys = try PublicKeys(from: &reader)
        rosterSequence = try reader.u64()
        rosterHash = try reader.raw(32)
        time = try reader.u64()
        slots = []
        for _ in 0..<(try reader.count(limit: RingFile.slotLimit, elementCount: Slot.encodedCount)) {
            slots.append(try Slot(from: &reader))
        }
        handovers = []
        for _ in 0..<(try reader.count(limit: RingFile.handoverLimit, elementCount: 128)) {
            let (old, new) = (try reader.raw(32), try reader.raw(32))
            handovers.append(Handover(old: old, new: new, signature: try reader.raw(64)))
        }
        signingSeed = try reader.raw(RingFile.wrapCount)
        agreementSeed = try reader.raw(RingFile.wrapCount)
        homeKey = try reader.raw(RingFile.wrapCount)
        epochs = []
        for _ in 0..<(try reader.count(limit: RingFile.epochLimit, elementCount: 4 + RingFile.wrapCount)) {
            let number = try reader.u32()
            epochs.append(WrappedEpoch(number: number, wrap: try reader.raw(RingFile.wrapCount)))
        }
        epochInUse = UInt32(epochs.count)
        isOrdered = false
        formerKeys = []
        if format > 1 {
            epochInUse = try reader.u32()
            isOrdered = try reader.u8() == 1
            let size = 64 + 2 * RingFile.wrapCount
            for _ in 0..<(try reader.count(limit: RingFile.formerLimit, elementCount: size)) {
                let keys = try PublicKeys(from: &reader)
                let signing = try reader.raw(RingFile.wrapCount)
                formerKeys.append(
                    FormerKeys(
                        keys: keys, signingSeed: signing,
                        agreementSeed: try reader.raw(RingFile.wrapCount)))
            }
        }
        signature = try reader.raw(64)
        try reader.expectEnd()
    }
}

extension RingFile {
    /// Throws `integrityFailure` unless the authority signed this ring and it is the device's that it names.
    func verifySignature() throws(KeyError) {
        try orKeyError(.integrityFailure, "key ring") { () throws(CryptoError) in
            try Ed25519.verify(
                signature: signature, of: signedBytes, domain: Domain.ring, publicKey: keys.signing)
        }
    }

    /// Throws `integrityFailure` unless the holder of `keys` once saw this ring's authority, or one from
    /// which hand-over signatures lead to it. A foreign root sealed to a slot's public half ends here.
    func verifyAuthority(for slot: Slot, _ keys: borrowing SlotKeys) throws(KeyError) {
        let expected = try orKeyError(.integrityFailure, "key ring") { () throws(CryptoError) in
            try keys.authenticate(authority: slot.authority, of: vaultID)
        }
        guard ConstantTime.equal(expected, slot.authorityMAC) else { throw RingFile.foreign }
        var authority = slot.authority
        var steps = 0
        while authority != self.keys.signing {
            guard steps < handovers.count, let next = handovers.first(where: { $0.old == authority }) else {
                throw RingFile.foreign
            }
            try orKeyError(.integrityFailure, "key ring") { () throws(CryptoError) in
                try Ed25519.verify(
                    signature: next.signature, of: vaultID.bytes + next.new, domain: Domain.handover,
                    publicKey: next.old)
            }
            authority = next.new
            steps += 1
        }
    }

    private static var foreign: KeyError {
        KeyError(
            .integrityFailure, "the key ring is not the one this secret belongs to",
            hint: "someone replaced keys/; restore it from a backup of this home")
    }
}
