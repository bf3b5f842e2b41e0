import Knowledge
import Testing

@Suite struct TokenEstimateTests {
    @Test(arguments: [
        ("", 0), ("備份", 2), ("backup", 2), ("the backup of a vault", 7), ("備份 backup", 4),
        ("ERR_TLS_104", 3), ("a, b", 4), (String(repeating: "x", count: 400), 100),
    ])
    func countsIdeographsWordsAndSigns(_ text: String, _ tokens: Int) {
        #expect(TokenEstimate.tokens(in: text) == tokens)
    }
}
