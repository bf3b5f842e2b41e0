public import Cryptography

/// What a recovery secret leads to: every epoch, and no device.
public final class RecoveredKeys: Sendable {
    /// The verified chain.
    public let roster: Roster
    let epochKeys: [EpochKey]
    let secret: RecoverySecret
    let identity: IdentityKeys

    init(roster: Roster, epochs: [EpochKey], secret: RecoverySecret, identity: IdentityKeys) {
        self.roster = roster
        epochKeys = epochs
        self.secret = secret
        self.identity = identity
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
