import EncryptedSQLite
import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

/// What is left of vectors in pages, free ones too, once they are gone.
@Suite struct VectorPurgeTests {
    private struct Paragraphs: DocumentIndexer {
        let version = 1

        func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece] {
            text.split(separator: 10).map {
                DocumentPiece(range: 0..<$0.count, heading: "", text: String(decoding: $0, as: UTF8.self))
            }
        }
    }

    private static let dimensions = 384
    private let test: TestVault
    private let space: VectorSpace
    /// By document: what its first passage's vector and code are.
    private var stored: [(id: String, value: StoredVectorValue)] = []

    init() throws {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        test = try TestVault()
        var options = UploadOptions()
        options.indexer = Paragraphs()
        let identity = VectorIdentity(
            provider: "test", model: "made-up", dimensions: Self.dimensions, prefixVersion: "0",
            element: "float16")
        var made: VectorSpace?
        for title in ["kept", "gone"] {
            let text = (0..<40).map { "\(title) line \($0)\n" }.joined()
            let id = try test.vault.addDocument(
                Array(text.utf8), title: title, category: "note", options: options
            ).id
            let (space, value) = try test.vault.write { tx in
                let space = try tx.makeVectorSpace(identity, settings: "{}")
                let vectors = try tx.chunksWithoutVector(space, limit: 100).map { chunk in
                    let code = (0..<Self.dimensions / 64).map { _ in random.next() }
                    let value = (0..<Self.dimensions * 2).map { _ in UInt8(truncatingIfNeeded: random.next())
                    }
                    return (chunk: chunk.row, value: StoredVectorValue(code: code, value: value))
                }
                try tx.addVectors(vectors, to: space)
                return (space, vectors[0].value)
            }
            made = space
            stored.append((id, value))
        }
        space = try #require(made)
    }

    /// Whether the vector, and each word of the code, are anywhere in the pages, by document.
    private func traces() throws -> [[Bool]] {
        _ = try test.vault.database.checkpoint(empties: true)
        #expect(try test.vault.database.verify().frameCount == 0)
        let pages = try test.vault.database.withSnapshot { image in
            try (1...image.pageCount).reduce(into: Data()) { $0 += try image.plaintext($1) }
        }
        return stored.map { _, value in
            // A row may go on in another page, so its middle is looked for.
            let parts =
                [value.value[100..<164].map(\.self)]
                + value.code.map { word in
                    (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
                }
            return parts.map { pages.range(of: Data($0)) != nil }
        }
    }

    private static let all = [Bool](repeating: true, count: 1 + dimensions / 64)
    private static let none = [Bool](repeating: false, count: 1 + dimensions / 64)

    @Test func aPurgedDocumentsVectorsAreInNoPage() throws {
        #expect(try traces() == [Self.all, Self.all])
        try test.vault.write { try $0.deleteDocument(stored[1].id) }
        #expect(try traces() == [Self.all, Self.all])
        try test.vault.write { try $0.purgeDocument(stored[1].id) }
        #expect(try traces() == [Self.all, Self.none])
        #expect(try test.vault.read { try $0.vectorProblems() }.isEmpty)
    }

    @Test func aRemovedModelsVectorsAreInNoPage() throws {
        #expect(try traces() == [Self.all, Self.all])
        try test.vault.write { try $0.removeVectorSpace(space) }
        #expect(try traces() == [Self.none, Self.none])
    }
}
