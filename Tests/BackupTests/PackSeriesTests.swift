import Backup
import Cryptography
import Testing

@Suite struct PackSeriesTests {
    let scratch: Scratch
    let store: BackupStore
    let keys: FakeKeys

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.path)
        try store.prepare()
        keys = try FakeKeys()
    }

    private func unit(_ fill: UInt8, _ count: Int) -> [UInt8] { Array(repeating: fill, count: count) }

    /// What no longer fits leaves room that the next unit takes: only the last pack is far from full.
    @Test func smallUnitsFillWhatLargeOnesLeave() throws {
        let series = PackSeries(store: store, keys: keys)
        var places: [(Extent, [UInt8])] = []
        for number in 0..<40 {
            let content = unit(UInt8(number), [7 << 20, 3 << 20, 1 << 20, 1 << 19][number % 4])
            places.append((try series.add("unit/\(number)", content), content))
        }
        try series.finish()
        let packs = series.packs
        #expect(packs.count == 4 && packs.map(\.id) == (0..<4).map { series.id($0) })
        #expect(packs.dropLast().allSatisfy { $0.length > 30 << 20 })
        let set = PackSet(packs, from: store, keys: keys)
        for (extent, content) in places { #expect(try set.read(extent) == content) }
    }

    @Test func whatFailsLeavesNoOpenPack() throws {
        let series = PackSeries(store: store, keys: keys)
        for number in 0..<6 { _ = try series.add("unit/\(number)", unit(1, 7 << 20)) }
        try series.abandon()
        #expect(run("/usr/bin/find", scratch.path, "-name", ".tmp-*").output.isEmpty)
    }

    @Test func anExtentLiesInOneMember() throws {
        let members = PackMembers([("a", 512, 100), ("b", 1536, 0), ("c", 2048, 50)])
        for (offset, length) in [(512, 100), (512, 1), (611, 1), (2048, 50), (2090, 8)] {
            #expect(members.hold(Extent(pack: 0, offset: UInt64(offset), length: UInt32(length))))
        }
        for (offset, length) in [(0, 10), (511, 2), (512, 101), (612, 1), (1536, 1), (2040, 20), (2098, 1)] {
            #expect(!members.hold(Extent(pack: 0, offset: UInt64(offset), length: UInt32(length))))
        }
        #expect(!members.hold(Extent(pack: 0, offset: .max, length: 2)))
    }
}
