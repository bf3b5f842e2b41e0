import Knowledge
import TestSupport
import Testing

@Suite struct RerankTests {
    /// Candidates whose order says nothing: a best one stands far, so all are compared.
    @Test func aPoorGuessIsMadeUpForByComparingMore() {
        let candidates = (0..<1000).map { UInt32($0) }
        var compared = 0
        let best = Rerank.best(10, of: candidates, thorough: false) { slots in
            compared += slots.count
            return slots.map { Float(($0 &* 2_654_435_761) % 1009) }
        }
        let all = candidates.map { (Float(($0 &* 2_654_435_761) % 1009), $0) }
            .sorted { $0.0 != $1.0 ? $0.0 > $1.0 : $0.1 < $1.1 }
        #expect(best.map(\.slot) == all.prefix(10).map(\.1))
        #expect(compared == 1000)
    }

    @Test func aGoodGuessComparesFew() {
        let candidates = (0..<1000).map { UInt32($0) }
        var compared = 0
        let best = Rerank.best(10, of: candidates, thorough: false) { slots in
            compared += slots.count
            return slots.map { -Float($0) }
        }
        #expect(best.map(\.slot) == Array(0..<10))
        #expect(compared == Rerank.first)
        _ = Rerank.best(10, of: candidates, thorough: true) { slots in
            #expect(slots.count == 1000)
            return slots.map { -Float($0) }
        }
    }

    /// An estimate is the sum of the query's numbers with the signs of the code.
    @Test(arguments: [8, 64, 100, 384]) func anEstimateIsTheSumWithSigns(dimensions: Int) {
        var random = SplitMix64(seed: UInt64(dimensions))
        let query = randomVector(dimensions, &random)
        let code = SignCode(randomVector(dimensions, &random))
        let sum = query.enumerated().reduce(Float(0)) { sum, number in
            let isSet = code.words[number.offset / 64] >> UInt64(number.offset % 64) & 1 == 1
            return sum + (isSet ? number.element : -number.element)
        }
        #expect(abs(CodeEstimate(query).of(code) - sum) < 1e-4)
    }

    @Test func slotsWithoutAVectorAreLeftOut() {
        let best = Rerank.best(3, of: [4, 5, 6, 7], thorough: false) { $0.map { $0 == 4 ? nil : Float($0) } }
        #expect(best.map(\.slot) == [7, 6, 5])
    }

    /// Clustered vectors, as texts give them: what the codes find is what comparing everything finds.
    @Test(arguments: [1, 2, 3]) func theBestOfClusteredVectorsAreFound(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let centres = (0..<40).map { _ in randomVector(384, &random) }
        func near() -> [Float] {
            let centre = centres[Int.random(in: 0..<centres.count, using: &random)]
            return UnitVector.of(zip(centre, randomVector(384, &random)).map { $0 + 0.8 * $1 }) ?? []
        }
        let vectors = (0..<2000).map { _ in near() }
        let codes = vectors.map { SignCode($0) }
        var found = 0
        for _ in 0..<10 {
            let query = near()
            let code = SignCode(query)
            var nearest = NearestCodes(limit: Rerank.most, words: 6)
            for (slot, other) in codes.enumerated() {
                let distance = Int16(other.distance(to: code))
                nearest.offer(slot: UInt32(slot), distance: distance)
            }
            let estimate = CodeEstimate(query)
            let slots = nearest.found().map { (slot: $0, estimate: estimate.of(codes[Int($0)])) }
                .sorted { $0.estimate > $1.estimate }.map(\.slot)
            let scorer = VectorScorer(query, element: .float32)
            let scores = vectors.map { vector in
                vector.withUnsafeBytes { scorer.score($0) } ?? 0
            }
            let best = Rerank.best(10, of: slots, thorough: false) {
                $0.map { scores[Int($0)] }
            }
            let exact = vectors.indices.sorted { scores[$0] > scores[$1] }.prefix(10)
            found += Set(exact).intersection(best.map { Int($0.slot) }).count
        }
        print("seed \(seed): \(found) of 100 found")
        #expect(found >= 98)
    }
}
