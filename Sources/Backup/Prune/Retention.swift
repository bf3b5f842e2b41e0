/// The decision about a set of backups: a pure function of what they are, the policy, the time and the zone.
public struct Retention: Sendable {
    /// What counts about a backup.
    public struct Candidate: Sendable, Equatable {
        public let id: String
        /// Each writer's backups are judged by themselves.
        public let writer: String
        /// Its place in its writer's chains: later ones are greater.
        public let order: Int
        /// Milliseconds since 1970, by its writer's clock.
        public let created: UInt64
        public let tags: [String]

        public init(id: String, writer: String, order: Int, created: UInt64, tags: [String]) {
            self.id = id
            self.writer = writer
            self.order = order
            self.created = created
            self.tags = tags
        }
    }

    /// What becomes of one.
    public struct Decision: Sendable, Equatable {
        public let id: String
        /// Why it is kept; empty: it goes.
        public let reasons: [String]
        public var isKept: Bool { !reasons.isEmpty }
    }

    /// How far ahead a time may lie and still count as now.
    static let tolerance: UInt64 = 600_000

    private let policy: RetentionPolicy
    private let now: UInt64
    private let offset: @Sendable (UInt64) -> Int64

    /// - Parameters:
    ///   - now: milliseconds since 1970. Backups of later times stay and count for no rule: a clock that was
    ///     ahead must not make all others look old.
    ///   - offset: milliseconds that the local time is ahead of UTC at a moment.
    public init(
        _ policy: RetentionPolicy, now: UInt64, offset: @escaping @Sendable (UInt64) -> Int64 = { _ in 0 }
    ) {
        self.policy = policy
        self.now = now
        self.offset = offset
    }

    /// One decision for each, in their order. The newest of each writer stays whatever the policy says, and
    /// an empty policy keeps everything.
    public func decide(_ candidates: [Candidate]) -> [Decision] {
        var reasons = [[String]](repeating: [], count: candidates.count)
        let rows = Dictionary(grouping: candidates.indices) { candidates[$0].writer }
        for (_, group) in rows {
            if let newest = group.max(by: { candidates[$0].order < candidates[$1].order }) {
                reasons[newest].append("newest")
            }
            let (ahead, past) = (
                group.filter { candidates[$0].created > now + Self.tolerance },
                group.filter { candidates[$0].created <= now + Self.tolerance }
            )
            for row in ahead { reasons[row].append("its time lies ahead") }
            let ordered = past.sorted {
                (candidates[$0].created, candidates[$0].order)
                    > (candidates[$1].created, candidates[$1].order)
            }
            apply(to: ordered, candidates, &reasons)
        }
        if policy.isEmpty { for row in reasons.indices { reasons[row].append("no rule") } }
        return zip(candidates, reasons).map { Decision(id: $0.id, reasons: $1) }
    }

    /// - Parameter ordered: rows of one writer, newest first.
    private func apply(to ordered: [Int], _ candidates: [Candidate], _ reasons: inout [[String]]) {
        for row in ordered.prefix(policy.last) { reasons[row].append("last") }
        for (name, count, period) in periods where count > 0 {
            var seen: Set<Int64> = []
            for row in ordered {
                let key = period(candidates[row].created)
                guard !seen.contains(key) else { continue }
                guard seen.count < count else { break }
                seen.insert(key)
                reasons[row].append(name)
            }
        }
        if policy.within > 0, let newest = ordered.first.map({ candidates[$0].created }) {
            for row in ordered where newest - candidates[row].created <= policy.within {
                reasons[row].append("within")
            }
        }
        for row in ordered where !policy.tags.isEmpty {
            if let tag = policy.tags.first(where: candidates[row].tags.contains) {
                reasons[row].append("tag \(tag)")
            }
        }
    }

    private typealias Period = (name: String, count: Int, key: (UInt64) -> Int64)

    private var periods: [Period] {
        [
            ("hourly", policy.hourly, { local($0).flooredDivision(by: 3_600_000) }),
            ("daily", policy.daily, day),
            // 1970-01-01 was a Thursday.
            ("weekly", policy.weekly, { (day($0) + 3).flooredDivision(by: 7) }),
            ("monthly", policy.monthly, { CivilMonth(day: day($0)).number }),
            ("yearly", policy.yearly, { CivilMonth(day: day($0)).number.flooredDivision(by: 12) }),
        ]
    }

    private func local(_ time: UInt64) -> Int64 { Int64(clamping: time) &+ offset(time) }
    private func day(_ time: UInt64) -> Int64 { local(time).flooredDivision(by: 86_400_000) }
}

/// A month of the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
private struct CivilMonth {
    /// Months since the year 0.
    let number: Int64

    init(day: Int64) {
        let shifted = day + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let dayOfYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 2 : fromMarch - 10
        number = (yearOfEra + era * 400 + (month <= 1 ? 1 : 0)) * 12 + month
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
