internal import Vault

/// A part of a text that its layout sets apart: a heading, a paragraph, a list item, a table, code.
struct TextBlock: Equatable {
    enum Kind: Equatable {
        /// With its level, from 1.
        case heading(Int)
        case prose
        case item
        case table
        case code
        /// Lines of a text that has no other structure.
        case lines
    }

    var kind: Kind
    var range: Range<Int>
}

extension TextBlock.Kind {
    /// What a part of a page is here.
    init(_ kind: VisibleText.Kind) {
        switch kind {
        case .heading(let level): self = .heading(level)
        case .paragraph: self = .prose
        case .item: self = .item
        case .table: self = .table
        case .code: self = .code
        }
    }
}

/// Cuts a text into blocks, line by line. Every line that is not blank is in one block.
struct BlockScanner {
    private let text: TextBytes
    private let structure: TextStructure
    private var blocks: [TextBlock] = []
    private var open: TextBlock?
    /// The sign and the number of signs that end the code that is open.
    private var fence: (sign: UInt8, count: Int)?

    static func blocks(of text: TextBytes, _ structure: TextStructure) -> [TextBlock] {
        var scanner = BlockScanner(text: text, structure: structure)
        scanner.run()
        return scanner.blocks
    }

    private init(text: TextBytes, structure: TextStructure) {
        self.text = text
        self.structure = structure
    }

    private mutating func run() {
        var start = text.bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        if structure == .markdown { start = frontMatter(from: start) }
        while start < text.bytes.count {
            let (range, next) = text.line(at: start)
            take(range)
            start = next
        }
        close()
    }

    /// What stands between two lines of `---` at the beginning, as one block.
    /// - Returns: where the text goes on.
    private mutating func frontMatter(from start: Int) -> Int {
        guard start < text.bytes.count else { return start }
        let first = text.line(at: start)
        guard text.text(first.range) == "---" else { return start }
        var next = first.next
        for _ in 0..<200 where next < text.bytes.count {
            let line = text.line(at: next)
            next = line.next
            guard text.text(line.range) == "---" else { continue }
            blocks.append(TextBlock(kind: .lines, range: start..<line.range.upperBound))
            return next
        }
        return start
    }

    private mutating func take(_ line: Range<Int>) {
        let content = text.trimmed(line)
        if let fence {
            extend(to: line)
            if let content, fenceEnds(content, fence) {
                self.fence = nil
                close()
            }
            return
        }
        guard let content else { return close() }
        switch structure {
        case .markdown: takeMarkdown(line, content)
        case .prose: grow(.prose, line)
        case .lines: grow(.lines, line)
        }
    }

    private mutating func takeMarkdown(_ line: Range<Int>, _ content: Range<Int>) {
        if let sign = fenceStart(content) {
            begin(.code, line)
            fence = sign
        } else if let level = headingLevel(content) {
            begin(.heading(level), line)
            close()
        } else if let level = underlineLevel(content), let title = open, title.kind == .prose,
            !text.bytes[title.range].contains(UInt8(ascii: "\n"))
        {
            open = TextBlock(kind: .heading(level), range: title.range.lowerBound..<line.upperBound)
            close()
        } else if text.bytes[content.lowerBound] == UInt8(ascii: "|") {
            grow(.table, line)
        } else if isItem(content) {
            begin(.item, line)
        } else if open?.kind == .item {
            extend(to: line)
        } else {
            grow(.prose, line)
        }
    }

    private mutating func begin(_ kind: TextBlock.Kind, _ line: Range<Int>) {
        close()
        open = TextBlock(kind: kind, range: line)
    }

    /// The line belongs to the open block if that is of its kind.
    private mutating func grow(_ kind: TextBlock.Kind, _ line: Range<Int>) {
        if open?.kind == kind { extend(to: line) } else { begin(kind, line) }
    }

    private mutating func extend(to line: Range<Int>) {
        guard let block = open else { return }
        open = TextBlock(kind: block.kind, range: block.range.lowerBound..<line.upperBound)
    }

    private mutating func close() {
        if let open { blocks.append(open) }
        open = nil
    }

    private func run(of sign: UInt8, in range: Range<Int>) -> Int {
        text.bytes[range].prefix { $0 == sign }.count
    }

    private func fenceStart(_ content: Range<Int>) -> (sign: UInt8, count: Int)? {
        let sign = text.bytes[content.lowerBound]
        guard sign == UInt8(ascii: "`") || sign == UInt8(ascii: "~") else { return nil }
        let count = run(of: sign, in: content)
        guard count >= 3 else { return nil }
        // A backtick further on makes it code within a paragraph.
        let rest = text.bytes[content].dropFirst(count)
        return sign == UInt8(ascii: "`") && rest.contains(sign) ? nil : (sign, count)
    }

    private func fenceEnds(_ content: Range<Int>, _ fence: (sign: UInt8, count: Int)) -> Bool {
        run(of: fence.sign, in: content) == content.count && content.count >= fence.count
    }

    private func headingLevel(_ content: Range<Int>) -> Int? {
        let count = run(of: UInt8(ascii: "#"), in: content)
        guard (1...6).contains(count) else { return nil }
        guard count < content.count else { return count }
        let next = text.bytes[content.lowerBound + count]
        return next == UInt8(ascii: " ") || next == UInt8(ascii: "\t") ? count : nil
    }

    /// The level of a heading whose title stands in the line before.
    private func underlineLevel(_ content: Range<Int>) -> Int? {
        if run(of: UInt8(ascii: "="), in: content) == content.count { return 1 }
        return run(of: UInt8(ascii: "-"), in: content) == content.count ? 2 : nil
    }

    private func isItem(_ content: Range<Int>) -> Bool {
        let line = text.bytes[content]
        var rest = line.dropFirst()
        switch line[line.startIndex] {
        case UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "+"): break
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            let digits = line.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
            rest = line.dropFirst(digits)
            guard digits <= 9, let sign = rest.first, sign == UInt8(ascii: ".") || sign == UInt8(ascii: ")")
            else { return false }
            rest = rest.dropFirst()
        default: return false
        }
        return rest.first == UInt8(ascii: " ") || rest.first == UInt8(ascii: "\t")
    }
}
