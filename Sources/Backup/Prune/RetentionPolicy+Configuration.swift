public import Vault

extension RetentionPolicy {
    /// What `backup.local` or `backup.cloud` of the configuration says: its `keep_…` settings where there are
    /// any, else `frequency` and `retention`, else what a new home begins with.
    ///
    /// - Parameter place: `local` or `cloud`.
    /// - Throws: `.guardRefused` for a value that is none: nothing is removed by a rule that nobody can read.
    public init(_ configuration: HomeConfiguration, _ place: String) throws(BackupError) {
        self.init()
        let prefix = "backup.\(place)."
        let fields: [(String, WritableKeyPath<RetentionPolicy, Int>)] = [
            ("keep_last", \.last), ("keep_hourly", \.hourly), ("keep_daily", \.daily),
            ("keep_weekly", \.weekly), ("keep_monthly", \.monthly), ("keep_yearly", \.yearly),
        ]
        for (name, field) in fields {
            guard let text = configuration[prefix + name] else { continue }
            guard let number = Int(text), (0...1_000_000).contains(number) else {
                throw Self.unreadable(prefix + name, text)
            }
            self[keyPath: field] = number
        }
        if let text = configuration[prefix + "keep_within"] {
            guard let days = HomeConfiguration.days(text), days < 1_000_000 else {
                throw Self.unreadable(prefix + "keep_within", text)
            }
            within = UInt64(days) * 86_400_000
        }
        if let text = configuration[prefix + "keep_tags"] {
            guard let words = Self.list(text) else { throw Self.unreadable(prefix + "keep_tags", text) }
            tags = words
        }
        guard isEmpty else { return }
        let frequency = configuration[prefix + "frequency"] ?? (place == "local" ? "daily" : "weekly")
        let text = configuration[prefix + "retention"] ?? (place == "local" ? "30" : "90")
        guard let days = HomeConfiguration.days(text), days > 0 else {
            throw Self.unreadable(prefix + "retention", text)
        }
        guard let policy = RetentionPolicy(frequency: frequency, days: days) else {
            throw Self.unreadable(prefix + "frequency", frequency)
        }
        self = policy
    }

    /// A list of the configuration, or one word.
    private static func list(_ text: String) -> [String]? {
        guard text.hasPrefix("[") else { return [text] }
        do {
            guard let values = try JSONValue(parsing: text).array else { return nil }
            let words = values.compactMap(\.string)
            return words.count == values.count ? words : nil
        } catch { return nil }
    }

    private static func unreadable(_ key: String, _ value: String) -> BackupError {
        BackupError(
            .guardRefused, "\(key) is '\(value)', which says nothing about what to keep",
            hint: "correct config/sync.yaml; nothing was removed")
    }
}
