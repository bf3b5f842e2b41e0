import Glibc

/// Times and durations as text. Times are milliseconds since 1970 in UTC.
enum TimeText {
    /// The time in RFC 3339, UTC, with milliseconds: `2026-11-25T10:00:00.000Z`.
    static func rfc3339(_ milliseconds: Int64) -> String {
        let (day, rest) = milliseconds.flooredDivision(by: 86_400_000)
        let (year, month, date) = civil(fromDay: day)
        return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(date, 2) + "T"
            + pad(rest / 3_600_000, 2) + ":" + pad(rest / 60_000 % 60, 2) + ":"
            + pad(rest / 1000 % 60, 2) + "." + pad(rest % 1000, 3) + "Z"
    }

    /// For people's tables: `2026-11-25 10:00`, in UTC.
    static func short(_ milliseconds: Int64) -> String {
        let text = rfc3339(milliseconds)
        return text.prefix(10) + " " + text.dropFirst(11).prefix(5)
    }

    /// Now, by the system's clock.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Reads RFC 3339 (`2026-11-25T10:00:00Z`, any offset), or a date alone, which means its last moment.
    static func time(_ text: String) -> Int64? {
        let parts = text.split(separator: "T", maxSplits: 1)
        guard let first = parts.first, let day = self.day(first) else { return nil }
        guard parts.count == 2 else { return (day + 1) * 86_400_000 - 1 }
        return clock(parts[1]).map { day * 86_400_000 + $0 }
    }

    /// Reads `90s`, `5m`, `1h30m`, `7d`, `2w` and the configuration's `7_days`; nil when it is none of these.
    static func duration(_ text: String) -> Int64? {
        var total: Int64 = 0
        var rest = text.replacingUnits()[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int64(digits), number < 1_000_000_000 else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            let factors: [Substring: Int64] = [
                "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
            ]
            guard let factor = factors[unit] else { return nil }
            rest = rest.dropFirst(unit.count)
            total += number * factor
        }
        return total
    }

    private static func day(_ text: Substring) -> Int64? {
        let fields = text.split(separator: "-", omittingEmptySubsequences: false)
        guard fields.map(\.count) == [4, 2, 2], let year = Int64(fields[0]), let month = Int64(fields[1]),
            let date = Int64(fields[2]), (1...12).contains(month), date >= 1
        else { return nil }
        let shifted = month > 2 ? year : year - 1
        let (era, yearOfEra) = shifted.flooredDivision(by: 400)
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + date - 1
        let day = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return civil(fromDay: day) == (year, month, date) ? day : nil  // refuses 30 February
    }

    private static func clock(_ text: Substring) -> Int64? {
        guard let mark = text.firstIndex(where: { "Zz+-".contains($0) }) else { return nil }
        let whole = text[..<mark].split(separator: ".", omittingEmptySubsequences: false)
        let fields = whole.first.map { $0.split(separator: ":").compactMap { Int64($0) } } ?? []
        guard whole.count <= 2, fields.count == 3, fields[0] < 24, fields[1] < 60, fields[2] < 61,
            fields.allSatisfy({ $0 >= 0 }), let offset = offset(text[mark...])
        else { return nil }
        var milliseconds: Int64 = 0
        if whole.count == 2 {
            guard let fraction = Int64((whole[1] + "00").prefix(3)), fraction >= 0 else { return nil }
            milliseconds = fraction
        }
        return (fields[0] * 3600 + fields[1] * 60 + fields[2]) * 1000 + milliseconds - offset
    }

    private static func offset(_ text: Substring) -> Int64? {
        if text == "Z" || text == "z" { return 0 }
        let fields = text.dropFirst().split(separator: ":").compactMap { Int64($0) }
        guard fields.count == 2, fields[0] < 24, fields[1] < 60 else { return nil }
        let size = (fields[0] * 60 + fields[1]) * 60_000
        return text.first == "-" ? -size : size
    }

    /// Howard Hinnant's civil_from_days: <https://howardhinnant.github.io/date_algorithms.html>
    private static func civil(fromDay day: Int64) -> (Int64, Int64, Int64) {
        let (era, dayOfEra) = (day + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

extension Int64 {
    /// Quotient rounded down and the remainder, which is never negative.
    fileprivate func flooredDivision(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension String {
    /// `7_days` as `7d`.
    fileprivate func replacingUnits() -> String {
        let parts = split(separator: "_")
        guard parts.count == 2 else { return self }
        let units: [Substring: String] = [
            "second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w",
        ]
        let name = parts[1].last == "s" ? parts[1].dropLast() : parts[1]
        return units[name].map { parts[0] + $0 } ?? self
    }
}
