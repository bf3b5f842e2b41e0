import Backup
import Cryptography
import Testing

/// Records that no honest writer makes.
@Suite struct OutsideHostileTests {
    let fixture: OutsideFixture
    let made: OutsideFixture.Made

    init() throws {
        fixture = try OutsideFixture()
        fixture.shell("head -c 200000 /dev/urandom > a; printf short > b; mkdir d; ln -s a l")
        made = try fixture.write()
    }

    /// Opens the record after a change; nothing may be written.
    private func refuse(
        _ name: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (inout OutsideRecord) -> Void
    ) {
        var changed = made
        change(&changed.written.record)
        let error = #expect(throws: BackupError.self, "\(name)", sourceLocation: sourceLocation) {
            try fixture.restore(changed)
        }
        #expect(error?.code == .integrity, "\(name)", sourceLocation: sourceLocation)
        let found = run("/usr/bin/find", fixture.scratch.path + "/target", "-mindepth", "1").output
        #expect(found.isEmpty, "\(name)", sourceLocation: sourceLocation)
    }

    private var file: Int { entry("a") }

    private func entry(_ name: Character) -> Int {
        made.written.record.entries.firstIndex { $0.path.last == name.asciiValue } ?? 0
    }

    @Test func pathsThatLeaveAreRefused() {
        let paths = ["/../x", "/a/../../x", "x", "../x", "", "//x", "/a//b", "/a/./b", "/a/", "/x\0y"]
        for path in paths { refuse(path) { $0.entries[file].path = Array(path.utf8) } }
        refuse("long") { $0.entries[file].path = Array("/".utf8) + Array(repeating: 0x61, count: 256) }
    }

    @Test func namesThatComeTwiceAreRefused() throws {
        refuse("twice") { $0.entries.append($0.entries[file]) }
        // A file under a file or under a link: nothing goes through them.
        var changed = made
        var entry = made.written.record.entries[file]
        entry.path = Array((fixture.source + "/l/through").utf8)
        changed.written.record.entries.append(entry)
        entry.path = Array((fixture.source + "/b/through").utf8)
        changed.written.record.entries.append(entry)
        let (path, result) = try fixture.restore(changed)
        #expect(result.failures.map(\.error.code) == [.guardRefused, .conflict])
        #expect(contents(path + "/a") == contents(fixture.source + "/a"))
    }

    @Test func lengthsThatLieAreRefused() {
        refuse("size") { $0.entries[file].size += 1 }
        refuse("huge size") { $0.entries[file].size = .max }
        refuse("no chunk") { $0.entries[file].chunks[0] = .max }
        refuse("no run") { $0.chunks[0].run = 99 }
        refuse("offset") { $0.chunks[0].offset = .max }
        refuse("length") { $0.chunks[0].length = .max }
        refuse("empty chunk") { $0.chunks[0].length = 0 }
        refuse("huge run") { $0.runs[0].plainLength = .max }
        refuse("directory with content") { record in
            let index = entry("d")
            record.entries[index].chunks = [0]
            record.entries[index].size = UInt64(record.chunks[0].length)
        }
        refuse("link to nowhere") { record in
            record.entries[entry("l")].kind = .symbolicLink([])
        }
    }

    /// What only reading shows costs one file, and leaves nothing of it.
    private func lose(_ change: (inout OutsideRecord) -> Void) throws {
        var changed = made
        change(&changed.written.record)
        let (path, result) = try fixture.restore(changed)
        #expect(!result.failures.isEmpty && result.failures.allSatisfy { $0.error.code == .integrity })
        #expect(contents(path + "/a") == nil)
        _ = run("/bin/rm", "-rf", fixture.scratch.path + "/target")
    }

    @Test func aChunkOfAnotherFileIsNamed() throws {
        let chunk = Int(made.written.record.entries[file].chunks[0])
        try lose { $0.chunks[chunk].id[3] ^= 1 }
        try lose {
            $0.chunks[chunk].offset += 1
            $0.chunks[chunk].length -= 1
            $0.entries[file].size -= 1
        }
        try lose { $0.runs[0].place.offset += 512 }
        try lose { $0.runs[0].plainLength += 1 }
        try lose { $0.runs[0].place.pack = 7 }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomDamageNeverCrashesNorLeaves(seed: UInt64) throws {
        var random = Seeded(seed)
        var body = sampleBody(&random)
        body.outside = OutsideRecord()
        // Three empty lists end it.
        let tail = body.bytes.count - 12
        body.outside = made.written.record
        let bytes = body.bytes
        let before = run("/usr/bin/find", fixture.scratch.path, "-not", "-path", "*/target*").output
        var opened = 0
        for _ in 0..<150 {
            var changed = bytes
            for _ in 0...random.next(below: 3) {
                changed[tail + random.next(below: bytes.count - tail)] = UInt8(random.next(below: 256))
            }
            do {
                var damaged = made
                damaged.written.record = try ManifestBody(whole: changed, "it", object: "m").outside
                _ = try fixture.restore(damaged)
                opened += 1
            } catch is BackupError {}
            _ = run("/bin/rm", "-rf", fixture.scratch.path + "/target")
        }
        #expect(opened > 0, "seed \(seed)")
        let after = run("/usr/bin/find", fixture.scratch.path, "-not", "-path", "*/target*").output
        #expect(after == before, "seed \(seed)")
    }

    @Test func theCheckNamesWhatDoesNotHold() throws {
        #expect(try fixture.reader(made).failures().isEmpty)
        var changed = made
        changed.written.record.chunks[0].id[0] ^= 1
        #expect(try fixture.reader(changed).failures().map(\.object) == ["chunk 0"])
        let other = try OutsideKey(
            secret: SecretBytes(copying: Array(repeating: 4, count: 32)), device: fixture.keys.deviceID)
        #expect(try !fixture.reader(made, key: other).failures().isEmpty)
    }
}
