import Knowledge
import TestSupport
import Testing

@Suite struct ChunkerTests {
    private func chunks(_ text: String, _ structure: TextStructure = .markdown) -> [Chunk] {
        Chunker.chunks(of: Array(text.utf8), structure)
    }

    private func text(_ chunk: Chunk, of text: String) -> String {
        String(decoding: Array(text.utf8)[chunk.range], as: UTF8.self)
    }

    @Test func aSectionIsAChunkUnderItsHeadings() {
        let source = "# 登入\n\n## JWT 認證 ##\n\n權杖在登入後簽發。\n\n## C#\n\nA library.\n"
        let found = chunks(source)
        #expect(found.map(\.heading) == [["登入", "JWT 認證"], ["登入", "C#"]])
        #expect(text(found[0], of: source) == "# 登入\n\n## JWT 認證 ##\n\n權杖在登入後簽發。")
        #expect(text(found[1], of: source) == "## C#\n\nA library.")
    }

    @Test func headingsMayBeUnderlined() {
        #expect(
            chunks("Backups\n=======\n\nDaily.\n\nRestore\n---\nBy hand.\n").map(\.heading) == [
                ["Backups"], ["Backups", "Restore"],
            ])
    }

    @Test func signsWithinCodeMakeNoHeading() {
        #expect(chunks("# A\n\n```sh\n# not a heading\n\n## nor this\n```\n\nText.\n").count == 1)
    }

    @Test func codeThatFitsIsNotSplit() throws {
        let code = "```swift\n" + String(repeating: "let a = 1\n\n", count: 60) + "```"
        let prose = String(repeating: "Words before the code. ", count: 40)
        let source = "# A\n\n\(prose)\n\n\(code)\n\n\(prose)\n"
        let holder = chunks(source).filter { text($0, of: source).contains("let a = 1") }
        #expect(holder.count == 1)
        #expect(text(try #require(holder.first), of: source).contains(code))
    }

    @Test func aSentenceIsRepeatedAcrossACut() {
        let source = (0..<60).map { "這是第 \($0) 句關於備份與還原的說明文字。" }.joined()
        let found = chunks(source, .prose)
        #expect(found.count > 2)
        for (a, b) in zip(found, found.dropFirst()) {
            #expect(b.range.lowerBound < a.range.upperBound)
            let repeated = String(
                decoding: Array(source.utf8)[b.range.lowerBound..<a.range.upperBound], as: UTF8.self)
            #expect(repeated.filter { $0 == "。" }.count == 1 && repeated.hasSuffix("。"))
        }
    }

    @Test func sentencesEndInBothLanguages() {
        let filler = String(repeating: "字", count: 195)
        let source = "\(filler)。」\(filler)！Then e.g. this goes on, v1.2 too. \(filler)？"
        let found = chunks(source, .prose).map { text($0, of: source) }
        #expect(found.count == 2)
        #expect(found[0].hasSuffix("！"))
        #expect(found[1].hasPrefix("Then e.g. this goes on, v1.2 too."))
    }

    @Test func anEndlessLineIsCutBetweenCharacters() {
        let source = String(repeating: "e\u{301}", count: 4000)
        let found = chunks(source, .lines)
        #expect(found.count > 1)
        #expect(found.map { text($0, of: source) }.joined() == source)
        for chunk in found {
            #expect(!text(chunk, of: source).unicodeScalars.first!.properties.isGraphemeExtend)
        }
    }

    @Test func damagedTextIsCutToo() {
        let bytes: [UInt8] = [0xFF, 0x41, 0xE8, 0xAA, 0x20, 0xC3]
        #expect(Chunker.chunks(of: bytes, .prose).map(\.range) == [0..<6])
        #expect(chunks("").isEmpty)
        #expect(chunks(" \n\u{FEFF}\u{3000}\n").isEmpty)
    }

    /// What holds for every text.
    @Test func chunksCoverTheTextInOrder() {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        for _ in 0..<60 {
            let source = RandomText.document(&random)
            let structure: TextStructure = [.markdown, .prose, .lines].randomElement(using: &random)!
            let bytes = Array(source.utf8)
            let found = chunks(source, structure)
            #expect(found == chunks(source, structure), "seed \(seed)")
            #expect(found.map(\.ordinal) == Array(0..<found.count))
            var covered = 0
            for chunk in found {
                #expect(chunk.range.upperBound > covered, "seed \(seed)")
                if chunk.range.lowerBound > covered {
                    #expect(isBlank(bytes[covered..<chunk.range.lowerBound]), "seed \(seed)")
                }
                covered = chunk.range.upperBound
                let part = String(validating: bytes[chunk.range], as: UTF8.self)
                #expect(part != nil, "seed \(seed)")
                #expect(TokenEstimate.tokens(in: part ?? "") <= Chunker.most + 1, "seed \(seed)")
            }
            #expect(isBlank(bytes[covered...]), "seed \(seed)")
        }
    }

    @Test func anEditInOneSectionLeavesTheOthersAlone() {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        for _ in 0..<40 {
            var sections = (0..<6).map { "## Section \($0)\n\n\(RandomText.body(&random))\n\n" }
            func contents() -> [[String]] {
                let source = sections.joined()
                return chunks(source).map { $0.heading + [text($0, of: source)] }
            }
            let before = contents()
            let edited = Int.random(in: 0..<6, using: &random)
            sections[edited] = "## Section \(edited)\n\n\(RandomText.body(&random))\n\n"
            let after = contents()
            func others(_ all: [[String]]) -> [[String]] { all.filter { $0[0] != "Section \(edited)" } }
            #expect(others(before) == others(after), "seed \(seed)")
            #expect(before != after, "seed \(seed)")
        }
    }

    private func isBlank(_ bytes: ArraySlice<UInt8>) -> Bool {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.allSatisfy {
            $0.properties.isWhitespace || $0.value == 0xFEFF || $0.value < 0x20
        }
    }
}

/// Texts of both languages with every kind of block.
enum RandomText {
    private static let words = ["backup", "vault", "key", "restore", "the", "of", "ERR_TLS_104", "v1.2", "é"]
    private static let ideographs = Array("備份還原金鑰認證登入向量資料庫衝突佇列部署").map(String.init)

    static func sentence(_ random: inout SplitMix64) -> String {
        let isChinese = Bool.random(using: &random)
        let count = Int.random(in: 1...40, using: &random)
        let parts = (0..<count).map { _ in (isChinese ? ideographs : words).randomElement(using: &random)! }
        let end = (isChinese ? ["。", "！", "？", "…", "。」"] : [". ", "! ", "? "]).randomElement(using: &random)!
        return parts.joined(separator: isChinese ? "" : " ") + end
    }

    static func body(_ random: inout SplitMix64) -> String {
        (0..<Int.random(in: 1...8, using: &random)).map { _ in block(&random) }.joined(separator: "\n\n")
    }

    private static func block(_ random: inout SplitMix64) -> String {
        let count = Int.random(in: 1...12, using: &random)
        func sentences() -> [String] { (0..<count).map { _ in sentence(&random) } }
        switch Int.random(in: 0..<7, using: &random) {
        case 0: return "```\n" + sentences().joined(separator: "\n") + "\n```"
        case 1: return sentences().map { "- " + $0 }.joined(separator: "\n")
        case 2: return sentences().map { "| \($0) | x |" }.joined(separator: "\r\n")
        case 3: return String(repeating: ideographs[count], count: count * 90)
        default: return sentences().joined()
        }
    }

    static func document(_ random: inout SplitMix64) -> String {
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
            let level = Int.random(in: 0...4, using: &random)
            let heading = level == 0 ? "" : String(repeating: "#", count: level) + " \(sentence(&random))\n"
            return heading + body(&random)
        }.joined(separator: "\n\n")
    }
}
