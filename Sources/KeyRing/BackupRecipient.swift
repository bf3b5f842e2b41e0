import Cryptography

/// Somebody outside the vault to whom the keys of backups are wrapped too: an auditor, a safe.
///
/// The key is one of age's X25519 keys (C2SP age.md), so that `age-keygen` makes it and whoever holds the
/// other half needs no vault.
public struct BackupRecipient: Sendable, Hashable {
    /// X25519, 32 bytes.
    public let key: [UInt8]
    let label: [UInt8]
    let labelEpoch: UInt32

    /// The most that a vault has.
    public static let limit = 32
    private static let prefix = "age"

    /// SHA-256 of the key, 16 bytes.
    public var id: DeviceID { Self.id(of: key) }

    /// `age1…`.
    public var publicKeyText: String { Bech32.encode(Self.prefix, key) }

    static func id(of key: [UInt8]) -> DeviceID { DeviceID(signing: key, agreement: []) }

    /// Reads `age1…`; nil for anything else, and for a key that nothing can be sealed to.
    public static func key(_ text: String) -> [UInt8]? {
        guard let (prefix, key) = Bech32.decode(text), prefix == Self.prefix,
            isAcceptable(key)
        else { return nil }
        return key
    }

    /// Whether something can be sealed to it: a point of small order makes every shared secret zeros.
    static func isAcceptable(_ key: [UInt8]) -> Bool {
        do throws(CryptoError) {
            _ = try AgreementKey.random().sharedSecret(with: key)
            return key.count == 32
        } catch {
            return false
        }
    }
}

extension [BackupRecipient] {
    func encode(into writer: inout CanonicalWriter) {
        writer.count(count)
        for recipient in self {
            writer.raw(recipient.key)
            writer.u32(recipient.labelEpoch)
            writer.raw(recipient.label)
        }
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        self = []
        let size = 32 + 4 + RosterBody.labelCount
        for _ in 0..<(try reader.count(limit: BackupRecipient.limit, elementCount: size)) {
            let key = try reader.raw(32)
            let epoch = try reader.u32()
            append(BackupRecipient(key: key, label: try reader.raw(RosterBody.labelCount), labelEpoch: epoch))
        }
    }
}

extension KeyRing {
    /// Wraps the keys of all backups from here on to `key` too.
    ///
    /// - Parameters:
    ///   - key: X25519, as `BackupRecipient.key` reads it.
    ///   - name: at most 63 bytes; only members can read it.
    /// - Throws: `conflict` when it is there already, `guardRefused` when this device may not decide it.
    public static func addBackupRecipient(
        _ key: [UInt8], name: String, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try requireAdministrator(keys)
        return try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            let list = state.roster.backupRecipients
            guard !list.contains(where: { $0.key == key }) else {
                throw KeyError(.conflict, "backups are wrapped to this key already")
            }
            guard list.count < BackupRecipient.limit else {
                throw KeyError(.guardRefused, "a vault has at most \(BackupRecipient.limit) recipients")
            }
            let epoch = state.roster.currentEpoch
            let labelKey = try state.epochs.key(.deviceLabel, epoch: epoch, vault: state.vaultID)
            let label = try DeviceLabel.seal(
                name, under: labelKey, BackupRecipient.id(of: key), state.vaultID)
            let added = BackupRecipient(key: key, label: label, labelEpoch: epoch)
            try state.append(.recipients(list + [added]), time: time)
        }
    }

    /// Wraps the keys of backups no longer to this recipient. What is wrapped stays so.
    ///
    /// - Throws: `notFound`.
    public static func removeBackupRecipient(
        _ id: DeviceID, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try requireAdministrator(keys)
        return try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            let list = state.roster.backupRecipients
            let rest = list.filter { $0.id != id }
            guard rest.count < list.count else { throw KeyError(.notFound, "no such recipient") }
            try state.append(.recipients(rest), time: time)
        }
    }

    private static func requireAdministrator(_ keys: UnlockedKeys) throws(KeyError) {
        guard keys.roster.member(keys.device)?.role.administers == true else {
            throw KeyError(.guardRefused, "only an owner or admin decides who can read backups")
        }
    }
}

extension UnlockedKeys {
    /// The name that a recipient was given.
    public func label(of recipient: BackupRecipient) throws(KeyError) -> String {
        let key = try state.epochs.key(.deviceLabel, epoch: recipient.labelEpoch, vault: vaultID)
        return try DeviceLabel.open(recipient.label, under: key, recipient.id, vaultID)
    }
}
