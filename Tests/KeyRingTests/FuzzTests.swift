import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing

/// Hostile bytes end in a named error: no crash, no long work.
@Suite struct FuzzTests {
    /// A few cuts, copies and random bytes.
    private func mutated(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0...Int.random(in: 0..<3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 1..<9, using: &random))
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 2: for index in place..<end { bytes[index] = UInt8.random(in: 0...255, using: &random) }
            default: for index in place..<end { bytes[index] = 0xff }
            }
        }
        return bytes
    }

    @Test func rings() throws {
        var random = SplitMix64(seed: 11)
        let home = try Fixture()
        let ring = try home.ring("a")
        for _ in 0..<300 {
            var bytes = mutated(Array(ring.dropLast(32)), &random)
            bytes += Hash.digest(.sha256, bytes)
            guard bytes != ring else { continue }
            for copy in ["a", "b"] { try Durable.replace(home.path + "/ring.\(copy)", with: bytes) }
            do {
                _ = try home.open()
                Issue.record("a changed ring was opened")
            } catch is KeyError {}
        }
    }

    @Test func rosters() throws {
        var random = SplitMix64(seed: 12)
        let home = try Fixture()
        let changed = try KeyRing.newRecoveryCode(
            in: home.path, keys: home.vault.keys, time: Fixture.time)
        let chain = changed.keys.roster.chain
        for _ in 0..<600 {
            var forged = chain
            let place = Int.random(in: 0..<chain.count, using: &random)
            forged[place] = mutated(chain[place], &random)
            guard forged != chain else { continue }
            do {
                _ = try Recovery.open(forged, with: changed.recoveryCode)
                Issue.record("a changed chain was believed")
            } catch { #expect(error.code != .failed) }
        }
    }

    @Test func whatIsNoFileOfPossibleSizeIsDamage() throws {
        let home = try Fixture()
        let huge = [UInt8](repeating: 0, count: 2 << 20)
        for copy in ["a", "b"] { try Durable.replace(home.path + "/ring.\(copy)", with: huge) }
        expect(.damagedRing) { _ = try home.open() }
        let other = try Fixture()
        let record = other.path + "/roster/" + String(repeating: "0", count: 16)
        try Durable.replace(record, with: huge)
        expect(.invalidRoster) { _ = try other.open() }
        try Durable.remove(record)
        try symbolicLink(from: record, to: home.path + "/roster/" + String(repeating: "0", count: 16))
        expect(.invalidRoster) { _ = try other.open() }
    }
}
