internal import Vault

/// Whether this machine's clock is good enough to say of others that theirs is ahead.
///
/// A store's Date and the heads of others are hints that somebody may forge, so they can only hold a
/// judgement back: they move no stamp, no lease and nothing that expires.
public struct ClockTrust: Sendable {
    /// Why not; nil for a clock that may judge.
    public let doubt: String?
    /// What a person should hear about the clock; nil when nothing is remarkable.
    public let warning: String?

    /// A difference to the store's clock of more than this is told, in milliseconds.
    public static let toleratedDifference: Int64 = 120_000
    /// Heads that are issued further ahead than this stand against the clock.
    static let headTolerance = HybridTime.toleranceMilliseconds
    /// So many of them do.
    private static let witnesses = 2

    /// - Parameters:
    ///   - storeAhead: milliseconds by which the store's clock is ahead of this machine's; nil when it has
    ///     not told.
    ///   - heads: when others say that they issued their newest heads, in milliseconds since 1970.
    ///   - now: this machine's clock.
    public init(storeAhead: Int64?, heads: [UInt64], now: UInt64) {
        let ahead = storeAhead ?? 0
        let witnesses = heads.filter { $0 > now + UInt64(Self.headTolerance) }.count
        if abs(ahead) > Self.toleratedDifference {
            let text =
                "the store's clock is \(Self.span(ahead)) \(ahead > 0 ? "ahead of" : "behind") this one"
            warning = text
            doubt = text
        } else if witnesses >= Self.witnesses {
            let text = "\(witnesses) other devices' clocks are more than 10 minutes ahead of this one"
            warning = text
            doubt = text
        } else {
            warning = nil
            doubt = nil
        }
    }

    private static func span(_ milliseconds: Int64) -> String {
        let minutes = Int(clamping: milliseconds.magnitude / 60_000)
        if minutes < 120 { return "\(minutes) minutes" }
        return minutes < 48 * 60 ? "\(minutes / 60) hours" : "\(minutes / 1440) days"
    }
}

/// What came of looking at the values that are stamped too far ahead.
public struct ClockReport: Sendable {
    /// What was thought of this machine's clock.
    public let trust: ClockTrust
    /// Values that were kept from ever counting: others hear of it with the next push.
    public var demoted = 0
    /// Values that stay hidden here, since this clock may not judge.
    public var hidden = 0
    /// Records that show something which the clock has come near.
    public var shown = 0
}

extension VaultSync {
    /// After a pull: shows what the clock has come near, and where it may judge keeps what is still ahead
    /// from ever counting.
    ///
    /// - Parameter storeAhead: milliseconds by which the store's clock is ahead; nil when it has not told.
    public func judgeStamps(storeAhead: Int64?) throws -> ClockReport {
        let heads = state.heads.map(\.value.times.issuedAt)
        let trust = ClockTrust(storeAhead: storeAhead, heads: heads, now: now())
        var report = ClockReport(trust: trust)
        guard try vault.read({ try $0.hasHidden() }) else { return report }
        try vault.write(actor: "sync") { transaction in
            report.shown = try transaction.refreshHidden()
            let future = try transaction.futureWrites()
            if trust.doubt == nil {
                try transaction.demote(future)
                report.demoted = future.count
            } else {
                report.hidden = future.count
            }
        }
        return report
    }
}
