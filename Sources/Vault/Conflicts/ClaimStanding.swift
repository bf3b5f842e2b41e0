/// What is known of one device's claim of a task, as far as it decides between several.
///
/// Two vaults that cannot reach each other may both claim a task. The newest must not win here: whoever
/// began work should be let finish. A claim that loses is over, and its holder is told so.
public struct ClaimStanding: Sendable, Hashable {
    /// Whose claim it is: 16 bytes.
    public var device: [UInt8]
    /// Whether the task was completed under it.
    public var isCompleted: Bool
    /// Each claim after one that ended is of a higher round.
    public var round: UInt32
    /// Whether it made its round's object in the store, which only one can.
    public var holdsMutex: Bool

    /// What is known of a claim of `device`, 16 bytes.
    public init(_ device: [UInt8], isCompleted: Bool = false, round: UInt32 = 1, holdsMutex: Bool = false) {
        self.device = device
        self.isCompleted = isCompleted
        self.round = round
        self.holdsMutex = holdsMutex
    }

    /// The claim that stands. In this order: one that completed the task; the highest round; one that holds
    /// its round's object; the lowest device id. The same claims give the same answer in whatever order.
    ///
    /// - Returns: nil when there is none.
    public static func winner(of claims: some Sequence<ClaimStanding>) -> ClaimStanding? {
        claims.min { a, b in
            if a.isCompleted != b.isCompleted { return a.isCompleted }
            if a.round != b.round { return a.round > b.round }
            if a.holdsMutex != b.holdsMutex { return a.holdsMutex }
            return a.device.lexicographicallyPrecedes(b.device)
        }
    }
}
