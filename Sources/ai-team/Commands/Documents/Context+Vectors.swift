import Knowledge
import Vault

extension Context {
    /// What cuts documents for the search, and makes their vectors where that needs nothing else.
    func indexer() throws -> ChunkIndexer {
        do {
            return ChunkIndexer(embedding: PieceEmbedding(try EmbeddingSettings(configuration())))
        } catch let error as EmbeddingError {
            console.warn("no vectors are made: \(error)")
            return ChunkIndexer()
        }
    }

    /// The embedder that the configuration names.
    ///
    /// - Throws: `EmbeddingError` when something that it needs is missing.
    func embedder(_ settings: EmbeddingSettings, _ vault: Vault) throws -> any Embedder {
        let (key, spaces) = try vault.read { (try EmbeddingSettings.storedKey($0), try $0.vectorSpaces()) }
        return try settings.embedder(storedKey: key, home: vault.home, known: spaces)
    }

    /// What vectors bring to a search; nil where text has to do without them, after saying why.
    func vectorSide(_ vault: Vault, _ query: String) throws -> VectorSide? {
        do {
            guard let (space, used, destination) = try answering(vault) else { return nil }
            guard used.model.languages.cover(query) else {
                console.warn(
                    "the model \(used.model.model) was made for English, and the query is not: "
                        + "text alone was searched")
                return nil
            }
            if let destination { console.note("the query was sent to \(destination)") }
            return VectorSide(space: space, query: try used.embed(query: query), model: used.model)
        } catch let error as EmbeddingError {
            console.warn("no vectors were searched: \(error)")
            return nil
        }
    }

    /// Vectors that answer, what asks them, and where it sends the query.
    private typealias Answering = (VectorSpace, any Embedder, String?)

    /// The configured model's vectors, or those of the model before it while they can't be had whole.
    private func answering(_ vault: Vault) throws -> Answering? {
        let settings = try EmbeddingSettings(configuration())
        let known = try vault.read { try $0.vectorSpaces() }
        do {
            let embedder = try embedder(settings, vault)
            // What would leave this machine goes when a person says so, not beside a search.
            if try settings.destination == nil {
                _ = try VectorFilling(vault, embedder, settings: settings.text, element: settings.element)
                    .run(patience: .seconds(1))
            }
            let spaces = try vault.read { try $0.vectorSpaces() }
            let identity = embedder.identity(settings.element)
            if let space = spaces.first(where: { $0.identity == identity }), space.state == .ready {
                if try vault.read({ try !$0.chunksWithoutVector(space, limit: 1).isEmpty }) {
                    tell("not all passages have a vector yet")
                }
                return (space, embedder, try settings.destination)
            }
            let older = try older(than: settings, spaces, vault)
            tell(
                "the vectors of \(embedder.model.model) are not all made yet"
                    + (older.map { ", those of \($0.0.identity.model) were searched" } ?? ""))
            return older
        } catch let error as EmbeddingError {
            guard let older = try older(than: settings, known, vault) else { throw error }
            console.warn("\(error); the vectors of \(older.0.identity.model) were searched")
            return older
        }
    }

    /// The whole vectors of a model that was configured before. An endpoint that is so no more gets nothing.
    private func older(
        than settings: EmbeddingSettings, _ spaces: [VectorSpace], _ vault: Vault
    ) throws -> Answering? {
        guard let space = spaces.first(where: { $0.state == .ready && $0.settings != settings.text }) else {
            return nil
        }
        let older = try EmbeddingSettings(parsing: space.settings)
        guard try older.sendsNowhereElse(than: settings) else { return nil }
        let used = try embedder(older, vault)
        // The text index cuts words another way since: its vectors can't be asked any more.
        guard used.identity(older.element) == space.identity else { return nil }
        return (space, used, try older.destination)
    }

    private func tell(_ what: String) { console.warn("\(what): run `ai-team kb embed`") }
}
