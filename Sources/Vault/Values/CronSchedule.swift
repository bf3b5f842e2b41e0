/// A schedule as cron writes it: minute, hour, day of the month, month, day of the week.
public struct CronSchedule: Sendable, Equatable, CustomStringConvertible {
    /// The five fields as they were given, with single spaces between them.
    public let description: String
    let minutes: Field
    let hours: Field
    let days: Field
    let months: Field
    let weekdays: Field

    /// The values of one field.
    struct Field: Sendable, Equatable {
        var values: Set<Int>
        /// Whether it was written with a star: then it does not narrow the other day field.
        var isStar: Bool
    }

    /// Reads five fields (lists, ranges, steps, names of months and days) or `@hourly`, `@daily`, `@weekly`,
    /// `@monthly`, `@yearly`.
    ///
    /// - Throws: `VaultError` with code `invalid` that names the field.
    public init(_ text: String) throws(VaultError) {
        let full = Self.macros[text] ?? text
        let fields = full.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count == 5 else {
            throw VaultError(
                .invalid, "'\(text)' is not a cron schedule",
                hint: "write five fields: '0 2 * * *' is every night at two")
        }
        description = fields.joined(separator: " ")
        minutes = try Self.field(fields[0], 0...59, "minute")
        hours = try Self.field(fields[1], 0...23, "hour")
        days = try Self.field(fields[2], 1...31, "day of the month")
        months = try Self.field(fields[3], 1...12, "month", names: Self.monthNames, from: 1)
        var week = try Self.field(fields[4], 0...7, "day of the week", names: Self.dayNames, from: 0)
        // Sunday is 0 and 7.
        if week.values.remove(7) != nil { week.values.insert(0) }
        weekdays = week
    }

    private static let macros = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
    ]
    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    private static func field(
        _ text: Substring, _ range: ClosedRange<Int>, _ name: String, names: [String] = [],
        from first: Int = 0
    ) throws(VaultError) -> Field {
        let wrong = VaultError(
            .invalid, "'\(text)' is not a \(name) of a cron schedule",
            hint: "\(range.lowerBound) to \(range.upperBound), lists 1,2, ranges 1-5 and steps */10")
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: "/", omittingEmptySubsequences: false)
            guard halves.count <= 2, let body = halves.first else { throw wrong }
            let step = halves.count == 2 ? Int(halves[1]) : 1
            guard let step, step > 0 else { throw wrong }
            let ends = body.split(separator: "-", omittingEmptySubsequences: false).map { end in
                names.firstIndex(of: end.lowercased()).map { $0 + first } ?? number(end)
            }
            let span: ClosedRange<Int>
            switch (body, ends.count) {
            case ("*", _): span = range
            case (_, 1):
                guard let only = ends[0], range.contains(only) else { throw wrong }
                span = halves.count == 2 ? only...range.upperBound : only...only
            case (_, 2):
                guard let low = ends[0], let high = ends[1], range.contains(low), range.contains(high),
                    low <= high
                else { throw wrong }
                span = low...high
            default: throw wrong
            }
            values.formUnion(stride(from: span.lowerBound, through: span.upperBound, by: step))
        }
        return Field(values: values, isStar: text.hasPrefix("*"))
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.count <= 2 && text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ? Int(text) : nil
    }
}

extension CronSchedule {
    /// The same as calendar events of systemd, without a time zone. Where cron names days of the month and
    /// days of the week it means either of them, so there are two.
    public var calendarEvents: [String] {
        let time = "\(Self.list(hours, 0...23)):\(Self.list(minutes, 0...59)):00"
        let months = Self.list(months, 1...12)
        let byDay = "*-\(months)-\(Self.list(days, 1...31)) \(time)"
        let byWeek = "\(weekdayNames) *-\(months)-* \(time)"
        switch (days.isStar, weekdays.isStar) {
        case (true, true): return [byDay]
        case (false, true): return [byDay]
        case (true, false):
            let isNarrow = days.values.count < 31
            return ["\(weekdayNames) *-\(months)-\(isNarrow ? Self.list(days, 1...31) : "*") \(time)"]
        case (false, false): return [byDay, byWeek]
        }
    }

    private var weekdayNames: String {
        let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        return weekdays.values.sorted().map { names[$0] }.joined(separator: ",")
    }

    private static func list(_ field: Field, _ range: ClosedRange<Int>) -> String {
        guard field.values.count < range.count else { return "*" }
        return field.values.sorted().map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ",")
    }
}
