internal import Vault

/// Makes vectors while documents are cut, so that they are written in the transaction of their text. Only the
/// lexical embedder is quick enough for that, and never fails.
public struct PieceEmbedding: Sendable {
    private let embedder = LexicalEmbedder()
    private let settings: String
    private let element: VectorElement

    /// Nil for settings that name another embedder.
    public init?(_ settings: EmbeddingSettings) {
        guard settings.provider == .lexical else { return nil }
        self.settings = settings.text
        element = settings.element
    }

    func vector(heading: String, text: String) -> PieceVector {
        let vector = embedder.embed(query: VectorRecord.text(heading: heading, text: text))
        return PieceVector(
            identity: embedder.identity(element), settings: settings,
            value: VectorRecord.stored(vector, element))
    }
}
