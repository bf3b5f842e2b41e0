/// Which backups are kept. A backup stays when any of the rules wants it; rules that are zero or empty want
/// nothing.
public struct RetentionPolicy: Sendable, Equatable {
    /// The newest so many.
    public var last = 0
    /// The newest of each of so many hours, days, weeks (from Monday), months and years that have backups.
    public var hourly = 0
    public var daily = 0
    public var weekly = 0
    public var monthly = 0
    public var yearly = 0
    /// All that are at most so many milliseconds older than the newest.
    public var within: UInt64 = 0
    /// All with one of these tags.
    public var tags: [String] = []

    public init() {}

    /// What `frequency` and `retention` of the configuration mean: the newest of each period, for as many
    /// periods as fit in `days`, a last one that is cut included.
    ///
    /// - Returns: nil for a frequency that is not one.
    public init?(frequency: String, days: Int) {
        let days = max(0, min(days, 1_000_000))
        switch frequency {
        case "hourly": hourly = days * 24
        case "daily": daily = days
        case "weekly": weekly = (days + 6) / 7
        case "monthly": monthly = (days + 30) / 31
        case "yearly": yearly = (days + 365) / 366
        default: return nil
        }
    }

    /// Whether no rule wants anything.
    public var isEmpty: Bool { self == RetentionPolicy() }
}

extension RetentionPolicy: CustomStringConvertible {
    /// The rules as the options of `backup prune` name them; what a prune record says.
    public var description: String {
        let numbers = [
            ("last", last), ("hourly", hourly), ("daily", daily), ("weekly", weekly), ("monthly", monthly),
            ("yearly", yearly),
        ]
        var words = numbers.filter { $0.1 > 0 }.map { "keep-\($0.0) \($0.1)" }
        if within > 0 { words.append("keep-within \(Self.span(within))") }
        words += tags.map { "keep-tag \($0)" }
        return words.isEmpty ? "keep nothing" : words.joined(separator: ", ")
    }

    private static func span(_ milliseconds: UInt64) -> String {
        let units: [(UInt64, String)] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
        for (factor, unit) in units where milliseconds % factor == 0 {
            return "\(milliseconds / factor)\(unit)"
        }
        return "\(milliseconds)ms"
    }
}
