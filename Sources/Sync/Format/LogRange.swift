internal import Cryptography
public import Vault

/// A day of UTC, counted from 1970-01-01.
public struct LogDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Days since 1970-01-01.
    public let number: UInt32

    /// A day by its number.
    public init(number: UInt32) { self.number = number }

    /// The day of a moment.
    ///
    /// - Parameter milliseconds: since 1970.
    public init(milliseconds: Int64) {
        number = UInt32(clamping: max(0, milliseconds) / 86_400_000)
    }

    public static func < (a: LogDay, b: LogDay) -> Bool { a.number < b.number }

    /// `20270115`, as in names.
    public var description: String {
        let text = Timestamp(milliseconds: Int64(number) * 86_400_000).description
        return String(text.prefix(10).filter { $0 != "-" })
    }

    /// Whether so many days have passed since the end of this one.
    func isOlder(than days: Int, at now: LogDay) -> Bool { Int(number) + days < Int(now.number) }
}

/// The log objects of an author that must be in the remote, as its head says: so that one which is withheld
/// is told from one that was allowed to expire, and their names follow without a listing.
public struct LogRange: Sendable, Hashable {
    /// The number of the oldest one; one more than the newest when none must be there.
    public private(set) var oldest: UInt64
    /// The newest one.
    public private(set) var last: Position
    /// On which days they were sealed, ascending, each with the number of its newest.
    public private(set) var days: [Entry]

    /// A day, and the newest log object that was sealed on it.
    public struct Entry: Sendable, Hashable {
        /// When.
        public let day: LogDay
        /// The newest of that day.
        public let last: UInt64

        /// A day's newest.
        public init(day: LogDay, last: UInt64) {
            self.day = day
            self.last = last
        }
    }

    /// Before the first log object.
    public static let none = LogRange(oldest: 1, last: .start, days: [])

    private init(oldest: UInt64, last: Position, days: [Entry]) {
        self.oldest = oldest
        self.last = last
        self.days = days
    }

    /// The numbers of those that were sealed on one of its days.
    public func numbers(on day: LogDay) -> Range<UInt64> {
        guard let index = days.firstIndex(where: { $0.day == day }) else { return 0..<0 }
        return (index == 0 ? oldest : days[index - 1].last + 1)..<days[index].last + 1
    }

    /// The day on which one of them was sealed.
    public func day(of number: UInt64) -> LogDay? {
        number < oldest ? nil : days.first { $0.last >= number }?.day
    }

    /// With one more, which follows the newest.
    public func adding(_ position: Position, on day: LogDay) -> LogRange {
        var next = self
        next.last = position
        if next.days.last?.day == day { next.days.removeLast() }
        next.days.append(Entry(day: day, last: position.sequence))
        return next
    }

    /// Without those that may go: sealed more than `days` days ago, and one for clocks that differ.
    public func expired(after days: Int, at now: LogDay) -> LogRange {
        let newest = self.days.last { $0.day.isOlder(than: days + 1, at: now) }
        return newest.map { dropping(before: $0.last + 1) } ?? self
    }

    /// Without those before a number.
    package func dropping(before number: UInt64) -> LogRange {
        var next = self
        next.days.removeAll { $0.last < number }
        next.oldest = max(oldest, min(number, last.sequence + 1))
        return next
    }

    /// Lists of days are filled up to a multiple of this, so that their length tells less.
    private static let group = 8
    private static let limit = 1 << 16
    private static let encodedCount = 12

    /// u64(oldest) ‖ the newest's number and hash ‖ list of days, each u32 ‖ u64, filled with zeros.
    func encode(into writer: inout CanonicalWriter) {
        writer.u64(oldest)
        writer.u64(last.sequence)
        writer.raw(last.hash)
        writer.count(days.count)
        for entry in days {
            writer.u32(entry.day.number)
            writer.u64(entry.last)
        }
        writer.raw([UInt8](repeating: 0, count: Self.filling(days.count)))
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        oldest = try reader.u64()
        last = Position(sequence: try reader.u64(), hash: try reader.raw(32))
        days = []
        let count = try reader.count(limit: Self.limit, elementCount: Self.encodedCount)
        for _ in 0..<count {
            let entry = Entry(day: LogDay(number: try reader.u32()), last: try reader.u64())
            let isNext =
                days.last.map { $0.day < entry.day && $0.last < entry.last } ?? (entry.last >= oldest)
            guard isNext else { throw CryptoError(.malformed, "its days are not in order") }
            days.append(entry)
        }
        let isWhole = days.last.map { $0.last == last.sequence } ?? (oldest == last.sequence &+ 1)
        guard isWhole, oldest > 0, last.sequence < .max, last.sequence > 0 || last == .start else {
            throw CryptoError(.malformed, "its log objects are malformed")
        }
        guard try reader.raw(Self.filling(count)).allSatisfy({ $0 == 0 }) else {
            throw CryptoError(.malformed, "its filling is malformed")
        }
    }

    private static func filling(_ count: Int) -> Int {
        ((count + group - 1) / group * group - count) * encodedCount
    }
}

extension LogRange {
    /// What a later head of the same author must not say after one that said this: it would hide log objects
    /// that must be there, and that is what who has stolen a device wants.
    ///
    /// - Parameters:
    ///   - issuedAt: when the earlier head was issued: what is new since was sealed after that.
    ///   - retention: for how many days log objects must stay.
    ///   - now: this device's day.
    /// - Returns: for a person; nil where nothing is wrong.
    func objection(to next: LogRange, issuedAt: LogDay, retention: Int, now: LogDay) -> String? {
        guard next.last.sequence >= last.sequence, next.oldest >= oldest else {
            return "it takes back what an earlier head has said of its logs"
        }
        guard next.last.sequence > last.sequence || next.last.hash == last.hash,
            entries(from: next.oldest) == next.entries(from: next.oldest, through: last.sequence)
        else { return "it says something else of the same logs than an earlier head" }
        if let day = next.day(of: max(next.oldest, last.sequence + 1)), day < issuedAt {
            return "it dates logs back before a head that did not know them"
        }
        guard next.oldest > oldest else { return nil }
        let gone = next.oldest - 1
        let sealed = gone > last.sequence ? issuedAt : day(of: gone) ?? issuedAt
        guard sealed.isOlder(than: retention, at: now) else {
            return "it lets logs go that must stay \(retention) days"
        }
        return nil
    }

    private func entries(from first: UInt64, through end: UInt64 = .max) -> [Entry] {
        var found: [Entry] = []
        var start = oldest
        for entry in days {
            defer { start = entry.last + 1 }
            if entry.last >= first, start <= end {
                found.append(Entry(day: entry.day, last: min(entry.last, end)))
            }
        }
        return found
    }
}
