package import Cryptography
package import KeyRing

/// The keys of a machine that wraps what it can't open again: a member of the backup role.
package struct BlindKeys: BackupKeys {
    private let identity: WriterIdentity
    private let roster: Roster
    private let kept: KeptKeys

    /// - Parameters:
    ///   - keysDirectory: of the machine's home; keys of lists are kept there.
    ///   - roster: of the vault, verified.
    package init(_ identity: WriterIdentity, roster: Roster, keysDirectory: String) {
        self.identity = identity
        self.roster = roster
        kept = KeptKeys(keysDirectory, identity)
    }

    package var vaultID: [UInt8] { roster.vaultID.bytes }
    package var deviceID: [UInt8] { identity.device.bytes }
    package var incarnation: UInt32 { roster.member(identity.device)?.incarnation ?? 0 }
    package var currentEpoch: UInt32 { roster.currentEpoch }
    package var rosterRecords: [[UInt8]] { roster.chain }
    package var isBlind: Bool { true }

    package var recipients: [(id: [UInt8], key: [UInt8])] {
        roster.backupRecipients.map { ($0.id.bytes, $0.key) }
    }

    package func backupPublicKey(epoch: UInt32) throws -> [UInt8] {
        guard let key = roster.backupPublicKey(epoch: epoch) else {
            throw BackupError(.notFound, "this vault has no epoch \(epoch)")
        }
        return key
    }

    package func openBackupBox(
        _ box: [UInt8], ephemeral: [UInt8], info: [UInt8], epoch: UInt32
    ) throws -> SecretBytes {
        throw BackupError(.locked, "this machine can't open it: it only writes backups")
    }

    package func sign(_ bytes: [UInt8], domain: String) throws -> [UInt8] {
        try identity.sign(bytes, domain: domain)
    }

    package func keep(_ key: borrowing SecretBytes, _ kind: ObjectKey.Kind, id: [UInt8]) throws {
        try kept.keep(key, kind, id: id)
    }

    package func kept(_ kind: ObjectKey.Kind, id: [UInt8], object: String) throws -> SecretBytes? {
        try kept.open(kind, id: id, object: object)
    }

    /// What chunks of files outside the vault are cut and named with, in an epoch.
    package func outsideSecret() throws -> OutsideSecret {
        OutsideSecret(
            try identity.homeKey(KeyPurpose(rawValue: "outside"), epoch: roster.currentEpoch))
    }

    /// Forgets the kept keys of what is there no longer.
    func sweep(keeping index: BackupIndex) throws { try kept.sweep(keeping: index) }
}
