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
    /// Only codes nearer than this get in.
    private(set) var farthest: UInt16

    /// - Parameter words: of a code.
    package init(limit: Int, words: Int) {
        self.limit = max(1, limit)
        self.words = words
        farthest = UInt16(64 * words + 1)
        counts = [Int](repeating: 0, count: 64 * words + 2)
        keys.reserveCapacity(4 * self.limit)
        codes.reserveCapacity(4 * self.limit * words)
    }

    /// - Parameter word: gives the words of the code.
    @inline(__always)
    package mutating func offer(slot: UInt32, distance: UInt16, word: (Int) -> UInt64) {
        guard distance < farthest else { return }
        if keys.count == 4 * limit { sweep() }
        keys.append(UInt64(distance) << 32 | UInt64(slot))
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

    /// A slot, and how far and what its code is.
    package struct Found {
        package let slot: UInt32
        package let distance: UInt16
        package let code: ArraySlice<UInt64>
    }

    /// The nearest first.
    package func sorted() -> [Found] {
        keys.indices.sorted { keys[$0] < keys[$1] }.prefix(limit).map { place in
            Found(
                slot: Self.slot(keys[place]), distance: Self.distance(keys[place]),
                code: codes[place * words..<(place + 1) * words])
        }
    }

    private static func slot(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key) }
    private static func distance(_ key: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: key >> 32) }

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
