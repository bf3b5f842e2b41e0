internal import FoundationEssentials
internal import GRDB
internal import GRDBSQLite
import Glibc

/// What a row's score is computed from, beside the row.
struct ScoreParameters {
    /// How much a hit counts, by column.
    var weights: [Double]
    /// Of each group of phrases, how many rows have one of them.
    var frequencies: [Double]
    /// Of each phrase of the expression, in order, its group.
    var groups: [Int]

    /// As the SQL function takes it: how many weights, how many groups, weights, frequencies, groups.
    var blob: Data {
        let counts = [Double(weights.count), Double(frequencies.count)]
        return (counts + weights + frequencies + groups.map(Double.init)).withUnsafeBytes { Data($0) }
    }

    init(weights: [Double], frequencies: [Double], groups: [Int]) {
        self.weights = weights
        self.frequencies = frequencies
        self.groups = groups
    }

    /// Nil when that is no blob of these parameters.
    fileprivate init?(_ bytes: UnsafeRawBufferPointer) {
        let numbers = (0..<bytes.count / 8).map {
            bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)
        }
        guard numbers.count >= 2 else { return nil }
        let (first, second) = (2 + Int(numbers[0]), 2 + Int(numbers[0]) + Int(numbers[1]))
        guard 2 <= first, first <= second, second <= numbers.count else { return nil }
        self.init(
            weights: Array(numbers[2..<first]), frequencies: Array(numbers[first..<second]),
            groups: numbers[second...].map { Int($0) })
        guard groups.allSatisfy(frequencies.indices.contains) else { return nil }
    }
}

/// The SQL function `vault_score(table, parameters)`: BM25 of a row with all that FTS5's own `bm25` does, and
/// the best least. But that one counts the rows of each phrase anew in each query, which walks over all that
/// the index has of a word; this one is told how many they are.
enum FTSScore {
    static let name = "vault_score"

    static func register(_ db: Database) throws {
        let api = FTS5.api(db)
        let status = api.pointee.xCreateFunction(
            UnsafeMutablePointer(mutating: api), name, nil,
            { api, row, result, count, values in
                guard let api, let row, count == 1, let values else {
                    return sqlite3_result_error_code(result, SQLITE_MISUSE)
                }
                var score = 0.0
                let status = FTSScore.score(row, api.pointee, values[0], &score)
                guard status == SQLITE_OK else { return sqlite3_result_error_code(result, status) }
                sqlite3_result_double(result, score)
            }, nil)
        guard status == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: status)) }
    }

    private static func score(
        _ row: OpaquePointer, _ api: Fts5ExtensionApi, _ parameters: OpaquePointer?, _ score: inout Double
    ) -> CInt {
        if let known = api.xGetAuxdata(row, 0) {
            return Unmanaged<Scorer>.fromOpaque(known).takeUnretainedValue().score(row, api, &score)
        }
        var rows: sqlite3_int64 = 0
        var tokens: sqlite3_int64 = 0
        var status = api.xRowCount(row, &rows)
        if status == SQLITE_OK { status = api.xColumnTotalSize(row, -1, &tokens) }
        guard status == SQLITE_OK else { return status }
        let bytes = UnsafeRawBufferPointer(
            start: sqlite3_value_blob(parameters), count: Int(sqlite3_value_bytes(parameters)))
        guard let parameters = ScoreParameters(bytes), rows > 0,
            parameters.groups.count == Int(api.xPhraseCount(row)),
            parameters.weights.count == Int(api.xColumnCount(row))
        else { return SQLITE_MISUSE }
        let scorer = Scorer(parameters, rows: Double(rows), tokens: Double(tokens))
        // FTS5 keeps it until the query ends.
        status = api.xSetAuxdata(row, Unmanaged.passRetained(scorer).toOpaque()) { kept in
            if let kept { Unmanaged<Scorer>.fromOpaque(kept).release() }
        }
        return status == SQLITE_OK ? scorer.score(row, api, &score) : status
    }
}

/// Scores the rows of one query.
private final class Scorer {
    private static let saturation = 1.2, lengthShare = 0.75

    private let weights: [Double]
    private let groups: [Int]
    /// How much a group tells, by how rare it is.
    private let tells: [Double]
    private let averageLength: Double
    /// Of the row that is being scored, the weight of its hits by group.
    private var hits: [Double]

    init(_ parameters: ScoreParameters, rows: Double, tokens: Double) {
        weights = parameters.weights
        groups = parameters.groups
        tells = parameters.frequencies.map { frequency in
            let matching = min(frequency, rows)
            // What more than half of all rows have tells next to nothing, but it never speaks against a row.
            return max(log((rows - matching + 0.5) / (matching + 0.5)), 1e-6)
        }
        averageLength = max(tokens / rows, 1)
        hits = [Double](repeating: 0, count: tells.count)
    }

    func score(_ row: OpaquePointer, _ api: Fts5ExtensionApi, _ score: inout Double) -> CInt {
        for group in hits.indices { hits[group] = 0 }
        var count: CInt = 0
        var status = api.xInstCount(row, &count)
        var place: CInt = 0
        while status == SQLITE_OK, place < count {
            var phrase: CInt = 0
            var column: CInt = 0
            var offset: CInt = 0
            status = api.xInst(row, place, &phrase, &column, &offset)
            if status == SQLITE_OK { hits[groups[Int(phrase)]] += weights[Int(column)] }
            place += 1
        }
        var length: CInt = 0
        if status == SQLITE_OK { status = api.xColumnSize(row, -1, &length) }
        guard status == SQLITE_OK else { return status }
        let share = 1 - Self.lengthShare + Self.lengthShare * Double(length) / averageLength
        score = 0
        for (hits, tells) in zip(hits, tells) {
            score -= tells * hits * (Self.saturation + 1) / (hits + Self.saturation * share)
        }
        return status
    }
}
