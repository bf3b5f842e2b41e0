/// What a page of HTML shows: its text without tags, scripts and styles, and what its parts are. Offsets are
/// in that text, in bytes; it is never longer than the page.
///
/// No tree is built and nothing is looked for twice: the time is that of reading the page once, however its
/// tags are nested, left open or cut off. What a style sheet or a script would hide or add is not known.
package struct VisibleText: Equatable {
    package static let contentType = "text/html"

    /// What a part is.
    package enum Kind: Equatable, Sendable {
        /// With its level, from 1. A page's title is one of level 1.
        case heading(Int)
        case paragraph
        case item
        /// Rows are lines.
        case table
        /// White space stands as it was written.
        case code
    }

    /// A part of the text; between two there is an empty line.
    package struct Block: Equatable, Sendable {
        package var kind: Kind
        package var range: Range<Int>
    }

    package private(set) var bytes: [UInt8] = []
    package private(set) var blocks: [Block] = []
    /// What `<title>` says.
    package private(set) var title: String?

    /// What stands between two characters, the weaker first.
    private enum Gap: Int {
        case none, blank
        /// White space with the end of a line: nothing between two ideographs.
        case sourceLine
        case cell, line
    }

    /// The kind that the next block will have, and where the open one begins; nil before its first character.
    private var kind = Kind.paragraph
    private var start: Int?
    private var gap = Gap.none
    private var endsWide = false
    private var tables = 0
    private var isCode = false

    /// - Parameter html: UTF-8, which may be damaged.
    package init(html: [UInt8]) {
        var reader = MarkupScanner(html)
        while let token = reader.next() {
            switch token {
            case .byte(let byte): add(byte, wide: reader.isWide)
            case .scalar(let scalar): add(scalar)
            case .start(let name): open(name, &reader)
            case .end(let name): close(name)
            }
        }
        finish()
    }

    // MARK: - Characters

    private mutating func add(_ byte: UInt8, wide: Bool) {
        switch byte {
        case 0x20, 0x09, 0x0C: space(byte, .blank)
        case 0x0A: space(byte, .sourceLine)
        case 0..<0x20, 0x7F: space(0x20, .blank)
        default:
            // The second byte of a character and those after it go where its first one went.
            if !(0x80..<0xC0 ~= byte) || start == nil || gap != .none { writeGap(before: wide) }
            bytes.append(byte)
        }
    }

    private mutating func add(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x0A: space(0x0A, .sourceLine)
        case 0..<0x20, 0x7F, 0xA0: space(0x20, .blank)
        // A place where a word may be parted is no sign of it.
        case 0xAD: break
        default:
            writeGap(before: MarkupScanner.isWide(scalar.value))
            bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    private mutating func space(_ byte: UInt8, _ kind: Gap) {
        if isCode, start != nil { bytes.append(byte) } else { widen(kind) }
    }

    private mutating func widen(_ other: Gap) { if other.rawValue > gap.rawValue { gap = other } }

    /// A character follows: what stands between it and the one before is written.
    private mutating func writeGap(before wide: Bool) {
        if start == nil {
            if !bytes.isEmpty { bytes += [0x0A, 0x0A] }
            start = bytes.count
        } else {
            switch gap {
            case .none: break
            case .blank, .cell: bytes.append(0x20)
            case .sourceLine: if !(endsWide && wide) { bytes.append(0x20) }
            case .line: bytes.append(0x0A)
            }
        }
        gap = .none
        endsWide = wide
    }

    // MARK: - Elements

    private mutating func open(_ name: String, _ reader: inout MarkupScanner) {
        switch MarkupElement.of(name) {
        case .heading(let level): begin(.heading(level))
        case .paragraph: begin(usual)
        case .item: begin(.item)
        case .table:
            tables += 1
            begin(.table)
        case .row: lineEnd()
        case .cell: widen(.cell)
        case .code:
            begin(.code)
            isCode = true
        case .lineEnd:
            // An empty line ends a paragraph, as it was written before there were style sheets.
            if gap == .line, !isCode { finish() } else { lineEnd() }
        case .title:
            // Others belong to pictures.
            if blocks.isEmpty, start == nil, !isCode { takeTitle(&reader) } else { reader.skip(to: name) }
        case .invisible: reader.skip(to: name)
        case .inline: break
        }
    }

    private mutating func close(_ name: String) {
        switch MarkupElement.of(name) {
        case .heading, .paragraph, .item: begin(usual)
        case .table:
            tables = max(0, tables - 1)
            begin(usual)
        case .code:
            isCode = false
            begin(usual)
        case .row: lineEnd()
        case .cell: widen(.cell)
        case .lineEnd, .title, .invisible, .inline: break
        }
    }

    private mutating func takeTitle(_ reader: inout MarkupScanner) {
        kind = .heading(1)
        while let token = reader.nextText(until: "title") {
            switch token {
            case .byte(let byte): add(byte, wide: reader.isWide)
            case .scalar(let scalar): add(scalar)
            case .start, .end: break
            }
        }
        begin(usual)
        if let block = blocks.last { title = String(decoding: bytes[block.range], as: UTF8.self) }
    }

    /// What text is where no element says more.
    private var usual: Kind { isCode ? .code : tables > 0 ? .table : .paragraph }

    /// Ends the open block; another one begins with the next character.
    private mutating func begin(_ next: Kind) {
        if isCode, next == .code {
            lineEnd()
        } else {
            finish()
            kind = next
        }
    }

    private mutating func lineEnd() {
        if isCode {
            if start != nil, bytes.last != 0x0A { bytes.append(0x0A) }
        } else if case .heading = kind {
            widen(.blank)
        } else {
            widen(.line)
        }
    }

    private mutating func finish() {
        if let start {
            while let last = bytes.last, last == 0x20 || last == 0x0A || last == 0x09 { bytes.removeLast() }
            blocks.append(Block(kind: kind, range: start..<bytes.count))
        }
        start = nil
        gap = .none
        endsWide = false
    }
}
