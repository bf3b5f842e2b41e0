import Backup
import Cryptography
import Testing

@Suite struct DatabaseUnitsTests {
    /// A database that exists only here.
    struct Pages: PageSource {
        let databaseID = [UInt8](repeating: 4, count: 16)
        let counter: UInt64 = 9
        let pages: [PlainPage]
        var pageCount: UInt32 { UInt32(pages.count) }
        func page(_ number: UInt32) throws -> PlainPage? { pages[Int(number) - 1] }

        init(count: Int) {
            var random = Seeded(3)
            pages = (1...count).map { number in
                PlainPage(
                    number: UInt32(number), epoch: 1, nonce: random.bytes(24), tag: random.bytes(16),
                    plain: Array(repeating: UInt8(number & 255), count: PlainPage.count))
            }
        }
    }

    static func root(_ id: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8] {
        Hash.digest(.sha256, id + [UInt8(counter)] + pages.flatMap { $0.nonce + $0.tag })
    }

    let scratch: Scratch
    let store: BackupStore
    let keys: FakeKeys
    let source = Pages(count: 150)
    let record: DatabaseRecord
    let packs: [PackRecord]

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.directory("backups"))
        try store.prepare()
        keys = try FakeKeys()
        let series = PackSeries(store: store, keys: keys)
        record = try DatabaseUnits.write(source, changeSequence: 1, to: series, root: Self.root)
        try series.finish()
        packs = series.packs
    }

    private func read(_ extent: Extent) throws -> [UInt8] {
        let bytes = contents(store.packPath(packs[Int(extent.pack)])) ?? []
        return try PackReader(packs[Int(extent.pack)], keys: keys) { Array(bytes[$0]) }
            .read(offset: extent.offset, length: extent.length)
    }

    private func map(_ record: DatabaseRecord) throws -> FullPageMap {
        try DatabaseUnits.map(record, packs: packs, root: Self.root, read: read)
    }

    @Test func everyPageComesBackOnce() throws {
        let map = try map(record)
        #expect(map.groups.count == 3)
        var pages: [PlainPage] = []
        try DatabaseUnits.pages(of: map, packs: packs, read: read) { pages.append($0) }
        #expect(pages == source.pages)
    }

    @Test func aChangedRecordIsNamed() throws {
        var wrong = record
        wrong.root[0] ^= 1
        #expect(throws: BackupError.self) { try map(wrong) }
        wrong = record
        wrong.counter += 1
        #expect(throws: BackupError.self) { try map(wrong) }
        wrong = record
        wrong.pageCount -= 1
        #expect(throws: BackupError.self) { try map(wrong) }
        wrong = record
        wrong.fullMapHash[3] ^= 1
        #expect(throws: BackupError.self) { try map(wrong) }
    }

    @Test func anotherVersionOfAPageIsNamed() throws {
        var map = try map(record)
        map.pages[70].tag[0] ^= 1
        let error = #expect(throws: BackupError.self) {
            try DatabaseUnits.pages(of: map, packs: packs, read: read) { _ in }
        }
        #expect(error?.object == "page 71")
        map.pages[70].group = 0
        #expect(throws: BackupError.self) {
            try DatabaseUnits.pages(of: map, packs: packs, read: read) { _ in }
        }
    }
}
