/// What is known of one device's claim of a task, as far as it decides between several.
///
/// Two vaults that cannot reach each other may both claim a task. The newest must not win here: whoever
/// began work should be let finish. A claim that loses is over, and its holder is told so.
public struct ClaimStanding: Sendable, Hashable {
    /// What tells claims of one task apart.
    public struct ID: Sendable, Hashable, Comparable {
        public let stamp: HybridTime
        /// 16 bytes.
        public let device: [UInt8]

        public init(stamp: HybridTime, device: [UInt8]) {
            self.stamp = stamp
            self.device = device
        }

        public static func < (a: ID, b: ID) -> Bool {
            a.stamp != b.stamp ? a.stamp < b.stamp : a.device.lexicographicallyPrecedes(b.device)
        }
    }

    public var id: ID
    /// Whether the task was completed under it.
    public var isCompleted: Bool
    /// Each claim after one that ended is of a higher round.
    public var round: UInt32
    /// Whether it made its round's object in the store, which only one can.
    public var holdsMutex: Bool
    /// The claims that its device knew of when it claimed.
    public var seen: Set<ID>

    public init(
        _ id: ID, isCompleted: Bool = false, round: UInt32 = 1, holdsMutex: Bool = false, seen: Set<ID> = []
    ) {
        self.id = id
        self.isCompleted = isCompleted
        self.round = round
        self.holdsMutex = holdsMutex
        self.seen = seen
    }

    /// The claim that stands. In this order: one that completed the task; the highest round; one that holds
    /// its round's object; one that the others had seen begin; the earliest. The same claims give the same
    /// answer in whatever order.
    /// - Returns: nil when there is none.
    public static func winner(of claims: some Sequence<ClaimStanding>) -> ClaimStanding? {
        var rest = Array(claims)
        func keep(_ isBetter: (ClaimStanding) -> Bool) {
            if rest.contains(where: isBetter) { rest.removeAll { !isBetter($0) } }
        }
        keep(\.isCompleted)
        let last = rest.map(\.round).max()
        keep { $0.round == last }
        keep(\.holdsMutex)
        let ids = Set(rest.map(\.id))
        keep { claim in claim.seen.subtracting([claim.id]).isDisjoint(with: ids) }
        return rest.min { $0.id < $1.id }
    }
}
