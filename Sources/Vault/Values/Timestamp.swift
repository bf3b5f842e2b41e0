/// A moment in milliseconds since 1970-01-01T00:00:00Z, printed as RFC 3339 in UTC.
public struct Timestamp: Sendable, Hashable, Comparable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

    /// This moment moved by `milliseconds`, saturating at the ends of time.
    public func advanced(byMilliseconds delta: Int64) -> Timestamp {
        let (sum, overflow) = milliseconds.addingReportingOverflow(delta)
        return Timestamp(milliseconds: overflow ? (delta > 0 ? .max : .min) : sum)
    }
}

extension Timestamp: CustomStringConvertible {
    /// `2026-11-25T11:08:00.000Z`; years outside 0…9999 are clamped, as RFC 3339 has no others.
    public var description: String {
        String(decoding: rfc3339, as: UTF8.self)
    }

    /// The 24 bytes of the RFC 3339 form.
    package var rfc3339: [UInt8] {
        let clamped = min(max(milliseconds, Self.earliest), Self.latest)
        let (days, inDay) = clamped.flooredDivision(by: 86_400_000)
        let date = CivilDate(daysSinceEpoch: days)
        var out = [UInt8](repeating: 0x30, count: 24)
        func put(_ value: Int64, at start: Int, digits: Int) {
            var rest = value
            for i in stride(from: start + digits - 1, through: start, by: -1) {
                out[i] = 0x30 + UInt8(rest % 10)
                rest /= 10
            }
        }
        put(date.year, at: 0, digits: 4)
        put(date.month, at: 5, digits: 2)
        put(date.day, at: 8, digits: 2)
        put(inDay / 3_600_000, at: 11, digits: 2)
        put(inDay / 60_000 % 60, at: 14, digits: 2)
        put(inDay / 1000 % 60, at: 17, digits: 2)
        put(inDay % 1000, at: 20, digits: 3)
        for (index, mark) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "."), (23, "Z")] {
            out[index] = mark.utf8.first ?? 0
        }
        return out
    }

    private static let earliest: Int64 = -62_167_219_200_000  // 0000-01-01
    private static let latest: Int64 = 253_402_300_799_999  // 9999-12-31

    /// Reads `2026-11-25`, `2026-11-25T11:08`, seconds and fractions if given, and `Z` or `±hh:mm`.
    /// A time without a zone is UTC; a date alone means its first moment.
    /// - Returns: nil for anything else, impossible dates included.
    public init?(_ text: String) {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2),
            scanner.take("-"), let day = scanner.digits(2),
            let days = CivilDate(year: year, month: month, day: day)?.daysSinceEpoch
        else { return nil }
        var ms = days * 86_400_000
        if !scanner.atEnd {
            guard scanner.take("T") || scanner.take("t") || scanner.take(" "),
                let time = scanner.time(), let zone = scanner.zone(), scanner.atEnd
            else { return nil }
            ms += time - zone
        }
        self.init(milliseconds: ms)
    }
}

/// A day of the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
struct CivilDate {
    var year: Int64
    var month: Int64
    var day: Int64

    init(daysSinceEpoch days: Int64) {
        let (era, ofEra) = (days + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let dayOfYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    init?(year: Int64, month: Int64, day: Int64) {
        guard (1...12).contains(month), day >= 1 else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[Int(month) - 1] else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
    }

    var daysSinceEpoch: Int64 {
        let y = month <= 2 ? year - 1 : year
        let (era, ofEra) = y.flooredDivision(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + dayOfYear - 719_468
    }
}

extension Int64 {
    /// Quotient rounded toward minus infinity, and the remainder that goes with it.
    func flooredDivision(by divisor: Int64) -> (Int64, Int64) {
        let (q, r) = quotientAndRemainder(dividingBy: divisor)
        return r < 0 ? (q - 1, r + divisor) : (q, r)
    }
}

/// Reads the pieces of a time from left to right.
private struct Scanner {
    let bytes: [UInt8]
    var position = 0

    var atEnd: Bool { position == bytes.count }

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func take(_ mark: Character) -> Bool {
        guard position < bytes.count, bytes[position] == mark.asciiValue else { return false }
        position += 1
        return true
    }

    mutating func digits(_ count: Int) -> Int64? {
        guard position + count <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<(position + count)] {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        position += count
        return value
    }

    /// Milliseconds since midnight. A leap second counts as the second before it.
    mutating func time() -> Int64? {
        guard let hour = digits(2), hour < 24, take(":"), let minute = digits(2), minute < 60 else {
            return nil
        }
        var ms = (hour * 60 + minute) * 60_000
        guard take(":") else { return ms }
        guard let second = digits(2), second <= 60 else { return nil }
        ms += min(second, 59) * 1000
        guard take(".") else { return ms }
        var scale: Int64 = 100
        var any = false
        while let digit = digits(1) {
            ms += digit * scale
            scale /= 10
            any = true
        }
        return any ? ms : nil
    }

    /// The offset from UTC in milliseconds; 0 when none is given.
    mutating func zone() -> Int64? {
        if atEnd || take("Z") || take("z") { return 0 }
        let sign: Int64 = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hour = digits(2), hour < 24, take(":"), let minute = digits(2), minute < 60
        else { return nil }
        return sign * (hour * 60 + minute) * 60_000
    }
}
