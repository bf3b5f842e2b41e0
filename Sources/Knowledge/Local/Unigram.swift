internal import Vault

/// Cuts a word into the pieces whose scores sum to the most (Kudo 2018, by Viterbi's algorithm).
struct Unigram: Sendable {
    private let pieces: [[UInt8]: (id: Int, score: Double)]
    let unknown: Int
    private let unknownScore: Double
    private let longest: Int
    let largestID: Int

    init(_ model: JSONObject, _ path: String) throws {
        let vocabulary = model["vocab"]?.array ?? []
        guard !vocabulary.isEmpty, let unknown = model["unk_id"]?.integer.map({ Int($0) }),
            vocabulary.indices.contains(unknown)
        else { throw TokenizerFile.unknown(path, "its vocabulary, or a missing unk_id") }
        guard model["byte_fallback"] != .bool(true) else {
            throw TokenizerFile.unknown(path, "byte_fallback")
        }
        var pieces: [[UInt8]: (id: Int, score: Double)] = [:]
        pieces.reserveCapacity(vocabulary.count)
        for (id, entry) in vocabulary.enumerated() {
            guard let pair = entry.array, pair.count == 2, let piece = pair[0].string,
                let score = Self.number(pair[1])
            else { throw TokenizerFile.unknown(path, "piece \(id)") }
            pieces[Array(piece.utf8)] = (id, score)
        }
        self.pieces = pieces
        self.unknown = unknown
        largestID = vocabulary.count - 1
        longest = pieces.keys.reduce(0) { max($0, $1.count) }
        unknownScore = pieces.values.reduce(0) { min($0, $1.score) } - 10
    }

    private static func number(_ value: JSONValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    private struct Step {
        var score = -Double.infinity
        var start = 0
        var id: Int?
    }

    /// Neighbouring letters that no piece has are one unknown.
    func append(_ word: ArraySlice<Unicode.Scalar>, to result: inout [Int]) {
        var bytes: [UInt8] = []
        var starts: [Int] = []
        for scalar in word {
            starts.append(bytes.count)
            bytes += Array(String(scalar).utf8)
        }
        starts.append(bytes.count)
        guard word.count > 0 else { return }
        var best = [Step](repeating: Step(), count: word.count + 1)
        best[0].score = 0
        for first in 0..<word.count {
            let score = best[first].score
            var hasLetter = false
            for last in first + 1...word.count {
                guard starts[last] - starts[first] <= longest else { break }
                guard let piece = pieces[Array(bytes[starts[first]..<starts[last]])] else { continue }
                if last == first + 1 { hasLetter = true }
                if score + piece.score > best[last].score {
                    best[last] = Step(score: score + piece.score, start: first, id: piece.id)
                }
            }
            if !hasLetter, score + unknownScore > best[first + 1].score {
                best[first + 1] = Step(score: score + unknownScore, start: first)
            }
        }
        var found: [Int] = []
        var place = word.count
        var isUnknown = false
        while place > 0 {
            if let id = best[place].id {
                found.append(id)
                isUnknown = false
            } else if !isUnknown {
                found.append(unknown)
                isUnknown = true
            }
            place = best[place].start
        }
        result += found.reversed()
    }
}
