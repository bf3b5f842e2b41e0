package import Cryptography
package import KeyRing

/// An open home's keys, as backups use them.
package struct VaultBackupKeys: BackupKeys {
    package let keys: UnlockedKeys

    package init(_ keys: UnlockedKeys) { self.keys = keys }

    package var vaultID: [UInt8] { keys.vaultID.bytes }
    package var deviceID: [UInt8] { keys.device.bytes }
    package var incarnation: UInt32 { keys.incarnation }
    package var currentEpoch: UInt32 { keys.currentEpoch }
    package var rosterRecords: [[UInt8]] { keys.roster.chain }

    package var recipients: [(id: [UInt8], key: [UInt8])] {
        keys.roster.backupRecipients.map { ($0.id.bytes, $0.key) }
    }

    package func backupPublicKey(epoch: UInt32) throws -> [UInt8] { try keys.backupPublicKey(epoch: epoch) }

    package func openBackupBox(
        _ box: [UInt8], ephemeral: [UInt8], info: [UInt8], epoch: UInt32
    ) throws -> SecretBytes {
        try SealedBox.open(
            box, with: keys.backupKey(epoch: epoch), ephemeralPublicKey: ephemeral, salt: vaultID,
            info: info)
    }

    package func sign(_ bytes: [UInt8], domain: String) throws -> [UInt8] {
        try keys.sign(bytes, domain: domain)
    }
}
