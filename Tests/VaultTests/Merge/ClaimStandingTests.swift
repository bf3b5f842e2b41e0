import Testing
import Vault

@Suite struct ClaimStandingTests {
    private static func claim(
        _ device: UInt8, isCompleted: Bool = false, round: UInt32 = 1, holdsMutex: Bool = false
    ) -> ClaimStanding {
        ClaimStanding(
            [UInt8](repeating: device, count: 16), isCompleted: isCompleted, round: round,
            holdsMutex: holdsMutex)
    }

    /// From the weakest to the strongest: what stands later wins against all before it.
    private static let order = [
        claim(9), claim(1), claim(9, holdsMutex: true), claim(9, round: 2),
        claim(9, round: 2, holdsMutex: true), claim(9, isCompleted: true),
        claim(1, isCompleted: true), claim(9, isCompleted: true, round: 2),
    ]

    @Test func aCompletionThenTheRoundThenItsObjectDecide() {
        for (index, strong) in Self.order.enumerated() {
            for weak in Self.order[..<index] {
                #expect(ClaimStanding.winner(of: [weak, strong]) == strong)
                #expect(ClaimStanding.winner(of: [strong, weak]) == strong)
            }
        }
        #expect(ClaimStanding.winner(of: []) == nil)
    }

    /// The order of arrival is nothing.
    @Test func everyOrderGivesTheSame() {
        for claims in [Self.order, Self.order.reversed()] {
            for start in claims.indices {
                let turned = Array(claims[start...] + claims[..<start])
                #expect(ClaimStanding.winner(of: turned) == Self.order.last)
            }
        }
    }
}
