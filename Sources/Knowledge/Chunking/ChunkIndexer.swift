public import Vault

/// Cuts documents for the index: what `kb upload` and the searches give the vault.
public struct ChunkIndexer: DocumentIndexer {
    public init() {}

    public var version: Int { Chunker.version }

    public func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece] {
        Chunker.chunks(of: text, TextStructure(contentType: contentType)).map { chunk in
            DocumentPiece(
                range: chunk.range, heading: chunk.heading.joined(separator: " › "),
                text: String(decoding: text[chunk.range], as: UTF8.self))
        }
    }
}
