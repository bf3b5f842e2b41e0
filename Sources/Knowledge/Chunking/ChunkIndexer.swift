public import Vault

/// Cuts documents for the index: what `kb upload` and the searches give the vault.
public struct ChunkIndexer: DocumentIndexer {
    private let embedding: PieceEmbedding?

    /// - Parameter embedding: makes the pieces' vectors with them; nil leaves that to later.
    public init(embedding: PieceEmbedding? = nil) { self.embedding = embedding }

    public var version: Int { Chunker.version }

    public func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece] {
        guard contentType == VisibleText.contentType else {
            return pieces(of: text, Chunker.chunks(of: text, TextStructure(contentType: contentType)))
        }
        let page = VisibleText(html: text)
        return pieces(of: page.bytes, Chunker.chunks(of: page))
    }

    private func pieces(of text: [UInt8], _ chunks: [Chunk]) -> [DocumentPiece] {
        chunks.map { chunk in
            let heading = chunk.heading.joined(separator: " › ")
            let piece = String(decoding: text[chunk.range], as: UTF8.self)
            return DocumentPiece(
                range: chunk.range, heading: heading, text: piece,
                vector: embedding?.vector(heading: heading, text: piece))
        }
    }
}
