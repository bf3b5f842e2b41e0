/// A pattern over whole paths: `*`, `?` and `[a-z]` match within a name, `**` any number of names.
///
/// A pattern without a slash is for a name at any depth; one with a slash begins at the root of the tree.
/// What matches a directory matches everything below it.
package struct PathPattern: Sendable, Hashable {
    private let parts: [[UInt8]]
    /// The names that the pattern begins with, as a path without slashes at its ends.
    private let literal: [UInt8]

    /// Every text is a pattern; slashes at its ends don't count.
    package init(_ pattern: [UInt8]) {
        let slash = UInt8(ascii: "/")
        let names = pattern.split(separator: slash).map(Array.init)
        let isName = names.count == 1 && pattern.first != slash
        parts = isName ? [Array("**".utf8)] + names : names
        let plain = parts.prefix { !$0.contains { "*?[\\".utf8.contains($0) } }
        literal = Array(plain.joined(separator: [slash]))
    }

    package init(_ pattern: String) { self.init(Array(pattern.utf8)) }

    /// Whether the pattern matches `path` or a directory above it. The work is bounded by the number of names
    /// times the number of the pattern's parts.
    package func matches(_ path: [UInt8]) -> Bool {
        guard begins(path) else { return false }
        let names = path.split(separator: UInt8(ascii: "/"))
        // reached[i]: the first i parts of the pattern match the names so far.
        var reached = [Bool](repeating: false, count: parts.count + 1)
        reached[0] = true
        open(&reached)
        if reached[parts.count] { return true }
        for name in names {
            var next = [Bool](repeating: false, count: parts.count + 1)
            for (index, part) in parts.enumerated() where reached[index] {
                if Self.isDeep(part) {
                    next[index] = true
                } else if PathGlob.matches(name, part[...]) {
                    next[index + 1] = true
                }
            }
            open(&next)
            if next[parts.count] { return true }
            reached = next
        }
        return false
    }

    /// Whether a path is at or below the names that the pattern begins with: most are not.
    private func begins(_ path: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        let start = path.first == slash ? 1 : 0
        guard path.count - start >= literal.count else { return false }
        for index in literal.indices where path[start + index] != literal[index] { return false }
        return path.count - start == literal.count || literal.isEmpty || path[start + literal.count] == slash
    }

    /// `**` may stand for no name at all.
    private func open(_ reached: inout [Bool]) {
        for (index, part) in parts.enumerated() where reached[index] && Self.isDeep(part) {
            reached[index + 1] = true
        }
    }

    private static func isDeep(_ part: [UInt8]) -> Bool { part.elementsEqual("**".utf8) }
}
