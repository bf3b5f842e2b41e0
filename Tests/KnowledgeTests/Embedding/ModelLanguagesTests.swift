import Knowledge
import Testing

@Suite struct ModelLanguagesTests {
    @Test(arguments: [
        "all-minilm", "all-minilm:33m", "sentence-transformers/all-MiniLM-L6-v2", "all-mpnet-base-v2",
        "multi-qa-MiniLM-L6-cos-v1", "nomic-embed-text", "nomic-embed-text-v1.5", "mxbai-embed-large:latest",
        "snowflake-arctic-embed:22m", "Snowflake/snowflake-arctic-embed-m-v1.5", "intfloat/e5-large-v2",
        "BAAI/bge-small-en-v1.5", "thenlper/gte-base", "Alibaba-NLP/gte-large-en-v1.5",
        "jina-embeddings-v2-base-en", "granite-embedding:30m", "granite-embedding-125m-english",
    ]) func namesOfEnglishModelsAreKnown(name: String) {
        #expect(ModelLanguages.of(model: name) == .english)
    }

    @Test(arguments: [
        "bge-m3", "BAAI/bge-m3", "bge-large-zh-v1.5", "intfloat/multilingual-e5-large",
        "gte-multilingual-base",
        "paraphrase-multilingual-MiniLM-L12-v2", "paraphrase-multilingual", "nomic-embed-text-v2-moe",
        "snowflake-arctic-embed2", "Snowflake/snowflake-arctic-embed-l-v2.0", "granite-embedding:278m",
        "thenlper/gte-large-zh", "jina-embeddings-v2-base-zh", "gte-Qwen2-1.5B-instruct",
        "text-embedding-ada-002", "text-embedding-3-small", "embeddinggemma", "lenient", "",
    ]) func otherNamesSayNothingAgainstALanguage(name: String) {
        #expect(ModelLanguages.of(model: name) == .all)
    }

    /// Few signs, by way of names; one kind of Chinese; both.
    @Test func aVocabularyTellsWhatItWasMadeFrom() {
        #expect(ModelLanguages.of(vocabulary: { "的不有我大國中人成書美行".contains($0) }) == .english)
        let traditional = "這個們來說時會對過為從開發現點問題無後沒樣兩給動經麼實應進還"
        #expect(ModelLanguages.of(vocabulary: { !traditional.contains($0) }) == .all)
        #expect(ModelLanguages.of(vocabulary: { _ in true }) == .all)
    }

    private struct Counted: Embedder {
        var languages = ModelLanguages.english
        var model: EmbeddingModel {
            EmbeddingModel(
                provider: "test", model: "test", dimensions: 8, prefixVersion: "0", languages: languages)
        }
        let batch = 2
        func embed(documents: [String]) throws -> [[Float]] { documents.map { _ in [] } }
        func embed(query: String) throws -> [Float] { [] }
    }

    @Test func textsThatAModelWasNotMadeForAreCounted() throws {
        for (languages, others) in [(ModelLanguages.english, 2), (.all, 0)] {
            let count = LanguageCount(Counted(languages: languages))
            _ = try count.embed(documents: ["English", "JWT 認證"])
            _ = try count.embed(documents: ["ひらがな", "café"])
            _ = try count.embed(query: "查詢")
            #expect(count.texts == 4 && count.others == others)
        }
    }
}
