import Backup
import Cryptography
import Testing

@Suite struct PackTests {
    let keys: FakeKeys
    let file: [UInt8]
    let record: PackRecord
    let places: [(offset: UInt64, length: UInt32)]
    let contents: [[UInt8]]

    init() throws {
        keys = try FakeKeys()
        var random = Seeded(5)
        contents = [random.bytes(10), [], random.bytes(100_000), random.bytes(512)]
        var bytes: [UInt8] = []
        let pack = try PackBuilder(keys: keys) { bytes += $0 }
        places = try contents.enumerated().map { try pack.add("unit/\($0.offset)", $0.element) }
        record = try pack.finish()
        file = bytes
    }

    private func reader(_ bytes: [UInt8], _ record: PackRecord? = nil) throws -> PackReader {
        try PackReader(record ?? self.record, keys: keys) { Array(bytes[$0.clamped(to: bytes.indices)]) }
    }

    @Test func membersComeBack() throws {
        #expect(UInt64(file.count) == record.length && Hash.digest(.sha256, file) == record.sha256)
        let pack = try reader(file)
        for (place, content) in zip(places, contents).reversed() {
            #expect(try pack.read(offset: place.offset, length: place.length) == content)
        }
        let members = try pack.members()
        #expect(members.map(\.offset) == places.map(\.offset))
        #expect(members.map(\.name) == ["unit/0", "unit/1", "unit/2", "unit/3"])
    }

    @Test func theSizeIsOnTheGrid() throws {
        let plain = try #require(Cobblestone.plaintextCount(forCiphertext: file.count))
        #expect(SizeGrid.padded(plain) == plain)
    }

    @Test func flippedBytesAreNamed() throws {
        for offset in stride(from: 0, to: file.count, by: 1009) {
            var bytes = file
            bytes[offset] ^= 0x10
            let error = #expect(throws: BackupError.self, "byte \(offset)") {
                let pack = try reader(bytes)
                _ = try pack.members()
                for place in places { _ = try pack.read(offset: place.offset, length: place.length) }
                if offset >= Cobblestone.headerCount { _ = try pack.members() }
            }
            #expect(error?.object?.hasPrefix("pack ") == true)
        }
    }

    @Test func truncationAndExtensionAreNamed() throws {
        for change in [-1, -16, -16_400, 1, 16_400] {
            var cut = record
            cut.length = UInt64(Int(record.length) + change)
            let bytes =
                change < 0
                ? Array(file.dropLast(-change)) : file + [UInt8](repeating: 0, count: change)
            #expect(throws: BackupError.self) { try reader(bytes, cut).members() }
        }
    }

    /// Far away every read is a request.
    @Test func anExtentIsOneRead() throws {
        var reads: [Range<Int>] = []
        let pack = try PackReader(record, keys: keys) {
            reads.append($0)
            return Array(file[$0])
        }
        #expect(reads.isEmpty)
        _ = try pack.read(offset: places[2].offset, length: places[2].length)
        #expect(reads.count == 1)
    }

    @Test func anExtentBeyondTheEndIsNamed() throws {
        let pack = try reader(file)
        #expect(throws: BackupError.self) { try pack.read(offset: record.length, length: 1) }
        #expect(throws: BackupError.self) { try pack.read(offset: .max, length: 2) }
    }

    @Test func anotherPacksIdOrVaultDoesNotOpen() throws {
        var other = record
        other.id[0] ^= 1
        #expect(throws: BackupError.self) { try reader(file, other) }
        let stranger = try FakeKeys(vault: 9)
        #expect(throws: BackupError.self) { try PackReader(record, keys: stranger) { Array(file[$0]) } }
    }
}
