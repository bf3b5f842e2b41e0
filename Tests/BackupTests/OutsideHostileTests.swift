import Backup
import Cryptography
import TestSupport
import Testing

/// Lists that no honest writer makes.
@Suite struct OutsideHostileTests {
    let fixture: OutsideFixture
    let made: OutsideFixture.Made
    let segment: OutsideSegment

    init() throws {
        fixture = try OutsideFixture()
        fixture.shell("head -c 200000 /dev/urandom > a; printf short > b; mkdir d; ln -s a l")
        made = try fixture.write()
        segment = try fixture.segments(made)[0]
    }

    private var file: Int { entry("a") }

    private func entry(_ name: Character) -> Int {
        segment.entries.firstIndex { $0.path.last == name.asciiValue } ?? 0
    }

    /// Restores the list after a change: its segment is refused, named, and nothing of it is written.
    private func refuse(
        _ name: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (inout OutsideSegment) -> Void
    ) throws {
        var changed = segment
        change(&changed)
        let (_, result) = try fixture.restore(fixture.replacing(made, [changed.bytes]))
        #expect(result.failures.map(\.error.code) == [.integrity], "\(name)", sourceLocation: sourceLocation)
        let found = run("/usr/bin/find", fixture.scratch.path + "/target", "-mindepth", "1").output
        #expect(found.isEmpty, "\(name): \(found)", sourceLocation: sourceLocation)
        fixture.removeTarget()
    }

    @Test func theSameListUnchangedIsRestored() throws {
        let (path, result) = try fixture.restore(fixture.replacing(made, [segment.bytes]))
        #expect(result.failures.isEmpty && fixture.listing(path) == fixture.listing(fixture.source))
    }

    @Test func pathsThatLeaveAreRefused() throws {
        let paths = ["/../x", "/a/../../x", "x", "../x", "", "//x", "/a//b", "/a/./b", "/a/", "/x\0y"]
        for path in paths {
            try refuse(path) { $0.entries = [$0.entries[file]]; $0.entries[0].path = Array(path.utf8) }
        }
        try refuse("long") { segment in
            segment.entries = [segment.entries[file]]
            segment.entries[0].path = Array("/".utf8) + Array(repeating: 0x61, count: 256)
        }
    }

    @Test func namesThatComeTwiceOrOutOfOrderAreRefused() throws {
        try refuse("twice") { $0.entries.insert($0.entries[file], at: file) }
        try refuse("order") { $0.entries.swapAt(file, entry("b")) }
        try refuse("none") { $0.entries = [] }
    }

    @Test func aFileUnderAFileOrALinkGoesNowhere() throws {
        var changed = segment
        var below = segment.entries[file]
        below.path = Array((fixture.source + "/l/through").utf8)
        changed.entries.append(below)
        below.path = Array((fixture.source + "/b/through").utf8)
        changed.entries.insert(below, at: entry("b") + 1)
        let (path, result) = try fixture.restore(fixture.replacing(made, [changed.bytes]))
        #expect(result.failures.map(\.error.code) == [.guardRefused, .guardRefused])
        #expect(contents(path + "/a") == contents(fixture.source + "/a"))
    }

    @Test func lengthsThatLieAreRefused() throws {
        try refuse("size") { $0.entries[file].size += 1 }
        try refuse("huge size") { $0.entries[file].size = .max }
        try refuse("no chunk") { $0.entries[file].chunks[0] = .max }
        try refuse("no run") { $0.chunks[0].run = 99 }
        try refuse("offset") { $0.chunks[0].offset = .max }
        try refuse("length") { $0.chunks[0].length = .max }
        try refuse("empty chunk") { $0.chunks[0].length = 0 }
        try refuse("huge run") { $0.runs[0].plainLength = .max }
        try refuse("empty run") { $0.runs[0].plainLength = 0 }
        try refuse("huge extent") { $0.runs[0].length = (8 << 20) + 1 }
        try refuse("far extent") { $0.runs[0].offset = 1 << 40 }
        try refuse("no pack") { $0.runs[0].pack = 7 }
        try refuse("foreign pack") { $0.packs[0][0] ^= 1 }
        try refuse("directory with content") { segment in
            let index = entry("d")
            segment.entries[index].chunks = [0]
            segment.entries[index].size = UInt64(segment.chunks[0].length)
        }
        try refuse("link with a zero") { $0.entries[entry("l")].kind = .symbolicLink([0x61, 0, 0x62]) }
        try refuse("continued too early") { $0.entries[file].isContinued = true }
    }

    @Test func encodingsWithoutMeaningAreRefused() throws {
        let bytes = segment.bytes
        var changes: [[UInt8]] = [
            [], Array(bytes.dropLast()), bytes + [0], Array("ATLD".utf8) + bytes.dropFirst(4),
            Array(repeating: 0, count: OutsideSegment.byteLimit + 1),
        ]
        // The kind, the flag and the destination of the first entry, a directory.
        let first = segment.entries[0].path.count
        let start = 4 + 4 + 16 * segment.packs.count + 4 + 20 * segment.runs.count
        let kind = start + 4 + 32 * segment.chunks.count + 4 + 4 + first
        for (place, value) in [(kind, 0), (kind, 4), (kind + 4, 1), (kind + 5 + 34, 2)] {
            var changed = bytes
            changed[place] = UInt8(value)
            changes.append(changed)
        }
        for changed in changes {
            #expect(throws: BackupError.self) { try OutsideSegment(changed, object: "it") }
        }
        #expect(try OutsideSegment(bytes, object: "it") == segment)
    }

    /// What only reading shows costs one file, and leaves nothing of it.
    private func lose(_ change: (inout OutsideSegment) -> Void) throws {
        var changed = segment
        change(&changed)
        let (path, result) = try fixture.restore(fixture.replacing(made, [changed.bytes]))
        #expect(!result.failures.isEmpty && result.failures.allSatisfy { $0.error.code == .integrity })
        #expect(contents(path + "/a") == nil)
        fixture.removeTarget()
    }

    @Test func aChunkOfAnotherFileIsNamed() throws {
        let chunk = Int(segment.entries[file].chunks[0])
        let foreign = segment.chunks[Int(segment.entries[entry("b")].chunks[0])].id
        try lose { $0.chunks[chunk].id = foreign }
        try lose {
            $0.chunks[chunk].offset += 1
            $0.chunks[chunk].length -= 1
            $0.entries[file].size -= 1
        }
        try lose { $0.runs[0].offset += 512 }
        try lose { $0.runs[0].plainLength += 1 }
    }

    @Test func oneBadSegmentCostsItsFilesAlone() throws {
        var halves = [segment, segment]
        let middle = entry("b")
        halves[0].entries = Array(segment.entries[..<middle])
        halves[1].entries = Array(segment.entries[middle...])
        var bad = halves.map(\.bytes)
        bad[0][5] ^= 1
        var (path, result) = try fixture.restore(fixture.replacing(made, bad))
        #expect(result.failures.map(\.error.code) == [.integrity] && result.files == 1)
        #expect(contents(path + "/b") == Array("short".utf8) && contents(path + "/a") == nil)
        fixture.removeTarget()
        // The second one repeats what the first had.
        (path, result) = try fixture.restore(fixture.replacing(made, [halves[0].bytes, segment.bytes]))
        #expect(result.failures.count == halves[0].entries.count)
        #expect(contents(path + "/a") != nil && contents(path + "/b") != nil)
    }

    /// 10^5 of them by hand: `AI_TEAM_TEST_MUTATIONS=100000`.
    @Test func randomDamageNeverCrashesNorLeaves() throws {
        let seed = printedSeed()
        var random = Seeded(seed)
        let bytes = segment.bytes
        let before = run("/usr/bin/find", fixture.scratch.path + "/source").output
        var (held, restored) = (0, 0)
        for round in 0..<stressCount("AI_TEAM_TEST_MUTATIONS", 3000) {
            var changed = bytes
            for _ in 0...random.next(below: 3) {
                let place = random.next(below: changed.count)
                switch random.next(below: 6) {
                case 0: changed.removeSubrange(place..<min(changed.count, place + random.next(below: 9)))
                case 1: changed.insert(contentsOf: random.bytes(random.next(below: 9)), at: place)
                case 2: changed[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x2F, 0x2E][random.next(below: 7)]
                default: changed[place] = UInt8(random.next(below: 256))
                }
                if changed.isEmpty { changed = [0] }
            }
            guard let segment = try? OutsideSegment(changed, object: "it") else { continue }
            held += 1
            #expect(segment.bytes == changed, "seed \(seed)")
            if round % 20 == 0 || restored < 20 {
                restored += 1
                _ = try fixture.restore(fixture.replacing(made, [changed]))
                fixture.removeTarget()
            }
        }
        #expect(held > 0, "seed \(seed)")
        let found = run("/usr/bin/find", fixture.scratch.path, "-maxdepth", "1", "-mindepth", "1").output
        #expect(Set(found.split(separator: "\n").map { String($0.split(separator: "/").last ?? "") })
            .isSubset(of: ["backups", "source"]), "seed \(seed): \(found)")
        #expect(run("/usr/bin/find", fixture.scratch.path + "/source").output == before, "seed \(seed)")
    }

    @Test func theCheckNamesWhatDoesNotHold() throws {
        #expect(try fixture.reader(made).failures().isEmpty)
        var changed = segment
        changed.chunks[0].id = segment.chunks[1].id
        let named = try fixture.reader(fixture.replacing(made, [changed.bytes])).failures().map(\.object)
        #expect(named == [fixture.source + "/a"])
        let other = try OutsideKey(
            secret: SecretBytes(copying: Array(repeating: 4, count: 32)), device: fixture.keys.deviceID)
        #expect(try !fixture.reader(made, key: other).failures().isEmpty)
    }
}
