import Vault

/// How often a backup is made, or shipped: `backup.local.frequency`, `backup.cloud.frequency`.
enum BackupFrequency: String {
    case hourly, daily, weekly, monthly

    /// What the configuration says of a place, `local` (daily unless said) or `cloud` (weekly).
    ///
    /// - Throws: `failed` for another word.
    init(_ configuration: HomeConfiguration, _ place: String) throws {
        let key = "backup.\(place).frequency"
        let word = configuration[key] ?? (place == "cloud" ? "weekly" : "daily")
        guard let frequency = BackupFrequency(rawValue: word) else {
            throw Failure(
                .failed, "\(key) is '\(word.printable)'",
                hint: "it is hourly, daily, weekly or monthly: ai-team config \(key) weekly")
        }
        self = frequency
    }

    /// When a timer rings for it, if nothing else is said.
    var fields: String {
        switch self {
        case .hourly: "0 * * * *"
        case .daily: "0 2 * * *"
        case .weekly: "0 2 * * 0"
        case .monthly: "0 2 1 * *"
        }
    }

    /// Milliseconds after which it is time again. Less than the name says, by up to 12 hours: a timer that
    /// rings a little earlier than last week would else skip a day.
    var patience: Int64 {
        let hour: Int64 = 3_600_000
        return switch self {
        case .hourly: hour / 2
        case .daily: 12 * hour
        case .weekly: (7 * 24 - 12) * hour
        case .monthly: (28 * 24 - 12) * hour
        }
    }
}
