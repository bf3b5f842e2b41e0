import Vault

/// Vectors without a model: what two texts have in common in words, parts of words and neighbouring
/// ideographs. It knows no synonyms; it forgives endings and typing errors.
///
/// Each feature of a text has a direction of its own, a vector of signs that comes from the feature's hash
/// (random indexing: Kanerva, Kristoferson, Holst 2000). A text is the sum of its features' directions,
/// weighted by 1 + ln of how often each occurs. Sums of so many signs have no zeros, so their signs make good
/// codes.
public struct LexicalEmbedder: Embedder {
    /// Whoever changes what a text's vector is raises the version.
    public let model = EmbeddingModel(
        provider: "lexical", model: "lexical-1." + TextRuns.version, dimensions: 384, prefixVersion: "0",
        languages: .all)
    public let batch = 64

    public init() {}

    public func embed(documents: [String]) -> [[Float]] { documents.map(vector) }

    public func embed(query: String) -> [Float] { vector(query) }

    /// A text without a word has one direction that no other text has.
    private func vector(_ text: String) -> [Float] {
        var sum = SignedSum(dimensions: model.dimensions)
        // In the order of their hashes: the same text gives the same bits.
        for (hash, feature) in LexicalFeatures.of(text).sorted(by: { $0.key < $1.key }) {
            sum.add(hash, weight: feature.weight * (1 + logarithm(feature.count)))
        }
        return UnitVector.of(sum.values) ?? SignedSum.direction(of: 0, model.dimensions)
    }

    /// ln n, from a table: a library's last bit may differ from machine to machine.
    private func logarithm(_ count: Int) -> Float {
        Self.logarithms[min(count, Self.logarithms.count) - 1]
    }

    private static let logarithms: [Float] = [
        0, 0.693, 1.099, 1.386, 1.609, 1.792, 1.946, 2.079, 2.197, 2.303, 2.398, 2.485, 2.565, 2.639, 2.708,
    ]
}

/// A sum of directions.
private struct SignedSum {
    private var lanes: [SIMD8<Float>]

    init(dimensions: Int) { lanes = Array(repeating: .zero, count: dimensions / 8) }

    /// Adds the direction of a hash: signs from the numbers that follow it (SplitMix64).
    mutating func add(_ hash: UInt64, weight: Float) {
        let places = SIMD8<UInt32>(31, 30, 29, 28, 27, 26, 25, 24)
        let weight = StoredBytes.bits(SIMD8(repeating: weight))
        var state = hash
        var place = 0
        while place < lanes.count {
            var bits = Self.next(&state)
            for _ in 0..<8 where place < lanes.count {
                let byte = SIMD8(repeating: UInt32(truncatingIfNeeded: bits & 0xFF))
                let signs = (byte &<< places) & 0x8000_0000
                lanes[place] += StoredBytes.floats(bits: weight ^ signs)
                bits >>= 8
                place += 1
            }
        }
    }

    var values: [Float] { lanes.flatMap { lane in (0..<8).map { lane[$0] } } }

    static func direction(of hash: UInt64, _ dimensions: Int) -> [Float] {
        var sum = SignedSum(dimensions: dimensions)
        sum.add(hash, weight: 1)
        return UnitVector.of(sum.values) ?? []
    }

    private static func next(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
