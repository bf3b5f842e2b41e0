import Backup
import Cryptography
import TestSupport
import Testing

/// A database that exists only here.
struct FakePages: PageSource {
    var databaseID = [UInt8](repeating: 4, count: 16)
    var counter: UInt64 = 9
    var pages: [PlainPage] = []
    var pageCount: UInt32 { UInt32(pages.count) }

    init(count: Int, _ random: inout Seeded) { for _ in 0..<count { append(&random) } }

    init(count: Int) {
        var random = Seeded(3)
        self.init(count: count, &random)
    }

    func page(_ number: UInt32) throws -> PlainPage? { pages[Int(number) - 1] }

    func versions(_ body: (UInt32, PageVersion) throws -> Void) throws {
        for page in pages { try body(page.number, page.version) }
    }

    mutating func append(_ random: inout Seeded) {
        pages.append(Self.page(UInt32(pages.count + 1), &random))
    }

    mutating func change(_ index: Int, _ random: inout Seeded) {
        pages[index] = Self.page(UInt32(index + 1), &random)
    }

    private static func page(_ number: UInt32, _ random: inout Seeded) -> PlainPage {
        PlainPage(
            number: number,
            version: PageVersion(epoch: 1, nonce: random.bytes(24), tag: random.bytes(16)),
            plain: Array(repeating: UInt8(random.next(below: 256)), count: PlainPage.count))
    }

    static func root(_ id: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8] {
        Hash.digest(.sha256, id + [UInt8(counter)] + pages.flatMap { $0.version.encoded })
    }
}

@Suite struct DatabaseUnitsTests {
    let scratch: Scratch
    let store: BackupStore
    let keys: FakeKeys

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.directory("backups"))
        try store.prepare()
        keys = try FakeKeys()
    }

    /// One backup of a database and nothing else.
    struct Made {
        let record: DatabaseRecord
        let packs: [PackRecord]
        let pagesAdded: Int
        let ownPacks: Int
    }

    private func write(_ source: FakePages, on base: Made? = nil) throws -> Made {
        let series = PackSeries(store: store, keys: keys)
        let pipeline = UnitPipeline(series)
        let written = try DatabaseUnits.write(
            source, base: base.map { try self.base($0) }, to: pipeline, root: FakePages.root)
        try pipeline.finish()
        var table = PackTable(own: series.packs, older: base?.packs ?? [])
        let record = try written.record(of: source, changeSequence: 1, &table)
        return Made(
            record: record, packs: table.packs, pagesAdded: written.pagesAdded,
            ownPacks: series.packs.count)
    }

    private func base(_ made: Made, _ record: DatabaseRecord? = nil) throws -> DatabaseBase {
        let set = PackSet(made.packs, from: store, keys: keys)
        return try DatabaseBase(
            record ?? made.record, packs: made.packs, root: FakePages.root, read: set.read)
    }

    private func read(_ made: Made, _ map: PageMapTable? = nil) throws -> [PlainPage] {
        let set = PackSet(made.packs, from: store, keys: keys)
        var pages: [PlainPage] = []
        try DatabaseUnits.pages(of: map ?? base(made).map, packs: made.packs, read: set.read) {
            pages.append($0)
        }
        return pages.sorted { $0.number < $1.number }
    }

    @Test func everyPageComesBackOnce() throws {
        let source = FakePages(count: 2500)
        let made = try write(source)
        #expect(try base(made).map.groups.count == 3)
        #expect(try read(made) == source.pages)
    }

    @Test func whatDidNotChangeIsNotWrittenAgain() throws {
        var source = FakePages(count: 150)
        let first = try write(source)
        let same = try write(source, on: first)
        #expect(same.pagesAdded == 0 && same.ownPacks == 0 && same.record == first.record)
        var random = Seeded(8)
        source.change(40, &random)
        let third = try write(source, on: same)
        #expect(third.pagesAdded == 1 && third.record.deltas.count == 1)
        #expect(third.record.full.map(\.sha256) == first.record.full.map(\.sha256))
        #expect(try read(third) == source.pages)
        #expect(try read(first) != source.pages)
    }

    /// Many generations: pages change, come and go; every generation reads back whole from its own manifest,
    /// full maps are made anew in time, and packs that hold little that is used fall away.
    @Test func anyHistoryReadsBack() throws {
        let seed = printedSeed()
        var random = Seeded(seed)
        var source = FakePages(count: 300, &random)
        var made = try write(source)
        var fullMaps = Set([made.record.full[0].sha256])
        for step in 0..<80 {
            switch random.next(below: 8) {
            case 0: for _ in 0...random.next(below: 70) { source.append(&random) }
            case 1: source.pages.removeLast(random.next(below: source.pages.count / 3))
            case 2: break
            default:
                for _ in 0...random.next(below: 9) {
                    source.change(random.next(below: source.pages.count), &random)
                }
            }
            source.counter = UInt64(step)
            made = try write(source, on: made)
            fullMaps.insert(made.record.full[0].sha256)
            #expect(made.record.deltas.count <= PageMapTable.deltaLimit)
            let pages = try read(made)
            #expect(pages == source.pages, "seed \(seed), step \(step)")
        }
        #expect(fullMaps.count > 2 && fullMaps.count < 60)
        #expect(made.packs.count < 60)
    }

    @Test func aDatabaseWithAnotherIdIsWrittenWhole() throws {
        var source = FakePages(count: 20)
        let first = try write(source)
        source.databaseID[0] ^= 1
        let second = try write(source, on: first)
        #expect(second.pagesAdded == 20 && second.record.deltas.isEmpty)
    }

    @Test func aChangedRecordIsNamed() throws {
        var random = Seeded(4)
        var source = FakePages(count: 150)
        let first = try write(source)
        source.change(7, &random)
        let made = try write(source, on: first)
        let changes: [(inout DatabaseRecord) -> Void] = [
            { $0.root[0] ^= 1 }, { $0.counter += 1 }, { $0.pageCount -= 1 }, { $0.full[0].sha256[3] ^= 1 },
            { $0.deltas[0].sha256[0] ^= 1 }, { $0.deltas = [] }, { $0.full += $0.full }, { $0.full = [] },
            { $0.deltas[0].parts[0].place.pack = 77 }, { $0.deltas[0].parts[0].plainLength -= 1 },
            { $0.full = $0.deltas }, { $0.deltas = $0.full },
        ]
        for (number, change) in changes.enumerated() {
            var wrong = made.record
            change(&wrong)
            #expect(throws: BackupError.self, "change \(number)") { try base(made, wrong) }
        }
        _ = try base(made, made.record)
    }

    @Test func anotherVersionOfAPageIsNamed() throws {
        let made = try write(FakePages(count: 150))
        var map = try base(made).map
        map.pages[70].version = PageVersion(
            epoch: 1, nonce: Array(repeating: 1, count: 24), tag: Array(repeating: 2, count: 16))
        let error = #expect(throws: BackupError.self) { try read(made, map) }
        #expect(error?.object == "page 71")
        map.pages[70].group = 0
        #expect(throws: BackupError.self) { try read(made, map) }
    }

    @Test func hostileMapsAreRefused() throws {
        let seed = printedSeed()
        var random = Seeded(seed)
        let made = try write(FakePages(count: 90))
        let map = try base(made).map
        let full = map.full(0..<90)
        let delta = PageMapTable.delta(
            pageCount: 90, groups: map.groups[...],
            changes: [PageChange(page: 3, entry: map.pages[2]), PageChange(page: 9, entry: map.pages[8])])
        for _ in 0..<stressCount("AI_TEAM_TEST_FLIPS", 3000) {
            var bytes = random.next(below: 2) == 0 ? full : delta
            for _ in 0...random.next(below: 3) { bytes[random.next(below: bytes.count)] = random.bytes(1)[0] }
            if random.next(below: 4) == 0 { bytes.removeLast(random.next(below: bytes.count)) }
            // Whatever comes out names only groups that are there.
            var table = map
            do {
                if bytes.starts(with: Array("ATPM".utf8)) {
                    table = PageMapTable()
                    try table.append(full: bytes)
                } else {
                    try table.apply(delta: bytes)
                }
                #expect(table.pages.allSatisfy { $0.group < table.groups.count }, "seed \(seed)")
            } catch let error {
                #expect(error.code == .integrity)
            }
        }
    }
}
