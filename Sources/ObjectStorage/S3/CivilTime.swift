/// A moment of UTC in the calendar's words, and the two forms in which stores write it.
package struct CivilTime: Equatable {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int

    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    package init(milliseconds: Int64) {
        let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = Int(seconds - days * 86_400)
        let shifted = Int(days) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
    }

    private init?(_ year: Int?, _ month: Int?, _ day: Int?, _ clock: Substring) {
        let parts = clock.split(separator: ":").map { Int($0) }
        guard let year, let month, let day, 1970...9999 ~= year, 1...12 ~= month, 1...31 ~= day,
            parts.count == 3, let hour = parts[0], let minute = parts[1], let second = parts[2],
            0...23 ~= hour, 0...59 ~= minute, 0...60 ~= second
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// Milliseconds since 1970.
    package var milliseconds: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return Int64(days * 86_400 + hour * 3600 + minute * 60 + second) * 1000
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Fri, 24 May 2013 00:00:00 GMT`, as in the headers Date and Last-Modified.
    package init?(header text: String) {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = Self.months.firstIndex(of: String(words[2]))
        else { return nil }
        self.init(Int(words[3]), month + 1, Int(words[1]), words[4])
    }

    /// `2013-05-24T00:00:00.000Z`, as in listings.
    package init?(listing text: String) {
        guard text.hasSuffix("Z"), let middle = text.firstIndex(of: "T") else { return nil }
        let date = text[..<middle].split(separator: "-").map { Int($0) }
        let clock = text[text.index(after: middle)...].dropLast().prefix { $0 != "." }
        guard date.count == 3 else { return nil }
        self.init(date[0], date[1], date[2], clock)
    }
}
