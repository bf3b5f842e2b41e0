/// The slots whose codes lie nearest to a query's, at most so many.
///
/// They are counted by their distances, of which there are few, so that it is known at each moment how near
/// the next one must be; what fell behind is swept out now and then. Slots are offered in ascending order: of
/// two at the same distance the lower one counts as nearer, and the same data give the same answer.
package struct NearestCodes: Sendable {
    private let limit: Int
    /// Distance and slot in one number.
    private var keys: [UInt64] = []
    /// How many of the keys lie at each distance.
    private var counts: [Int]
    /// And how many at `farthest` or nearer.
    private var within = 0
    /// A code as far as this gets in no more, since `limit` are at it or nearer.
    private(set) var farthest: Int16
    /// What others have found leaves no place at this distance.
    private var ceiling = Int16.max

    /// - Parameter words: of a code.
    package init(limit: Int, words: Int) {
        self.limit = max(1, limit)
        farthest = Int16(64 * words + 1)
        counts = [Int](repeating: 0, count: 64 * words + 2)
        keys.reserveCapacity(4 * self.limit)
    }

    /// Only codes nearer than this get in.
    var bound: Int16 { min(farthest, ceiling) }

    /// No code as far as this is wanted, whatever is found here.
    mutating func narrow(to ceiling: Int16) { self.ceiling = min(self.ceiling, ceiling) }

    @inline(__always)
    package mutating func offer(slot: UInt32, distance: Int16) {
        guard distance < bound else { return }
        if keys.count == 4 * limit { sweep() }
        keys.append(UInt64(UInt16(distance)) << 32 | UInt64(slot))
        counts[Int(distance)] += 1
        within += 1
        while within - counts[Int(farthest)] >= limit {
            within -= counts[Int(farthest)]
            farthest -= 1
        }
    }

    /// Takes what was found among later slots.
    package mutating func take(_ later: NearestCodes) {
        for key in later.keys { offer(slot: Self.slot(key), distance: Self.distance(key)) }
    }

    /// What got in of this slot and later ones.
    func latest(from slot: UInt32) -> some Sequence<UInt32> {
        keys.reversed().lazy.map(Self.slot).prefix { $0 >= slot }
    }

    /// The nearest, in the order of their slots.
    package func found() -> [UInt32] {
        // Of those at the farthest distance the first ones fill what room the nearer leave.
        var room = limit - (within - counts[Int(farthest)])
        return keys.filter { key in
            let distance = Self.distance(key)
            if distance == farthest { room -= 1 }
            return distance < farthest || distance == farthest && room >= 0
        }.map(Self.slot)
    }

    private static func slot(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key) }
    private static func distance(_ key: UInt64) -> Int16 { Int16(truncatingIfNeeded: key >> 32) }

    /// What lies farther than `farthest` is not among the nearest any more. At most twice `limit` stay: all
    /// but those at `farthest` are fewer than `limit`, and so were these when they came in.
    private mutating func sweep() {
        keys.removeAll { Self.distance($0) > farthest }
    }
}
