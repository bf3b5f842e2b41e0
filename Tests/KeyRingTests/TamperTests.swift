import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing

@Suite struct TamperTests {
    /// A ring whose checksum is right again after `change`.
    private func resealed(_ ring: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes = Array(ring.dropLast(32))
        change(&bytes)
        return bytes + Hash.digest(.sha256, bytes)
    }

    private func put(_ ring: [UInt8], in home: Fixture) throws {
        for copy in ["a", "b"] { try Durable.replace(home.path + "/ring.\(copy)", with: ring) }
    }

    @Test func aFlippedByteInOneCopyIsNamedAndSurvived() throws {
        let home = try Fixture()
        let ring = try home.ring("a")
        for place in stride(from: 0, to: ring.count, by: 97) {
            var flipped = ring
            flipped[place] ^= 0x10
            try Durable.replace(home.path + "/ring.a", with: flipped)
            _ = try home.open()
            #expect(try KeyRing.summary(in: home.path).damagedCopies == ["ring.a"])
        }
        _ = try KeyRing.repair(in: home.path, keys: home.open(), time: Fixture.time)
        #expect(try KeyRing.summary(in: home.path).damagedCopies.isEmpty)
    }

    @Test func aFlippedByteInBothCopiesIsDamage() throws {
        let home = try Fixture()
        let ring = try home.ring("a")
        for place in stride(from: 0, to: ring.count, by: 41) {
            var flipped = ring
            flipped[place] ^= 1
            try put(flipped, in: home)
            expect(.damagedRing) { _ = try home.open() }
        }
        for count in [0, 1, 31, 47, 48, ring.count - 1] {
            try put(Array(ring[..<count]), in: home)
            expect(.damagedRing) { _ = try home.open() }
        }
        try put(ring + [0], in: home)
        expect(.damagedRing) { _ = try home.open() }
    }

    /// Who can compute SHA-256 changes what he likes; the signature and the MAC refuse every byte of it.
    @Test func aCarefulTampererIsRefusedAtEveryByte() throws {
        let home = try Fixture()
        let ring = try home.ring("a")
        for place in stride(from: 8, to: ring.count - 32, by: 7) {
            try put(resealed(ring) { $0[place] ^= 0x40 }, in: home)
            expect(.integrityFailure, .invalidRoster, .wrongKey, .downgrade) { _ = try home.open() }
            expect(.integrityFailure, .invalidRoster, .downgrade) {
                _ = try KeyRing.open(in: home.path, rootKey: home.vault.keys.rootKey())
            }
        }
        try put(ring, in: home)
        _ = try home.open()
    }

    @Test func anotherFormatIsNewer() throws {
        let home = try Fixture()
        let ring = try home.ring("a")
        for place in 4..<8 {
            try put(resealed(ring) { $0[place] = 3 }, in: home)
            expect(.newerFormat) { _ = try home.open() }
        }
        // A newer copy beside an old one is never passed over.
        try Durable.replace(home.path + "/ring.a", with: ring)
        expect(.newerFormat) { _ = try home.open() }
    }

    @Test func aCheaperPassphraseIsADowngrade() throws {
        let home = try Fixture()
        _ = try KeyRing.addSlot(
            Fixture.passphrase("p"), in: home.path, keys: home.vault.keys, cost: Fixture.cost,
            time: Fixture.time)
        let ring = try home.ring("a")
        // Slot fields: id 16, kind 1, time 8, log N; kind 1 is a passphrase.
        let place = try #require(ring.indices.first { ring[$0] == 15 && ring[$0 - 9] == 1 })
        for cost: UInt8 in [0, 1, 14, 21, 63, 255] {
            try put(resealed(ring) { $0[place] = cost }, in: home)
            expect(.downgrade) { _ = try home.open(Fixture.passphrase("p")) }
        }
        // Within the limits it is another passphrase's slot, at the price of the work.
        try put(resealed(ring) { $0[place] = 16 }, in: home)
        expect(.wrongKey) { _ = try home.open(Fixture.passphrase("p")) }
    }

    /// The tamperer makes a vault of its own and seals its root to the victim's public halves.
    @Test func aForeignRootSealedToTheSlotsIsRefused() throws {
        let home = try Fixture()
        let forged = try ForeignRing.make(for: home)
        try Files.removeTree(home.path + "/roster")
        try TemporaryDirectory.copyTree(forged.directory.path + "/keys/roster", to: home.path + "/roster")
        try put(forged.ring, in: home)
        expect(.integrityFailure) { _ = try home.open() }
        // The twin: the same ring with a MAC that the secret's holder made opens.
        try put(forged.twin, in: home)
        #expect(try home.open().vaultID == forged.vaultID)
    }

    @Test func everyByteOfTheRosterCounts() throws {
        let home = try Fixture()
        _ = try KeyRing.reincarnate(in: home.path, keys: home.vault.keys, time: Fixture.time)
        for name in try Files.list(home.path + "/roster") {
            let path = home.path + "/roster/" + name
            let record = try Files.readAll(path, limit: 1 << 20)
            for place in stride(from: 0, to: record.count, by: 5) {
                var flipped = record
                flipped[place] ^= 4
                try Durable.replace(path, with: flipped)
                expect(.invalidRoster, .newerFormat) { _ = try home.open() }
            }
            try Durable.replace(path, with: Array(record.dropLast()))
            expect(.invalidRoster) { _ = try home.open() }
            try Durable.remove(path)
            expect(.invalidRoster) { _ = try home.open() }
            try Durable.replace(path, with: record)
        }
        _ = try home.open()
    }
}
