import Cryptography

/// A new epoch in the record that begins it.
///
///     n u32 ‖ ephPk (32) ‖ count u32 ‖ (id (16) ‖ box (48)) sorted by id ‖ backupPk (32)
///     ‖ prevEpochUnderNew (48; zeros for epoch 1) ‖ commit(E_n) (32)
///
/// The boxes hold E_n, sealed with salt V and info = n u32 ‖ id ‖ prevHash of the record. prevEpochUnderNew
/// is AES-256-GCM of E_(n-1) under HKDF-Expand(E_n, "prev-epoch"), nonce zeros, no AAD: one message per key.
struct NewEpoch: Sendable, Hashable {
    struct Sealed: Sendable, Hashable {
        let id: DeviceID
        let box: [UInt8]
    }

    let number: UInt32
    let ephemeral: [UInt8]
    let sealed: [Sealed]
    let backupKey: [UInt8]
    let previousUnderNew: [UInt8]
    let commitment: [UInt8]

    static let memberLimit = 4096
    static let noPrevious = [UInt8](repeating: 0, count: 48)

    func encode(into writer: inout CanonicalWriter) {
        writer.u32(number)
        writer.raw(ephemeral)
        writer.count(sealed.count)
        for entry in sealed {
            writer.raw(entry.id.bytes)
            writer.raw(entry.box)
        }
        writer.raw(backupKey)
        writer.raw(previousUnderNew)
        writer.raw(commitment)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        number = try reader.u32()
        ephemeral = try reader.raw(32)
        var sealed: [Sealed] = []
        for _ in 0..<(try reader.count(limit: NewEpoch.memberLimit, elementCount: 64)) {
            let id = try DeviceID(from: &reader)
            sealed.append(Sealed(id: id, box: try reader.raw(48)))
        }
        self.sealed = sealed
        backupKey = try reader.raw(32)
        previousUnderNew = try reader.raw(48)
        commitment = try reader.raw(32)
    }
}

extension NewEpoch {
    /// Seals a fresh epoch to everyone in `recipients` (id and agreement key).
    init(
        _ key: EpochKey, previous: EpochKey?, recipients: [(id: DeviceID, key: [UInt8])], vault: VaultID,
        prevHash: [UInt8]
    ) throws(CryptoError) {
        let fresh = try AgreementKey.random()
        var sealed: [Sealed] = []
        for recipient in recipients.sorted(by: { $0.id < $1.id }) {
            let info = NewEpoch.info(key.number, recipient.id, prevHash)
            let box = try SealedBox.seal(
                key.secret, to: recipient.key, ephemeral: fresh, salt: vault.bytes, info: info)
            sealed.append(Sealed(id: recipient.id, box: box))
        }
        number = key.number
        ephemeral = fresh.publicKey
        self.sealed = sealed
        backupKey = try key.backupKey(vault).publicKey
        commitment = try key.commitment(vault)
        previousUnderNew =
            if let previous {
                try AESGCM.seal(
                    key: key.derive(.previousEpoch, vault), nonce: NewEpoch.nonce, aad: [], previous.secret)
            } else {
                NewEpoch.noPrevious
            }
    }

    static let nonce = [UInt8](repeating: 0, count: 12)

    static func info(_ number: UInt32, _ id: DeviceID, _ prevHash: [UInt8]) -> [UInt8] {
        var info = CanonicalWriter()
        info.u32(number)
        info.raw(id.bytes)
        info.raw(prevHash)
        return info.bytes
    }

    /// The epoch sealed to `id`, checked against its commitment and its backup key.
    func open(
        with key: borrowing AgreementKey, as id: DeviceID, vault: VaultID, prevHash: [UInt8]
    ) throws(CryptoError) -> EpochKey {
        guard let entry = sealed.first(where: { $0.id == id }) else {
            throw CryptoError(.invalidKey, "epoch \(number) is not sealed to \(id)")
        }
        let secret = try SealedBox.open(
            entry.box, with: key, ephemeralPublicKey: ephemeral, salt: vault.bytes,
            info: NewEpoch.info(number, id, prevHash))
        return try checked(EpochKey(number: number, secret: secret), vault)
    }

    /// `key` when it is the one this record commits to.
    func checked(_ key: EpochKey, _ vault: VaultID) throws(CryptoError) -> EpochKey {
        guard ConstantTime.equal(try key.commitment(vault), commitment),
            try key.backupKey(vault).publicKey == backupKey
        else {
            throw CryptoError(.authenticationFailed, "epoch \(number) is not the one that its record names")
        }
        return key
    }

    /// The secret of the epoch before `key`.
    func openPrevious(under key: EpochKey, _ vault: VaultID) throws(CryptoError) -> EpochKey {
        let secret = try AESGCM.openSecret(
            key: key.derive(.previousEpoch, vault), nonce: NewEpoch.nonce, aad: [], previousUnderNew)
        return EpochKey(number: number - 1, secret: secret)
    }
}

/// The secret of one epoch and what is derived from it.
final class EpochKey: Sendable {
    let number: UInt32
    let secret: SecretBytes

    init(number: UInt32, secret: consuming SecretBytes) {
        self.number = number
        self.secret = secret
    }

    static func random(_ number: UInt32) throws(CryptoError) -> EpochKey {
        EpochKey(number: number, secret: try SecretBytes.random(count: 32))
    }

    func derive(_ purpose: KeyPurpose, _ vault: VaultID) throws(CryptoError) -> SecretBytes {
        try purpose.expand(secret, vault: vault, epoch: number)
    }

    func commitment(_ vault: VaultID) throws(CryptoError) -> [UInt8] {
        try derive(.epochCommit, vault).revealed()
    }

    func backupKey(_ vault: VaultID) throws(CryptoError) -> AgreementKey {
        let seed = try derive(.backupAgreement, vault)
        return try AgreementKey(seed: seed)
    }
}
