public import Vault

/// What a search found: the best passage of a document, where it stands, and why it is here.
public struct SearchHit: Sendable, Equatable {
    /// What found a passage.
    public enum Match: String, Sendable { case text, vector }

    public var passage: Passage
    /// From 1.
    public var rank: Int
    /// What the hits are ordered by; it says nothing about how good one is by itself.
    public var score: Double
    /// What found it.
    public var matched: [Match]
    /// Its rank in the text's list, from 1; nil when that has it not.
    public var textRank: Int?
    /// Its rank among the vectors' documents.
    public var vectorRank: Int?
}

extension SearchHit: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("document_id", passage.documentID)
            writer.field("chunk_id", "\(passage.documentID)#\(passage.ordinal)")
            writer.field("rank", rank)
            writer.field("title", passage.title)
            writer.field("category", passage.category)
            writer.field("score", score)
            writer.field("snippet", passage.snippet)
            writer.field("heading", passage.heading)
            writer.field("offset", passage.offset)
            writer.field("matched", matched.map(\.rawValue))
            writer.field("text_rank", textRank)
            writer.field("vector_rank", vectorRank)
            writer.pathField("path", passage.path)
        }
    }
}
