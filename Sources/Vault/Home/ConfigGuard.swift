extension HomeConfiguration {
    /// Keys, or beginnings of keys, of settings that run programs, name endpoints or weaken a guard.
    private static let guardedPrefixes = [
        "cloud.", "remote", "sync.remote", "hooks.", "agents.", "executors.", "embeddings.", "models.",
        "backup.passphrase_recovery", "backup.cloud.remote", "keys.rotate_after",
    ]

    /// What a new home keeps of its backups. Rules that keep less delete backups, so they count only when
    /// they were confirmed.
    private static let seededRetention: [String: (frequency: String, days: Int)] = [
        "backup.local.": ("daily", 30), "backup.cloud.": ("weekly", 90),
    ]

    /// True for a setting that takes effect only when the encrypted settings hold the same value.
    public static func isGuarded(_ key: String, _ value: String?) -> Bool {
        guardedPrefixes.contains { key == $0 || key.hasPrefix($0.hasSuffix(".") ? $0 : $0 + ".") }
            || (value.map { keepsLess(key, $0) } ?? false)
    }

    private static func keepsLess(_ key: String, _ value: String) -> Bool {
        for (prefix, seed) in seededRetention where key.hasPrefix(prefix) {
            let name = key.dropFirst(prefix.count)
            if name == "retention" { return (days(value) ?? 0) < seed.days }
            if name == "frequency" { return value != seed.frequency }
            return name.hasPrefix("keep_")
        }
        return false
    }

    /// Guarded entries whose value was never confirmed in this vault.
    public func unconfirmed(_ tx: ReadTransaction) throws -> [Entry] {
        let confirmed = try tx.settings(prefix: Self.confirmedPrefix)
        return entries.filter { $0.isGuarded && confirmed[Self.confirmedPrefix + $0.key] != $0.value }
    }

    /// - Throws: `VaultError` with code `guard` that names the first entries that were changed from outside.
    public func checkGuards(_ tx: ReadTransaction) throws {
        let changed = try unconfirmed(tx)
        guard !changed.isEmpty else { return }
        let names = changed.prefix(5).map { "\($0.key) in \($0.source) is '\($0.value)'" }
        throw VaultError(
            .guardRefused, "settings were changed outside of ai-team: " + names.joined(separator: "; "),
            hint: "if the change is yours, run: ai-team config confirm")
    }

    /// Accepts every guarded entry as it stands in the files.
    /// - Returns: the keys that were accepted.
    public func confirm(_ tx: WriteTransaction) throws -> [String] {
        let changed = try unconfirmed(tx)
        for entry in changed { try tx.setSetting(Self.confirmedPrefix + entry.key, entry.value) }
        let present = Set(entries.map(\.key))
        for key in try tx.settings(prefix: Self.confirmedPrefix).keys
        where !present.contains(String(key.dropFirst(Self.confirmedPrefix.count))) {
            try tx.setSetting(key, nil)
        }
        return changed.map(\.key)
    }

    static let confirmedPrefix = "confirmed/"
}
