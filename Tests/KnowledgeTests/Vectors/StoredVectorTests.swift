import Foundation
import Knowledge
import TestSupport
import Testing

@Suite struct StoredVectorTests {
    /// Every half there is, and the values between neighbours, against the machine's own conversion.
    @Test func halvesAreReadAndRoundedAsTheStandardSays() {
        let finite = (UInt16.min...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }
        #expect(finite.filter { HalfFloat.value($0) != Float(Float16(bitPattern: $0)) }.isEmpty)
        #expect(finite.filter { HalfFloat.bits(HalfFloat.value($0)) != $0 }.isEmpty)
        #expect(HalfFloat.bits(1e9) == 0x7BFF)
        #expect(HalfFloat.bits(-.infinity) == 0xFBFF)
        #expect(HalfFloat.bits(.nan) == 0)
    }

    /// numpy rounds to halves with code of its own.
    @Test func halvesAreThoseOfNumpy() throws {
        var random = SplitMix64(seed: 11)
        let values = (0..<2000).map { _ in
            Float.random(in: -1...1, using: &random)
                * Float(pow(10, Double.random(in: -8...4, using: &random)))
        }
        let script =
            "import sys,numpy as n;sys.stdout.write(n.array(n.fromstring(sys.stdin.read(),"
            + "dtype=n.float32,sep=' '),dtype=n.float16).view(n.uint16).astype(str).tolist().__str__())"
        let text = try Python.run(["-c", script], input: values.map { "\($0)" }.joined(separator: " "))
        let expected = text.split { !$0.isNumber }.compactMap { UInt16($0) }
        #expect(values.map(HalfFloat.bits) == expected)
    }

    @Test(arguments: VectorElement.allCases, [1, 7, 8, 31, 100, 384, 1025])
    func scoresAreDotProducts(element: VectorElement, dimensions: Int) throws {
        var random = SplitMix64(seed: UInt64(dimensions))
        let query = randomVector(dimensions, &random)
        let stored = StoredVector.encode(randomVector(dimensions, &random), as: element)
        let scorer = VectorScorer(query, element: element)
        let vector = try #require(
            stored.withUnsafeBytes { StoredVector.decode($0, as: element, dimensions: dimensions) })
        let exact = zip(query, vector).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let score = try #require(stored.withUnsafeBytes { scorer.score($0) })
        #expect(abs(Double(score) - exact) < 1e-4)
        #expect(stored.dropLast().withUnsafeBytes { scorer.score($0) } == nil)
    }
}
