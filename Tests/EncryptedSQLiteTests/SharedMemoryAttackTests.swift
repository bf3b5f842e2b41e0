import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// The attack of encrypted-database.md 2d on `-shm`, which holds SQLite's running checksum of plaintext
/// frames: who knows all of a page but a PIN looks for the PIN that gives the checksum.
@Suite struct SharedMemoryAttackTests {
    /// SQLite's checksum, forwards and backwards.
    private struct Sum: Equatable {
        var first: UInt32
        var second: UInt32

        func after(_ words: ArraySlice<UInt32>) -> Sum {
            var sum = self
            var index = words.startIndex
            while index < words.endIndex {
                sum.first = sum.first &+ words[index] &+ sum.second
                sum.second = sum.second &+ words[index + 1] &+ sum.first
                index += 2
            }
            return sum
        }

        func before(_ words: ArraySlice<UInt32>) -> Sum {
            var sum = self
            var index = words.endIndex
            while index > words.startIndex {
                index -= 2
                sum.second = sum.second &- words[index + 1] &- sum.first
                sum.first = sum.first &- words[index] &- sum.second
            }
            return sum
        }
    }

    /// What an observer has: the checksum before and after one transaction, and the frame that it wrote.
    private struct Observation {
        let before: Sum
        let after: Sum
        /// The plain frame: page number and database size, then the page.
        var frame: [UInt8]
        /// Where the four digits stand in it.
        let digits: Int

        func words(_ range: Range<Int>, of frame: [UInt8]) -> ArraySlice<UInt32> {
            frame.withUnsafeBytes { bytes in
                stride(from: range.lowerBound, to: range.upperBound, by: 4).map {
                    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
                }[...]
            }
        }

        /// The frame with another PIN.
        func frame(_ candidate: Int) -> [UInt8] {
            var text = "\(candidate)"
            text = String(repeating: "0", count: 4 - text.count) + text
            var frame = self.frame
            for (index, digit) in text.utf8.enumerated() { frame[digits + index] = digit }
            return frame
        }
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        (0..<4).reduce(0 as UInt32) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
    }

    /// Writes `sql`, a transaction of one page, between two looks at `-shm`.
    private static func observe(_ sql: String) throws -> (Observation, random: [UInt8]?) {
        let vault = try TestDatabase()
        try vault.create()
        let pool = try vault.open()
        try pool.pool.write { try $0.execute(sql: "INSERT INTO note (body) VALUES ('first')") }
        let early = try vault.bytes("db-shm", 48, at: 0)
        try pool.pool.write { try $0.execute(sql: sql) }
        let late = try vault.bytes("db-shm", 48, at: 0)
        try #require(late[13] == 0, "the checksum is that of a big-endian machine")
        try #require(word(late, 16) == word(early, 16) + 1, "the transaction wrote more than one page")
        let root = try pool.pool.read {
            try UInt32.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'note'") ?? 0
        }
        let random = try pool.pool.read {
            try String.fetchOne($0, sql: "SELECT hex(body) FROM note WHERE typeof(body) = 'blob'")
        }.map { hex in
            stride(from: 0, to: hex.utf8.count, by: 2).compactMap {
                UInt8(hex.dropFirst($0).prefix(2), radix: 16)
            }
        }
        let page = try pool.withSnapshot { try $0.plaintext(root) }
        let pages = word(late, 20)
        let header = [root, pages].flatMap { number in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
        }
        let place = try #require(page.firstRange(of: Array("PIN 4711".utf8)))
        try pool.close()
        let observation = Observation(
            before: Sum(first: word(early, 24), second: word(early, 28)),
            after: Sum(first: word(late, 24), second: word(late, 28)),
            frame: header + page, digits: header.count + place.lowerBound + 4)
        return (observation, random)
    }

    @Test func withoutRandomBytesTheAttackFindsThePin() throws {
        let (seen, _) = try SharedMemoryAttackTests.observe("INSERT INTO note (body) VALUES ('PIN 4711')")
        let split = seen.digits / 8 * 8
        let start = seen.before.after(seen.words(0..<split, of: seen.frame))
        let found = (0..<10_000).filter { candidate in
            let frame = seen.frame(candidate)
            return start.after(seen.words(split..<frame.count, of: frame)) == seen.after
        }
        #expect(found == [4711])
    }

    /// Two words of the random bytes can be chosen for any PIN so that the checksum comes out: all 10,000 are
    /// as likely as the right one, whatever the attacker computes.
    @Test func withSixteenRandomBytesEveryPinExplainsTheChecksum() throws {
        let (seen, random) = try SharedMemoryAttackTests.observe(
            "INSERT INTO note (body) VALUES ('PIN 4711'), (blind())")
        let bytes = try #require(random)
        let place = try #require(seen.frame.firstRange(of: bytes))
        #expect(place.count == 16)
        let free = (place.lowerBound + 7) / 8 * 8
        try #require(free + 8 <= place.upperBound)
        #expect(seen.before.after(seen.words(0..<seen.frame.count, of: seen.frame)) == seen.after)
        var explained = 0
        for candidate in 0..<10_000 {
            var frame = seen.frame(candidate)
            let start = seen.before.after(seen.words(0..<free, of: frame))
            let end = seen.after.before(seen.words(free + 8..<frame.count, of: frame))
            let first = end.first &- start.first &- start.second
            let second = end.second &- start.second &- end.first
            for index in 0..<4 {
                frame[free + index] = UInt8(truncatingIfNeeded: first >> UInt32(8 * index))
                frame[free + 4 + index] = UInt8(truncatingIfNeeded: second >> UInt32(8 * index))
            }
            if candidate % 100 == 11 {
                #expect(seen.before.after(seen.words(0..<frame.count, of: frame)) == seen.after)
            }
            explained += start.after(seen.words(free..<free + 8, of: frame)) == end ? 1 : 0
        }
        #expect(explained == 10_000)
    }
}
