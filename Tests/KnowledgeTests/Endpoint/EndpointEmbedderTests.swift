import Cryptography
import Foundation
import Knowledge
import ObjectStorage
import Synchronization
import TestSupport
import Testing

@Suite struct EndpointEmbedderTests {
    /// What was waited for instead of waiting, in milliseconds.
    private final class Waits: Sendable {
        let list = Mutex<[UInt64]>([])
        var surroundings: StoreSurroundings {
            StoreSurroundings(
                now: { 0 }, uptime: { 0 }, wait: { time in self.list.withLock { $0.append(time) } },
                random: { $0 - 1 })
        }
        var all: [UInt64] { list.withLock { $0 } }
    }

    private func embedder(
        _ server: EmbeddingServer, _ model: String, waits: Waits = Waits(), dimensions: Int? = nil,
        key: String? = nil, _ change: (inout EmbeddingEndpoint) -> Void = { _ in }
    ) throws -> EndpointEmbedder {
        var endpoint = try EmbeddingEndpoint(url: server.url, model: model)
        endpoint.dimensions = dimensions
        change(&endpoint)
        return try EndpointEmbedder(
            endpoint, key: key.map { try EndpointKey(SecretBytes(copying: Array($0.utf8))) },
            surroundings: waits.surroundings)
    }

    @Test func textsGoOutInBatchesWithTheirPrefixesAndTheKey() throws {
        let server = try EmbeddingServer()
        let embedder = try embedder(server, "good", key: "sk-secret") {
            $0.queryPrefix = "query: "
            $0.documentPrefix = "passage: "
            $0.batch = 2
        }
        #expect(embedder.model.dimensions == 16)
        let vectors = try embedder.embed(documents: ["one", "二", "three"])
        #expect(vectors.count == 3)
        #expect(vectors.allSatisfy { abs($0.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5 })
        _ = try embedder.embed(query: "one")
        let sent = try server.requests()
        #expect(
            sent.map(\.body.input) == [
                ["a"], ["passage: one", "passage: 二"], ["passage: three"], ["query: one"],
            ])
        #expect(sent.allSatisfy { $0.key == "Bearer sk-secret" && $0.path == "/v1/embeddings" })
    }

    @Test func anOrderOfTheServersOwnIsPutRight() throws {
        let server = try EmbeddingServer()
        let texts = ["one", "two", "three"]
        let good = try embedder(server, "good").embed(documents: texts)
        #expect(try embedder(server, "shuffled").embed(documents: texts) == good)
        #expect(try embedder(server, "without-index").embed(documents: texts) == good)
    }

    @Test(arguments: [
        "short", "twice", "far", "zeros", "wrong-size", "words", "base64", "nan", "infinite", "no-json",
        "no-data",
        "long",
    ]) func anAnswerThatCantBeRightIsRefused(model: String) throws {
        let server = try EmbeddingServer()
        let embedder = try embedder(server, model, dimensions: 16)
        let error = #expect(throws: EmbeddingError.self) {
            try embedder.embed(documents: ["secret text one", "two"])
        }
        #expect(error?.code == .invalidAnswer)
        #expect(error?.description.contains("secret text") == false)
        #expect(try server.requests().count == 1)
    }

    @Test func otherDimensionsThanTheSpaceHasAreRefused() throws {
        let server = try EmbeddingServer()
        let embedder = try embedder(server, "good", dimensions: 24)
        #expect(try embedder.embed(query: "x").count == 24)
        #expect(try server.requests()[0].body.dimensions == 24)
    }

    @Test func aBusyServerIsAskedAgainAndItsWishIsHeeded() throws {
        let server = try EmbeddingServer()
        let waits = Waits()
        _ = try embedder(server, "busy", waits: waits, dimensions: 16).embed(query: "x")
        #expect(waits.all == [2000, 2000])
        let error = #expect(throws: EmbeddingError.self) {
            try embedder(server, "always-busy", waits: waits, dimensions: 16).embed(query: "x")
        }
        #expect(error?.code == .unreachable)
        #expect(waits.all.count == 2 + 3)
    }

    @Test func anotherKeyIsAskedForAndNoneIsTold() throws {
        let server = try EmbeddingServer()
        let waits = Waits()
        let error = #expect(throws: EmbeddingError.self) {
            try embedder(server, "locked", waits: waits, dimensions: 16, key: "sk-secret").embed(query: "x")
        }
        #expect(error?.description.contains("sk-secret") == false)
        #expect(waits.all.isEmpty)
        #expect(throws: EmbeddingError.self) {
            try embedder(server, "elsewhere", waits: waits, dimensions: 16).embed(query: "x")
        }
    }

    @Test func aServerThatIsAwayIsUnreachable() throws {
        var endpoint = try EmbeddingEndpoint(url: "http://127.0.0.1:1/v1", model: "m")
        endpoint.dimensions = 16
        let waits = Waits()
        let embedder = try EndpointEmbedder(endpoint, key: nil, surroundings: waits.surroundings)
        let error = #expect(throws: EmbeddingError.self) { try embedder.embed(query: "x") }
        #expect(error?.code == .unreachable)
        #expect(waits.all.count == 3)
    }

    @Test(arguments: [
        "http://example.com/v1", "ftp://127.0.0.1/v1", "127.0.0.1:11434", "https://a b/v1", "https://h/../x",
        "https://h/v1?key=1", "https://user:pw@h/v1", "http://127.0.0.1.example.com/v1", "",
    ]) func onlyTLSOrThisMachineIsSpokenTo(url: String) throws {
        #expect(throws: EmbeddingError.self) { try EmbeddingEndpoint(url: url, model: "m") }
        #expect(try EmbeddingEndpoint(url: "http://localhost:11434/v1/", model: "m").isLoopback)
        #expect(try !EmbeddingEndpoint(url: "https://api.example.com/v1", model: "m").isLoopback)
    }

    @Test func aModelForEnglishSaysNothingOfChinese() {
        #expect(ModelLanguages.english.cover("JWT tokens – naïve"))
        #expect(!ModelLanguages.english.cover("JWT 認證"))
        #expect(ModelLanguages.all.cover("JWT 認證"))
    }
}
