internal import GRDB
internal import GRDBSQLite

/// The tokenizer `vault` of the full-text index. In documents a run of n ideographs gives its n-1 bigrams
/// and,
/// at the same places, its n single characters; in queries the bigrams alone, or the single character.
final class FTSTokenizer: FTS5CustomTokenizer {
    static let name = "vault"

    init(db: Database, arguments: [String]) throws {}

    func tokenize(
        context: UnsafeMutableRawPointer?, tokenization: FTS5Tokenization, pText: UnsafePointer<CChar>?,
        nText: CInt, tokenCallback: @escaping FTS5TokenCallback
    ) -> CInt {
        guard let pText, nText > 0 else { return SQLITE_OK }
        var status = SQLITE_OK
        func emit(_ token: String, _ start: Int, _ end: Int, colocated: Bool = false) {
            guard status == SQLITE_OK else { return }
            var token = token
            status = token.withUTF8 { utf8 in
                utf8.withMemoryRebound(to: CChar.self) { chars in
                    tokenCallback(
                        context, colocated ? FTS5_TOKEN_COLOCATED : 0, chars.baseAddress, CInt(chars.count),
                        CInt(start), CInt(end))
                }
            }
        }
        let isQuery = tokenization.contains(.query)
        pText.withMemoryRebound(to: UInt8.self, capacity: Int(nText)) { start in
            TextRuns.scan(UnsafeBufferPointer(start: start, count: Int(nText))) { run in
                switch run {
                case .word(let word): emit(word.folded, word.start, word.end)
                case .ideographs(let pieces):
                    for (one, two) in zip(pieces, pieces.dropFirst()) {
                        emit(one.folded + two.folded, one.start, two.end)
                        if !isQuery { emit(one.folded, one.start, one.end, colocated: true) }
                    }
                    if let last = pieces.last, !isQuery || pieces.count == 1 {
                        emit(last.folded, last.start, last.end)
                    }
                }
                return status == SQLITE_OK
            }
        }
        return status
    }
}
