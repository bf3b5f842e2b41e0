/// The shortest way from one list to another, by removing and inserting (Myers, "An O(ND) Difference
/// Algorithm and Its Variations", 1986, in its linear-space form). The same lists always give the same way.
struct LineDiff {
    /// A stretch that differs.
    struct Hunk: Equatable {
        let old: Range<Int>
        let new: Range<Int>
    }

    /// How far the search goes before it takes what is left for wholly different: two long texts that have
    /// nothing in common would take for ever.
    private static let patience = 2048

    private let old: [Int]
    private let new: [Int]
    private var found: [Hunk] = []

    /// - Parameters: numbers that stand for lines; equal ones for equal lines.
    static func hunks(from old: [Int], to new: [Int]) -> [Hunk] {
        var diff = LineDiff(old: old, new: new)
        diff.compare(old.indices, new.indices)
        return diff.found
    }

    private init(old: [Int], new: [Int]) {
        self.old = old
        self.new = new
    }

    private mutating func compare(_ a: Range<Int>, _ b: Range<Int>) {
        var (start, end) = ((a.lowerBound, b.lowerBound), (a.upperBound, b.upperBound))
        while start.0 < end.0, start.1 < end.1, old[start.0] == new[start.1] {
            start.0 += 1
            start.1 += 1
        }
        while start.0 < end.0, start.1 < end.1, old[end.0 - 1] == new[end.1 - 1] {
            end.0 -= 1
            end.1 -= 1
        }
        let (a, b) = (start.0..<end.0, start.1..<end.1)
        guard !a.isEmpty || !b.isEmpty else { return }
        guard !a.isEmpty, !b.isEmpty, let (x, y) = middle(a, b) else { return add(Hunk(old: a, new: b)) }
        compare(a.lowerBound..<x, b.lowerBound..<y)
        compare(x..<a.upperBound, y..<b.upperBound)
    }

    /// Hunks that touch are one.
    private mutating func add(_ hunk: Hunk) {
        if let last = found.last, last.old.upperBound == hunk.old.lowerBound,
            last.new.upperBound == hunk.new.lowerBound
        {
            found.removeLast()
            found.append(
                Hunk(
                    old: last.old.lowerBound..<hunk.old.upperBound,
                    new: last.new.lowerBound..<hunk.new.upperBound))
        } else {
            found.append(hunk)
        }
    }

    /// A point on a shortest way where the searches from both ends meet. The lists neither begin nor end
    /// alike, so it is neither end.
    private func middle(_ a: Range<Int>, _ b: Range<Int>) -> (Int, Int)? {
        let (n, m) = (a.count, b.count)
        let delta = n - m
        let deepest = min((n + m + 1) / 2, Self.patience)
        var forward = Reach(deepest), backward = Reach(deepest)
        for depth in 0...deepest {
            for diagonal in stride(from: -depth, through: depth, by: 2) {
                guard var x = forward.step(diagonal, depth, n, m) else { continue }
                while x < n, x - diagonal < m, old[a.lowerBound + x] == new[b.lowerBound + x - diagonal] {
                    x += 1
                }
                forward[diagonal] = x
                if delta & 1 != 0, let met = backward.reached(delta - diagonal, depth - 1), x + met >= n {
                    return (a.lowerBound + x, b.lowerBound + x - diagonal)
                }
            }
            for diagonal in stride(from: -depth, through: depth, by: 2) {
                guard var x = backward.step(diagonal, depth, n, m) else { continue }
                while x < n, x - diagonal < m,
                    old[a.upperBound - 1 - x] == new[b.upperBound - 1 - x + diagonal]
                {
                    x += 1
                }
                backward[diagonal] = x
                if delta & 1 == 0, let met = forward.reached(delta - diagonal, depth), x + met >= n {
                    return (a.upperBound - x, b.upperBound - x + diagonal)
                }
            }
        }
        return nil
    }

    /// How far along the old list each diagonal has come; -1 where nothing has.
    private struct Reach {
        private var ends: [Int]
        private let center: Int

        init(_ deepest: Int) {
            center = deepest + 1
            ends = [Int](repeating: -1, count: 2 * center + 1)
        }

        subscript(diagonal: Int) -> Int {
            get { ends[center + diagonal] }
            set { ends[center + diagonal] = newValue }
        }

        func reached(_ diagonal: Int, _ depth: Int) -> Int? {
            guard abs(diagonal) <= depth, self[diagonal] >= 0 else { return nil }
            return self[diagonal]
        }

        /// One removal or insertion further, onto this diagonal; nil when that leaves the lists.
        func step(_ diagonal: Int, _ depth: Int, _ n: Int, _ m: Int) -> Int? {
            if depth == 0 { return 0 }
            let inserted = self[diagonal + 1], removed = self[diagonal - 1]
            let byInserting = inserted >= 0 && inserted - diagonal <= m ? inserted : -1
            let byRemoving = removed >= 0 && removed < n ? removed + 1 : -1
            let best = max(byInserting, byRemoving)
            return best >= 0 ? best : nil
        }
    }
}
