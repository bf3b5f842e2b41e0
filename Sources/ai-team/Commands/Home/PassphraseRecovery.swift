import KeyRing
import Vault

/// The setting `backup.passphrase_recovery`, which is more than a line in a file: it says whether the
/// passphrase leads to recovery keys of the vault.
struct PassphraseRecovery {
    let context: Context
    let home: Home
    /// The passphrase, where the home has none of its own.
    let newPassphraseFile: String?
    /// Whether the question has been answered.
    let yes: Bool

    static let key = "backup.passphrase_recovery"

    /// Turns it on or off before the setting is stored.
    func set(_ value: String?) throws {
        switch value {
        case "true": try turnOn()
        case "false", nil: try turnOff()
        case .some(let other):
            throw Failure(.usage, "'\(other)' is neither true nor false", hint: "use true or false")
        }
    }

    /// `config confirm` accepts what a file says only where the vault agrees.
    /// - Throws: `guard` when the file says something else than the vault's records.
    func requireAgreement(_ configuration: HomeConfiguration) throws {
        guard let value = configuration[Self.key] else { return }
        guard try (value == "true") == context.unlock().roster.hasPassphraseRecovery else {
            throw Failure(
                .refusedByGuard, "\(Self.key) is '\(value)' in the file and something else in the vault",
                hint: "say it with: ai-team config \(Self.key) \(value)")
        }
    }

    private func turnOn() throws {
        let passphrase = try opened()
        context.console.warn(
            "whoever holds the backups may guess the passphrase, a guess a second on each core, for ever."
                + " It has to be as strong as five words drawn with dice")
        try Confirmation.require("let this passphrase recover the vault?", yes: yes)
        let code = try context.agreeingCode()
        _ = try context.changeKeys {
            try KeyRing.setPassphraseRecovery(passphrase, approvedBy: code, in: $0, keys: $1, time: $2)
        }
    }

    private func turnOff() throws {
        let keys = try context.unlock()
        guard keys.roster.hasPassphraseRecovery else { return }
        let code = try context.agreeingCode()
        _ = try context.changeKeys {
            try KeyRing.setPassphraseRecovery(nil, approvedBy: code, in: $0, keys: $1, time: $2)
        }
        context.console.note("backups that were made until now are still recovered with the passphrase")
    }

    /// Unlocks. The passphrase: this home's own where it has one, else a new one.
    private func opened() throws -> SlotSecret {
        let hasOwn = try KeyRing.summary(in: home.keysDirectory).slots.contains { $0.kind == .passphrase }
        guard hasOwn else {
            _ = try context.unlock()
            return try SecretSource.newPassphrase(newPassphraseFile)
        }
        let passphrase = try SecretSource.recoveryPassphrase(context.options)
        context.cache.keys = try KeyRing.open(in: home.keysDirectory, with: passphrase)
        return passphrase
    }
}
