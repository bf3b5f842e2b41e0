/// Cuts text where sentences end, in Chinese and in English, and what is too long where it is least bad.
enum SentenceScanner {
    /// Sentences with the white space behind them, which together are the whole range.
    static func sentences(in range: Range<Int>, of text: TextBytes) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start = range.lowerBound
        var position = start
        while position < range.upperBound {
            let (scalar, length) = text.scalar(at: position)
            position += length
            guard let mark = Mark(scalar) else { continue }
            let end = endOfSentence(position, range.upperBound, mark, text)
            guard let end else { continue }
            found.append(start..<end)
            start = end
            position = end
        }
        if start < range.upperBound { found.append(start..<range.upperBound) }
        return found
    }

    /// Pieces of at most `limit` tokens: cut at an end of line, else at a comma or space, else before any
    /// character that begins one.
    static func pieces(of range: Range<Int>, limit: Int, in text: TextBytes) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let end = endOfPiece(start, range.upperBound, limit, text)
            found.append(start..<end)
            start = end
        }
        return found
    }

    private enum Mark {
        /// Ends a sentence wherever it stands.
        case wide
        /// Ends one when white space follows.
        case narrow

        init?(_ scalar: Unicode.Scalar) {
            switch scalar {
            case "。", "！", "？", "；", "…", "｡": self = .wide
            case ".", "!", "?": self = .narrow
            default: return nil
            }
        }
    }

    private static let closing: Set<Unicode.Scalar> = [
        "」", "』", "”", "’", "）", "】", "》", "〉", "〕", "\"", "'", ")", "]", "*", "_", "`",
    ]

    /// Where the next sentence begins; nil when this mark ends none.
    private static func endOfSentence(
        _ position: Int, _ limit: Int, _ mark: Mark, _ text: TextBytes
    ) -> Int? {
        var end = position
        while end < limit {
            let (scalar, length) = text.scalar(at: end)
            guard Mark(scalar) != nil || closing.contains(scalar) else { break }
            end += length
        }
        let afterMarks = end
        while end < limit {
            let (scalar, length) = text.scalar(at: end)
            guard scalar.isSpace else { break }
            end += length
        }
        if case .narrow = mark, end < limit {
            // "e.g. this" goes on.
            guard end > afterMarks, !text.scalar(at: end).scalar.properties.isLowercase else { return nil }
        }
        return end
    }

    private static func endOfPiece(_ start: Int, _ limit: Int, _ tokens: Int, _ text: TextBytes) -> Int {
        var estimate = TokenEstimate()
        var position = start
        var (line, pause): (Int?, Int?) = (nil, nil)
        while position < limit {
            let (scalar, length) = text.scalar(at: position)
            estimate.add(scalar)
            guard estimate.tokens <= tokens else { break }
            position += length
            if scalar == "\n" {
                line = position
            } else if scalar.isSpace || "，、：,;:".unicodeScalars.contains(scalar) {
                pause = position
            }
        }
        guard position < limit else { return limit }
        if let cut = line ?? pause { return cut }
        return max(
            wholeCharacter(before: position, after: start, text), start + text.scalar(at: start).length)
    }

    /// The last place at or before `end` where a character of a person's begins, no farther away than it
    /// may be long.
    private static func wholeCharacter(before end: Int, after start: Int, _ text: TextBytes) -> Int {
        var place = end
        for _ in 0..<16 {
            guard place > start else { return end }
            var previous = place - 1
            while previous > start, text.bytes[previous] & 0xC0 == 0x80 { previous -= 1 }
            let joins =
                text.scalar(at: place).scalar.properties.isGraphemeExtend
                || text.scalar(at: place).scalar == "\u{200D}"
                || text.scalar(at: previous).scalar == "\u{200D}"
            guard joins else { return place }
            place = previous
        }
        return end
    }
}
