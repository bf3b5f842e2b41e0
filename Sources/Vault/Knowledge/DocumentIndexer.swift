/// A passage of a document as the index holds it.
public struct DocumentPiece: Sendable, Equatable {
    /// Where it stands in the document's text, in bytes.
    public var range: Range<Int>
    /// The headings above it.
    public var heading: String
    public var text: String
    /// Its vector, where the indexer makes one; else that comes later.
    public var vector: PieceVector?

    public init(range: Range<Int>, heading: String, text: String, vector: PieceVector? = nil) {
        self.range = range
        self.heading = heading
        self.text = text
        self.vector = vector
    }
}

/// Cuts documents into the pieces that are searched. The vault stores them with the documents' versions and
/// does not know how they are made.
public protocol DocumentIndexer: Sendable {
    /// Names how it cuts: documents that another one has cut are cut anew. From 1.
    var version: Int { get }

    /// The pieces of a text, in order; those of HTML stand in what its page shows (`VisibleText`).
    ///
    /// - Parameter text: UTF-8, which may be damaged.
    func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece]
}

/// Which documents have text.
enum SearchableText {
    /// More of a document is not searched, in bytes.
    static let most: Int64 = 16 << 20

    private static let others: Set<String> = [
        "application/json", "application/yaml", "application/xml", "application/toml", "image/svg+xml",
    ]

    static func isText(_ contentType: String) -> Bool {
        contentType.hasPrefix("text/") || others.contains(contentType)
    }
}
