/// What came of taking over changes from elsewhere.
public struct MergeReport: Sendable, Equatable {
    /// Values that were taken into the log.
    public internal(set) var fields = 0
    /// Values of the records concerned that are stamped more than ten minutes ahead of this vault's clock:
    /// its tables don't show them. Whoever trusts this clock calls `WriteTransaction.demote` with them.
    public internal(set) var future: [FieldWrite] = []
    /// The ids of the conflicts that are new.
    public internal(set) var conflicts: [String] = []

    public init() {}
}

extension HybridTime {
    /// How far a stamp may be ahead of the clock and still be believed.
    public static let toleranceMilliseconds: Int64 = 600_000

    /// The last stamp that a clock which shows `now` believes.
    public static func lastBelieved(at now: Timestamp) -> HybridTime {
        let end = now.advanced(byMilliseconds: toleranceMilliseconds).milliseconds
        return HybridTime(rawValue: min(max(end, 0), 1 << 47 - 1) << 16 | 0xFFFF)
    }
}
