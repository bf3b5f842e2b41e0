package import Vault

/// Cuts a text into chunks of 200 to 400 tokens along its structure: never across a heading, at the end of a
/// paragraph where one is near, else at the end of a sentence, with about one sentence of overlap. Code and
/// tables stay whole when they fit. A function of the text alone: the same text gives the same chunks, and
/// those of a section do not depend on what other sections say.
package enum Chunker {
    /// Raised by whoever changes what `chunks` returns; documents are then cut anew.
    package static let version = 2

    /// The most tokens of a chunk, and the fewest that it is content with where a paragraph ends.
    package static let most = 400, enough = 200
    /// A longer sentence is not repeated.
    private static let overlapMost = 60

    /// - Parameter text: UTF-8, which may be damaged.
    package static func chunks(of text: [UInt8], _ structure: TextStructure) -> [Chunk] {
        let text = TextBytes(bytes: text)
        return chunks(of: text, BlockScanner.blocks(of: text, structure))
    }

    /// The chunks of what a page of HTML shows; their places are those in its text.
    package static func chunks(of page: VisibleText) -> [Chunk] {
        chunks(
            of: TextBytes(bytes: page.bytes),
            page.blocks.map { TextBlock(kind: .init($0.kind), range: $0.range) })
    }

    private static func chunks(of text: TextBytes, _ blocks: [TextBlock]) -> [Chunk] {
        var chunks: [Chunk] = []
        var path = HeadingPath()
        var section: [TextBlock] = []
        var hasBody = false
        func finish() {
            for range in pack(section.flatMap { units(of: $0, text) }) {
                guard let range = text.trimmed(range) else { continue }
                chunks.append(Chunk(ordinal: chunks.count, range: range, heading: path.titles))
            }
            section = []
            hasBody = false
        }
        for block in blocks {
            if case .heading(let level) = block.kind {
                // Headings that follow each other stand above one body.
                if hasBody { finish() }
                path.enter(level, text.text(block.range))
            } else {
                hasBody = true
            }
            section.append(block)
        }
        finish()
        return chunks
    }

    /// What is not cut any further.
    private struct Unit {
        var range: Range<Int>
        var tokens: Int
        /// Whether a block begins with it.
        var opens: Bool
        var kind: TextBlock.Kind

        var isHeading: Bool { if case .heading = kind { true } else { false } }
        var isSentence: Bool { kind == .prose || kind == .item }
    }

    private static func units(of block: TextBlock, _ text: TextBytes) -> [Unit] {
        let parts: [Range<Int>]
        switch block.kind {
        case .prose, .item: parts = SentenceScanner.sentences(in: block.range, of: text)
        case .code, .table:
            parts =
                text.tokens(in: block.range) <= most ? [block.range] : lines(in: block.range, of: text)
        case .heading: parts = [block.range]
        case .lines: parts = lines(in: block.range, of: text)
        }
        var units: [Unit] = []
        for part in parts {
            let tokens = text.tokens(in: part)
            let pieces =
                tokens <= most ? [part] : SentenceScanner.pieces(of: part, limit: enough, in: text)
            for piece in pieces {
                units.append(
                    Unit(
                        range: piece, tokens: pieces.count == 1 ? tokens : text.tokens(in: piece),
                        opens: units.isEmpty, kind: block.kind))
            }
        }
        return units
    }

    private static func lines(in range: Range<Int>, of text: TextBytes) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let next = min(text.line(at: start).next, range.upperBound)
            lines.append(start..<next)
            start = next
        }
        return lines
    }

    /// The ranges of a section's chunks.
    private static func pack(_ units: [Unit]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var left = tokens(units[...])
        // The chunk's first unit, and the first that no chunk has yet.
        var (start, fresh) = (0, 0)
        while fresh < units.count {
            var end = reach(from: start, units, share(of: left))
            if end < units.count, tokens(units[start..<end]) < enough {
                end = reach(from: start, units, most)
            }
            if end <= fresh {
                start = fresh
                end = max(reach(from: start, units, most), fresh + 1)
            }
            if end < units.count { end = bestEnd(start, fresh, end, units) }
            ranges.append(units[start].range.lowerBound..<units[end - 1].range.upperBound)
            left -= tokens(units[fresh..<end])
            fresh = end
            start = end
            if end < units.count, units[end].isSentence, units[end - 1].isSentence,
                units[end - 1].tokens <= overlapMost
            {
                start = end - 1
            }
        }
        return ranges
    }

    private static func tokens(_ units: ArraySlice<Unit>) -> Int { units.reduce(0) { $0 + $1.tokens } }

    /// How much the next chunk takes of what is left: half where that makes two of a good size.
    private static func share(of left: Int) -> Int {
        left <= most || left >= most + enough ? most : max(enough, left / 2 + 1)
    }

    private static func reach(from start: Int, _ units: [Unit], _ limit: Int) -> Int {
        var tokens = 0
        var end = start
        while end < units.count, tokens + units[end].tokens <= limit {
            tokens += units[end].tokens
            end += 1
        }
        return end
    }

    /// The end of the last block that leaves enough in the chunk; never a heading.
    private static func bestEnd(_ start: Int, _ fresh: Int, _ end: Int, _ units: [Unit]) -> Int {
        var held = tokens(units[start..<end])
        var place = end
        while place > fresh + 1, held >= enough {
            if units[place].opens, !units[place - 1].isHeading { return place }
            place -= 1
            held -= units[place].tokens
        }
        place = end
        while place > fresh + 1, units[place - 1].isHeading { place -= 1 }
        return place
    }
}

/// The titles of the headings that a place in a text stands under.
private struct HeadingPath {
    private var open: [(level: Int, title: String)] = []

    var titles: [String] { open.map(\.title) }

    mutating func enter(_ level: Int, _ line: String) {
        open.removeAll { $0.level >= level }
        let title = line.split(separator: "\n").first.map(Self.title) ?? ""
        // A heading of many thousand characters would be repeated by each chunk under it.
        open.append((level, String(title.prefix(200))))
    }

    /// A heading's text without the signs that make it one. "C#" keeps its own.
    private static func title(_ line: Substring) -> String {
        let words = line.split(whereSeparator: \.isWhitespace)
        func isFrame(_ word: Substring) -> Bool { word.allSatisfy { $0 == "#" } }
        return words.drop(while: isFrame).reversed().drop(while: isFrame).reversed()
            .joined(separator: " ")
    }
}
