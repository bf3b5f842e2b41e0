internal import GRDB
internal import GRDBSQLite

/// The tokenizer `vault` of the full-text index. In documents a run of n ideographs gives its n-1 bigrams
/// and, at the same places, its n single characters; in queries the bigrams alone, or the single character.
final class FTSTokenizer: FTS5CustomTokenizer {
    static let name = "vault"

    init(db: Database, arguments: [String]) throws {}

    func tokenize(
        context: UnsafeMutableRawPointer?, tokenization: FTS5Tokenization, pText: UnsafePointer<CChar>?,
        nText: CInt, tokenCallback: @escaping FTS5TokenCallback
    ) -> CInt {
        guard let pText, nText > 0 else { return SQLITE_OK }
        var status = SQLITE_OK
        func emit(_ run: borrowing TextRuns.Run, _ first: Int, _ last: Int, colocated: Bool = false) {
            guard status == SQLITE_OK else { return }
            let (start, end) = (run.pieces[first], run.pieces[last])
            // Neighbours stand side by side in the folded bytes.
            let token = start.folded.lowerBound..<end.folded.upperBound
            status = run.folded[token].withUnsafeBufferPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self) { chars in
                    tokenCallback(
                        context, colocated ? FTS5_TOKEN_COLOCATED : 0, chars.baseAddress, CInt(chars.count),
                        CInt(start.start), CInt(end.end))
                }
            }
        }
        let isQuery = tokenization.contains(.query)
        pText.withMemoryRebound(to: UInt8.self, capacity: Int(nText)) { start in
            TextRuns.scan(UnsafeBufferPointer(start: start, count: Int(nText))) { run in
                let last = run.pieces.count - 1
                if run.kind == .ideographs {
                    for place in 0..<last {
                        emit(run, place, place + 1)
                        if !isQuery { emit(run, place, place, colocated: true) }
                    }
                }
                if run.kind == .word || !isQuery || last == 0 { emit(run, last, last) }
                return status == SQLITE_OK
            }
        }
        return status
    }
}
