import Knowledge
import Testing

@Suite struct LexicalEmbedderTests {
    private let embedder = LexicalEmbedder()

    private func likeness(_ a: String, _ b: String) -> Float {
        zip(embedder.embed(query: a), embedder.embed(query: b)).reduce(0) { $0 + $1.0 * $1.1 }
    }

    @Test(arguments: ["", " ", "a", "認", "JWT 認證", "🚪", String(repeating: "word ", count: 5000)])
    func everyTextHasADirectionOfLengthOne(text: String) {
        let vector = embedder.embed(query: text)
        #expect(vector.count == embedder.model.dimensions)
        #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        #expect(!vector.contains { !$0.isFinite })
        #expect(vector == embedder.embed(documents: [text])[0])
    }

    @Test func textsThatShareMoreAreNearer() {
        let question = "how do I rotate the encryption keys"
        let answer = "Rotating keys: run the key rotate command; encryption goes on with the new key."
        #expect(likeness(question, answer) > likeness(question, "Lunch is at noon in the garden.") + 0.2)
        #expect(likeness("使用者登入", "登入的使用者") > likeness("使用者登入", "備份到雲端") + 0.3)
        // A typing error, and another form of the letters.
        #expect(likeness("authentication", "authentcation") > 0.3)
        #expect(abs(likeness("ＪＷＴ 認證", "jwt 認證") - 1) < 1e-5)
    }

    /// The version names what a text's vector is. These numbers were computed by another program from the
    /// description in docs/FORMAT.md.
    @Test func theVectorsOfTheVersionAreFixed() {
        let first = embedder.embed(query: "Vault lock").prefix(8).map { Int(($0 * 1000).rounded()) }
        #expect(first == [41, -8, 8, -25, -58, -25, 8, 91])
    }
}
