extension [UInt8] {
    private static var slash: UInt8 { UInt8(ascii: "/") }
    private static var dot: UInt8 { UInt8(ascii: ".") }

    /// The path of `name` in this directory.
    func joined(_ name: some Collection<UInt8>) -> [UInt8] {
        var path: [UInt8] = []
        path.reserveCapacity(count + 1 + name.count)
        path.append(contentsOf: self)
        if count > 1 { path.append(Self.slash) }
        path.append(contentsOf: name)
        return path
    }

    /// The number of names in an absolute path.
    var depth: Int { count { $0 == Self.slash } }

    /// Whether this absolute path is `other` or below it.
    func isAtOrBelow(_ other: [UInt8]) -> Bool {
        guard starts(with: other) else { return false }
        return count == other.count || other == [Self.slash] || self[other.count] == Self.slash
    }

    /// Whether this path comes before `other` in a list: names are compared byte by byte, and a directory
    /// stands before what is in it, which stands before every other name that begins like it.
    package func precedesAsPath(_ other: [UInt8]) -> Bool {
        withUnsafeBufferPointer { mine in
            other.withUnsafeBufferPointer { theirs in
                let shared = Swift.min(mine.count, theirs.count)
                var index = 0
                while index < shared, mine[index] == theirs[index] { index += 1 }
                guard index < shared else { return mine.count < theirs.count }
                if mine[index] == Self.slash { return true }
                return theirs[index] != Self.slash && mine[index] < theirs[index]
            }
        }
    }

    /// Whether this is an absolute path without empty names, `.`, `..`, zero bytes, names of more than 255
    /// bytes or more than 511 of them.
    var isPlainAbsolute: Bool {
        guard first == Self.slash, count <= OutsideEntry.pathLimit else { return false }
        if count == 1 { return true }
        return withUnsafeBufferPointer { path in
            var names = 0
            var start = 1
            for index in 1...path.count {
                if index < path.count {
                    if path[index] == 0 { return false }
                    if path[index] != Self.slash { continue }
                }
                let length = index - start
                guard length > 0, length <= 255 else { return false }
                if path[start] == Self.dot, length == 1 || (length == 2 && path[start + 1] == Self.dot) {
                    return false
                }
                names += 1
                start = index + 1
            }
            return names <= 511
        }
    }
}
