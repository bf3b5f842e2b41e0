import Backup
import Cryptography
import Testing

@Suite struct KeyedChunkerTests {
    private static func key(_ secret: UInt8, device: UInt8 = 1) throws -> OutsideKey {
        try OutsideKey(
            secret: SecretBytes(copying: Array(repeating: secret, count: 32)),
            device: Array(repeating: device, count: 16))
    }

    /// The lengths of all chunks, taken as a reader of a file takes them.
    private static func cut(_ bytes: [UInt8], _ key: OutsideKey) -> [Int] {
        let chunker = KeyedChunker(key: key)
        return bytes.withUnsafeBytes { bytes in
            var (lengths, start): ([Int], Int) = ([], 0)
            while start < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(KeyedChunker.maximum))
                lengths.append(chunker.cut(rest, isStart: start == 0))
                start += lengths[lengths.count - 1]
            }
            return lengths
        }
    }

    private static func pieces(_ bytes: [UInt8], _ key: OutsideKey) -> Set<[UInt8]> {
        var start = 0
        return Set(
            cut(bytes, key).map { length in
                defer { start += length }
                return Hash.digest(.sha256, Array(bytes[start..<start + length]))
            })
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func chunksCoverTheFileWithinTheirBounds(seed: UInt64) throws {
        var random = Seeded(seed)
        let key = try Self.key(UInt8(seed))
        for _ in 0..<6 {
            let bytes = random.bytes(random.next(below: 900_000))
            let lengths = Self.cut(bytes, key)
            #expect(lengths.reduce(0, +) == bytes.count, "seed \(seed)")
            for (index, length) in lengths.enumerated() {
                #expect(length > 0 && length <= KeyedChunker.maximum, "seed \(seed)")
                if index < lengths.count - 1 { #expect(length >= KeyedChunker.minimum, "seed \(seed)") }
            }
            #expect(lengths == Self.cut(bytes, key), "seed \(seed): the same file, the same chunks")
        }
    }

    /// As docs/FORMAT.md says it, byte by byte.
    @Test(arguments: [5, 6] as [UInt64])
    func boundariesAreThoseOfTheFormat(seed: UInt64) throws {
        var random = Seeded(seed)
        let device = [UInt8](repeating: 1, count: 16)
        let table = try HKDF.expand(
            .sha256, key: SecretBytes(copying: Array(repeating: UInt8(seed), count: 32)),
            info: Array("ai-team/outside-gear/v1".utf8) + [0] + device, count: 2048)
        let gear = table.withUnsafeBytes { bytes in
            (0..<256).map { number in
                bytes[(8 * number)..<(8 * number + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            }
        }
        let bytes = random.bytes(1_500_000)
        var lengths: [Int] = []
        var start = 0
        while start < bytes.count {
            var hash: UInt64 = 0
            var length = min(bytes.count - start, 262_144)
            for index in 16_320..<max(length, 16_320) {
                hash = (hash << 1) &+ gear[Int(bytes[start + index])]
                let zeros = index + 1 <= 53_248 ? 18 : 14
                if index + 1 > 16_384, hash >> (64 - zeros) == 0 {
                    length = index + 1
                    break
                }
            }
            lengths.append(length)
            start += length
        }
        #expect(Self.cut(bytes, try Self.key(UInt8(seed))) == lengths, "seed \(seed)")
    }

    @Test func aSmallFileIsWhole() throws {
        var random = Seeded(4)
        let key = try Self.key(4)
        for count in [1, 16_384, 16_385, 65_535, 65_536] {
            #expect(Self.cut(random.bytes(count), key) == [count])
        }
        #expect(Self.cut([], key).isEmpty)
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func anInsertionInTheMiddleChangesFewChunks(seed: UInt64) throws {
        var random = Seeded(seed)
        let key = try Self.key(5)
        let bytes = random.bytes(3 << 20)
        let before = Self.pieces(bytes, key)
        #expect(before.count > 25, "seed \(seed)")
        let place = bytes.count / 2
        let inserted = bytes[..<place] + random.bytes(1 + random.next(below: 100)) + bytes[place...]
        let after = Self.pieces(Array(inserted), key)
        #expect(after.subtracting(before).count <= 4, "seed \(seed)")
    }

    @Test func lengthsAreNear64KiBOnAverage() throws {
        var random = Seeded(21)
        let bytes = random.bytes(8 << 20)
        let mean = bytes.count / Self.cut(bytes, try Self.key(6)).count
        #expect(mean > 48 << 10 && mean < 80 << 10, "seed 21: \(mean)")
    }

    @Test func anotherSecretOrDeviceCutsAndNamesDifferently() throws {
        var random = Seeded(31)
        let bytes = random.bytes(2 << 20)
        let keys = try [Self.key(7), Self.key(8), Self.key(7, device: 2)]
        let cuts = keys.map { key in
            Set(Self.cut(bytes, key).reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) })
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            #expect(cuts[a].intersection(cuts[b]).count <= 3, "seed 31: only the ends, and chance")
        }
        let ids = try bytes.withUnsafeBytes { bytes in try keys.map { try $0.identifier(bytes) } }
        #expect(Set(ids).count == 3)
        #expect(try bytes.withUnsafeBytes { try Self.key(7).identifier($0) } == ids[0])
    }

    @Test func zerosEndWhereARunOfZerosDoes() throws {
        let key = try Self.key(9)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let chunker = KeyedChunker(key: key)
        #expect(Self.cut(zeros, key).dropLast().allSatisfy { $0 == chunker.zeroCut })
    }
}
