/// The slots whose codes lie nearest to a query's, at most so many, with their codes.
///
/// They are counted by their distances, of which there are few, so that it is known at each moment how near
/// the next one must be; what fell behind is swept out now and then. Slots are offered in ascending order: of
/// two at the same distance the lower one counts as nearer, and the same data give the same answer.
package struct NearestCodes: Sendable {
    private let limit: Int
    private let words: Int
    /// Distance and slot in one number.
    private var keys: [UInt64] = []
    /// The words of each key's code.
    private var codes: [UInt64] = []
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
        self.words = words
        farthest = Int16(64 * words + 1)
        counts = [Int](repeating: 0, count: 64 * words + 2)
        keys.reserveCapacity(4 * self.limit)
        codes.reserveCapacity(4 * self.limit * words)
    }

    /// Only codes nearer than this get in.
    var bound: Int16 { min(farthest, ceiling) }

    /// No code as far as this is wanted, whatever is found here.
    mutating func narrow(to ceiling: Int16) { self.ceiling = min(self.ceiling, ceiling) }

    /// - Parameter word: gives the words of the code.
    @inline(__always)
    package mutating func offer(slot: UInt32, distance: Int16, word: (Int) -> UInt64) {
        guard distance < bound else { return }
        if keys.count == 4 * limit { sweep() }
        keys.append(UInt64(UInt16(distance)) << 32 | UInt64(slot))
        for place in 0..<words { codes.append(word(place)) }
        counts[Int(distance)] += 1
        within += 1
        while within - counts[Int(farthest)] >= limit {
            within -= counts[Int(farthest)]
            farthest -= 1
        }
    }

    /// Takes what was found among later slots.
    package mutating func take(_ later: NearestCodes) {
        let words = words
        for (place, key) in later.keys.enumerated() {
            offer(slot: Self.slot(key), distance: Self.distance(key)) { later.codes[place * words + $0] }
        }
    }

    /// A slot and its code.
    package struct Found {
        package let slot: UInt32
        package let code: ArraySlice<UInt64>
    }

    /// The nearest, in the order of their slots.
    package func found() -> [Found] {
        // Of those at the farthest distance the first ones fill what room the nearer leave.
        var room = limit - (within - counts[Int(farthest)])
        return keys.indices.filter { place in
            let distance = Self.distance(keys[place])
            if distance == farthest { room -= 1 }
            return distance < farthest || distance == farthest && room >= 0
        }.map { place in
            Found(slot: Self.slot(keys[place]), code: codes[place * words..<(place + 1) * words])
        }
    }

    private static func slot(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key) }
    private static func distance(_ key: UInt64) -> Int16 { Int16(truncatingIfNeeded: key >> 32) }

    /// What lies farther than `farthest` is not among the nearest any more. At most twice `limit` stay: all
    /// but those at `farthest` are fewer than `limit`, and so were these when they came in.
    private mutating func sweep() {
        var kept = 0
        for place in keys.indices where Self.distance(keys[place]) <= farthest {
            keys[kept] = keys[place]
            for word in 0..<words { codes[kept * words + word] = codes[place * words + word] }
            kept += 1
        }
        keys.removeLast(keys.count - kept)
        codes.removeLast(codes.count - kept * words)
    }
}
