/// A passage of a document that is found as one.
package struct Chunk: Equatable, Sendable {
    /// From 0, in the order of the text.
    package var ordinal: Int
    /// Where it stands, in bytes. It begins and ends with a visible character.
    package var range: Range<Int>
    /// The headings above it, the outermost first.
    package var heading: [String]
}

/// How a text is built, by its content type.
package enum TextStructure: Sendable {
    /// Headings, lists, tables, fenced code and paragraphs.
    case markdown
    /// Paragraphs of sentences.
    case prose
    /// Lines: code and data.
    case lines

    package init(contentType: String) {
        switch contentType {
        case "text/markdown": self = .markdown
        case "text/plain", "application/pdf": self = .prose
        default: self = .lines
        }
    }
}
