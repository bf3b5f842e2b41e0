public import ObjectStorage
public import Vault

/// How many requests this device has sent to its remote for sync in a calendar month (UTC), as the store
/// bills them. Kept in the vault's settings, which stay in this home.
public enum RequestMeter {
    private static let prefix = "sync.requests."

    /// Adds requests to their month.
    public static func add(_ counts: RequestCounts, at time: Timestamp, to vault: Vault) throws {
        guard counts != RequestCounts() else { return }
        try vault.write(actor: "sync") { transaction in
            let sum = try read(month(of: time), transaction).adding(counts)
            try transaction.setSetting(prefix + month(of: time), text(sum))
        }
    }

    /// What was counted in a month, such as `2026-11`.
    public static func read(_ month: String, _ transaction: ReadTransaction) throws -> RequestCounts {
        let numbers = try transaction.setting(prefix + month)?.split(separator: " ").compactMap { UInt64($0) }
        guard let numbers, numbers.count == 5 else { return RequestCounts() }
        var counts = RequestCounts()
        (counts.writes, counts.reads, counts.deletes) = (numbers[0], numbers[1], numbers[2])
        (counts.bytesSent, counts.bytesReceived) = (numbers[3], numbers[4])
        return counts
    }

    private static func text(_ counts: RequestCounts) -> String {
        [counts.writes, counts.reads, counts.deletes, counts.bytesSent, counts.bytesReceived]
            .map(String.init).joined(separator: " ")
    }

    /// The month of a time.
    public static func month(of time: Timestamp) -> String { String(time.description.prefix(7)) }
}

/// This month's requests, and what they cost at Cloudflare R2.
public struct RequestCost: Sendable {
    /// Such as `2026-11`.
    public let month: String
    /// What was counted so far.
    public let counts: RequestCounts
    /// What it will be at the month's end if it goes on so.
    public let projected: RequestCounts

    /// R2's prices of 2026: dollars a million of Class A and of Class B, and what is free in a month.
    public static let prices = (classA: 4.5, classB: 0.36)
    public static let free = (classA: 1_000_000, classB: 10_000_000)

    /// What a vault has counted in the month of `time`.
    public init(of vault: Vault, at time: Timestamp) throws {
        let month = RequestMeter.month(of: time)
        counts = try vault.read { try RequestMeter.read(month, $0) }
        self.month = month
        let begin = Timestamp("\(month)-01T00:00:00.000Z") ?? time
        let length = Self.daysIn(month) * 86_400_000
        // Of the first hour no projection can be made.
        let elapsed = max(3_600_000, time.milliseconds - begin.milliseconds)
        projected = counts.scaled(by: max(1, Double(length) / Double(elapsed)))
    }

    private static func daysIn(_ month: String) -> Int64 {
        let numbers = month.split(separator: "-").compactMap { Int($0) }
        guard numbers.count == 2 else { return 30 }
        switch numbers[1] {
        case 2: return numbers[0] % 4 == 0 && (numbers[0] % 100 != 0 || numbers[0] % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: return 30
        default: return 31
        }
    }

    /// Dollars at list price, without what is free.
    public static func listPrice(_ counts: RequestCounts) -> Double { counts.microdollars / 1e6 }

    /// Dollars on a bill that holds nothing else: what is free is taken off, and each million that was begun
    /// counts.
    public static func bill(_ counts: RequestCounts) -> Double {
        func millions(_ count: UInt64, _ free: Int) -> Double {
            let paid = count > UInt64(free) ? count - UInt64(free) : 0
            return Double((paid + 999_999) / 1_000_000)
        }
        return millions(counts.writes, free.classA) * prices.classA
            + millions(counts.reads, free.classB) * prices.classB
    }
}

extension RequestCounts {
    /// These and others.
    public func adding(_ other: RequestCounts) -> RequestCounts {
        var sum = self
        sum.writes += other.writes
        sum.reads += other.reads
        sum.deletes += other.deletes
        sum.bytesSent += other.bytesSent
        sum.bytesReceived += other.bytesReceived
        return sum
    }

    /// What came since an earlier count of the same store.
    public func since(_ earlier: RequestCounts) -> RequestCounts {
        var rest = self
        rest.writes -= earlier.writes
        rest.reads -= earlier.reads
        rest.deletes -= earlier.deletes
        rest.bytesSent -= earlier.bytesSent
        rest.bytesReceived -= earlier.bytesReceived
        return rest
    }

    fileprivate func scaled(by factor: Double) -> RequestCounts {
        func scale(_ count: UInt64) -> UInt64 { UInt64((Double(count) * factor).rounded()) }
        var scaled = RequestCounts()
        scaled.writes = scale(writes)
        scaled.reads = scale(reads)
        scaled.deletes = scale(deletes)
        scaled.bytesSent = scale(bytesSent)
        scaled.bytesReceived = scale(bytesReceived)
        return scaled
    }
}
