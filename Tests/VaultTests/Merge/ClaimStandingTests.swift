import Testing
import Vault

@Suite struct ClaimStandingTests {
    private static func id(_ stamp: Int64, _ device: UInt8) -> ClaimStanding.ID {
        ClaimStanding.ID(
            stamp: HybridTime(rawValue: stamp), device: [UInt8](repeating: device, count: 16))
    }

    /// Every claim that can be made of two stamps, two devices, two rounds, completion, mutex, and what of
    /// the others was seen.
    private static let all: [ClaimStanding] = {
        let ids = [id(1, 1), id(1, 2), id(2, 1), id(2, 2)]
        return ids.flatMap { own in
            (0..<16).flatMap { bits in
                ids.filter { $0 != own }.map { Set([$0]) }.reduce(into: [Set<ClaimStanding.ID>()]) {
                    $0.append($1)
                }.filter { _ in bits < 8 }.map { seen in
                    ClaimStanding(
                        own, isCompleted: bits & 1 != 0, round: bits & 2 != 0 ? 2 : 1,
                        holdsMutex: bits & 4 != 0, seen: seen)
                }
            }
        }
    }()

    /// Written the long way: whether `a` stands against `b`, for two claims alone.
    private func beats(_ a: ClaimStanding, _ b: ClaimStanding) -> Bool {
        if a.isCompleted != b.isCompleted { return a.isCompleted }
        if a.round != b.round { return a.round > b.round }
        if a.holdsMutex != b.holdsMutex { return a.holdsMutex }
        let (seenByB, seenByA) = (b.seen.contains(a.id), a.seen.contains(b.id))
        if seenByA != seenByB { return seenByB }
        if a.id.stamp != b.id.stamp { return a.id.stamp < b.id.stamp }
        return a.id.device[0] < b.id.device[0]
    }

    @Test func ofTwoTheOrderDecides() {
        #expect(Self.all.count == 4 * 8 * 4)
        for a in Self.all {
            for b in Self.all where a.id != b.id {
                let winner = ClaimStanding.winner(of: [a, b])
                #expect(winner == (beats(a, b) ? a : b))
                #expect(ClaimStanding.winner(of: [b, a]) == winner)
            }
        }
    }

    /// Of three: the order of arrival is nothing, and a completion is never undone.
    @Test func ofThreeEveryOrderGivesTheSame() {
        for a in Self.all {
            for b in Self.all where b.id != a.id && a.id < b.id {
                for c in Self.all.enumerated().filter({ $0.offset % 7 == 0 }).map(\.element)
                where c.id != a.id && c.id != b.id {
                    let winner = ClaimStanding.winner(of: [a, b, c])
                    let isSame = [[a, c, b], [b, a, c], [c, b, a]].allSatisfy {
                        ClaimStanding.winner(of: $0) == winner
                    }
                    let isFinal = winner?.isCompleted == [a, b, c].contains { $0.isCompleted }
                    guard !isSame || !isFinal else { continue }
                    Issue.record("\(a) \(b) \(c)")
                }
            }
        }
    }

    /// A clock that is ahead: the first claim has the latest stamp, and a third vault saw neither.
    @Test func whoWasSeenFirstWinsWhateverTheClocks() {
        let first = ClaimStanding(Self.id(90, 1))
        let second = ClaimStanding(Self.id(10, 2), seen: [first.id])
        #expect(ClaimStanding.winner(of: [first, second]) == first)
        let third = ClaimStanding(Self.id(20, 3))
        #expect(ClaimStanding.winner(of: [first, second, third]) == third)
        #expect(ClaimStanding.winner(of: []) == nil)
    }
}
