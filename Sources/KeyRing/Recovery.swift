public import Cryptography

/// Opening a vault's history with the recovery code alone: what a bare machine does with a backup.
public enum Recovery {
    /// Authenticates a chain of roster records by a recovery code and opens all its epochs.
    ///
    /// The code itself vouches for the vault: a record that introduces the code's public keys must carry a
    /// signature by them over the vault id and that record. Only then is the chain walked. So a provider who
    /// builds a vault of its own around recovery keys it has seen is refused (`integrityFailure`). A code
    /// that no record knows is `wrongKey`, and so is one that a newer code has replaced.
    public static func open(_ chain: [[UInt8]], with code: RecoveryCode) throws(KeyError) -> RecoveredKeys {
        let keys = try code.recoveryKeys()
        let vaultID = try vouchedVault(in: chain, by: keys.publicKeys)
        let roster = try Roster(verifying: chain)
        guard roster.vaultID == vaultID else {
            throw KeyError(.integrityFailure, "the recovery code vouches for another vault than this chain's")
        }
        guard roster.recovery.contains(where: { $0.keys == keys.publicKeys }) else {
            throw KeyError(.wrongKey, "a newer recovery code has replaced this one")
        }
        let epochs = try roster.openEpochs(with: keys.agreement, as: keys.publicKeys.id)
        return RecoveredKeys(roster: roster, epochs: epochs)
    }

    /// The vault that the code's own signature names.
    private static func vouchedVault(in chain: [[UInt8]], by keys: PublicKeys) throws(KeyError) -> VaultID {
        var isNamed = false
        for bytes in chain {
            let record = try RosterRecord(bytes)
            let pairs: [RecoveryPair]
            switch record.body {
            case .genesis(let core, _, _): pairs = core.recovery
            case .recoveryChange(let changed, _): pairs = changed
            default: continue
            }
            guard pairs.contains(where: { $0.keys == keys }) else { continue }
            isNamed = true
            let place = record.signatures.firstIndex { $0.role == .recovery && $0.signer == keys.id }
            guard let place else { continue }
            try record.verify(place, .recovery, by: keys.id, key: keys.signing)
            return record.vaultID
        }
        guard isNamed else {
            throw KeyError(
                .wrongKey, "the recovery code is not of this vault",
                hint: "it has no typo; look for the code that was shown when this vault was made")
        }
        throw KeyError(
            .integrityFailure, "this vault was built around the recovery keys without the recovery code",
            hint: "do not trust this copy; fetch the backup from another place")
    }
}

/// What the recovery code leads to: every epoch, and no device.
public final class RecoveredKeys: Sendable {
    /// The verified chain.
    public let roster: Roster
    let epochKeys: [EpochKey]

    init(roster: Roster, epochs: [EpochKey]) {
        self.roster = roster
        epochKeys = epochs
    }

    /// The epochs, oldest first.
    public var epochs: [UInt32] { epochKeys.map(\.number) }

    /// The key of a purpose in an epoch, 32 bytes. `notFound` for an epoch that the vault does not have.
    public func key(_ purpose: KeyPurpose, epoch: UInt32) throws(KeyError) -> SecretBytes {
        try epochKeys.key(purpose, epoch: epoch, vault: roster.vaultID)
    }

    /// The key of object names, from epoch 1.
    public func nameKey() throws(KeyError) -> SecretBytes { try key(.name, epoch: 1) }

    /// The private backup key of an epoch, which opens what packs' keys are wrapped to.
    public func backupKey(epoch: UInt32) throws(KeyError) -> AgreementKey {
        try epochKeys.backupKey(epoch, vault: roster.vaultID)
    }

    /// The name that a member gave itself.
    public func label(of member: Roster.Member) throws(KeyError) -> String {
        try epochKeys.label(of: member, vault: roster.vaultID)
    }
}

extension [EpochKey] {
    func of(_ number: UInt32) throws(KeyError) -> EpochKey {
        guard number >= 1, number <= UInt32(count) else {
            throw KeyError(.notFound, "this vault has no epoch \(number)")
        }
        return self[Int(number) - 1]
    }

    func key(_ purpose: KeyPurpose, epoch: UInt32, vault: VaultID) throws(KeyError) -> SecretBytes {
        let epoch = try of(epoch)
        return try orKeyError(.failed, purpose.rawValue) { () throws(CryptoError) in
            try epoch.derive(purpose, vault)
        }
    }

    func backupKey(_ number: UInt32, vault: VaultID) throws(KeyError) -> AgreementKey {
        let epoch = try of(number)
        return try orKeyError(.failed, "backup key") { () throws(CryptoError) in try epoch.backupKey(vault) }
    }

    func label(of member: Roster.Member, vault: VaultID) throws(KeyError) -> String {
        try DeviceLabel.open(
            member.label, under: key(.deviceLabel, epoch: member.labelEpoch, vault: vault), member.id, vault)
    }
}

/// A device's name in the roster: padded to 64 bytes and wrapped, so that its length shows nothing.
enum DeviceLabel {
    private static let plainCount = 64

    static func seal(
        _ name: String, under key: borrowing SecretBytes, _ id: DeviceID, _ vault: VaultID
    ) throws(KeyError) -> [UInt8] {
        var bytes = Array(name.utf8)
        guard bytes.count < plainCount else {
            throw KeyError(.malformed, "a device's name has at most \(plainCount - 1) bytes")
        }
        bytes = [UInt8(bytes.count)] + bytes + [UInt8](repeating: 0, count: plainCount - 1 - bytes.count)
        let padded = SecretBytes(wiping: &bytes)
        return try orKeyError(.failed, "device name") { () throws(CryptoError) in
            try Wrap.seal(padded, under: key, aad: vault.bytes + id.bytes)
        }
    }

    static func open(
        _ label: [UInt8], under key: borrowing SecretBytes, _ id: DeviceID, _ vault: VaultID
    ) throws(KeyError) -> String {
        let bytes = try orKeyError(.integrityFailure, "device name") { () throws(CryptoError) in
            try Wrap.open(label, under: key, aad: vault.bytes + id.bytes)
        }.revealed()
        guard bytes.count == plainCount, bytes[0] < plainCount,
            let name = String(validating: bytes[1..<1 + Int(bytes[0])], as: UTF8.self)
        else { throw KeyError(.integrityFailure, "a device's name is malformed") }
        return name
    }
}
