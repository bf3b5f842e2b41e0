/// Two changed texts and the one both come from, merged line by line (Khanna, Kunal, Pierce, "A Formal
/// Investigation of Diff3", 2007): what only one side changed is taken from it, what both changed alike is
/// no conflict. Changes of the two sides that touch are taken for one place.
public struct LineMerge: Sendable, Equatable {
    /// A stretch of the result. Lines keep their ends.
    public enum Part: Sendable, Equatable {
        case merged([[UInt8]])
        /// Both sides changed it, and not alike.
        case conflict(base: [[UInt8]], local: [[UInt8]], remote: [[UInt8]])
    }

    public let parts: [Part]

    /// Bytes are cut at line feeds; nothing else is asked of them.
    public init(base: [UInt8], local: [UInt8], remote: [UInt8]) {
        let texts = [base, local, remote].map(Self.lines)
        var numbers: [[UInt8]: Int] = [:]
        let coded = texts.map { lines in
            lines.map { line in
                if let known = numbers[line] { return known }
                numbers[line] = numbers.count
                return numbers.count - 1
            }
        }
        var local = Side(texts[1], LineDiff.hunks(from: coded[0], to: coded[1]))
        var remote = Side(texts[2], LineDiff.hunks(from: coded[0], to: coded[2]))
        var parts: [Part] = []
        var position = 0
        while let start = [local.nextStart, remote.nextStart].compactMap({ $0 }).min() {
            parts.append(.merged(Array(texts[0][position..<start])))
            local.begin(at: start)
            remote.begin(at: start)
            // Whatever reaches into the place makes it longer.
            var end = start
            while local.take(touching: &end) || remote.take(touching: &end) {}
            let (one, other) = (local.place(to: end), remote.place(to: end))
            let old = Array(texts[0][start..<end])
            if one.lines == other.lines || !other.isChanged {
                parts.append(.merged(one.lines))
            } else if !one.isChanged {
                parts.append(.merged(other.lines))
            } else {
                parts.append(.conflict(base: old, local: one.lines, remote: other.lines))
            }
            position = end
        }
        parts.append(.merged(Array(texts[0][position...])))
        self.parts = Self.joined(parts)
    }

    public var hasConflicts: Bool {
        parts.contains { if case .conflict = $0 { true } else { false } }
    }

    /// The result, as far as there is one: nil with conflicts.
    public var merged: [UInt8]? { hasConflicts ? nil : text() }

    /// The result, with both sides of each conflict between markers.
    /// - Parameter base: the name of the common text, which is shown too when it is given.
    public func text(local: String = "local", remote: String = "remote", base: String? = nil) -> [UInt8] {
        var out: [UInt8] = []
        func mark(_ sign: Character, _ name: String?) {
            out += Array((String(repeating: sign, count: 7) + (name.map { " " + $0 } ?? "") + "\n").utf8)
        }
        func put(_ lines: [[UInt8]]) {
            for line in lines { out += line }
            if let last = lines.last?.last, last != 0x0A { out.append(0x0A) }
        }
        for part in parts {
            switch part {
            case .merged(let lines): for line in lines { out += line }
            case .conflict(let old, let one, let other):
                mark("<", local)
                put(one)
                if let base {
                    mark("|", base)
                    put(old)
                }
                mark("=", nil)
                put(other)
                mark(">", remote)
            }
        }
        return out
    }

    private static func lines(_ text: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? text.count
            lines.append(Array(text[start..<end]))
            start = end
        }
        return lines
    }

    private static func joined(_ parts: [Part]) -> [Part] {
        var joined: [Part] = []
        for part in parts {
            if case .merged(let lines) = part {
                if lines.isEmpty { continue }
                if case .merged(let before)? = joined.last {
                    joined[joined.count - 1] = .merged(before + lines)
                    continue
                }
            }
            joined.append(part)
        }
        return joined
    }
}

/// One side's changes, walked along the base.
private struct Side {
    private let lines: [[UInt8]]
    private let hunks: [LineDiff.Hunk]
    private var next = 0
    /// Where the present place begins in this side's lines, and how much longer this side is up to here.
    private var first = 0
    private var shift = 0
    private var isChanged = false

    init(_ lines: [[UInt8]], _ hunks: [LineDiff.Hunk]) {
        self.lines = lines
        self.hunks = hunks
    }

    var nextStart: Int? { next < hunks.count ? hunks[next].old.lowerBound : nil }

    mutating func begin(at start: Int) {
        first = start + shift
        isChanged = false
    }

    /// Takes the next change into the place if it begins in it or where it ends.
    mutating func take(touching end: inout Int) -> Bool {
        guard next < hunks.count, hunks[next].old.lowerBound <= end else { return false }
        let hunk = hunks[next]
        isChanged = true
        next += 1
        shift += hunk.new.count - hunk.old.count
        end = max(end, hunk.old.upperBound)
        return true
    }

    /// This side's lines of the place, and whether it changed any.
    func place(to end: Int) -> (lines: [[UInt8]], isChanged: Bool) {
        (Array(lines[first..<(end + shift)]), isChanged)
    }
}
