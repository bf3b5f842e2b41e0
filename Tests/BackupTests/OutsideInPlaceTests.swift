import Backup
import Testing

@Suite struct OutsideInPlaceTests {
    let fixture: OutsideFixture
    let made: OutsideFixture.Made
    let before: String

    init() throws {
        fixture = try OutsideFixture()
        fixture.shell(
            """
            mkdir -p a/b; printf one > a/1; head -c 200000 /dev/urandom > a/b/2; ln -s 1 a/link; chmod 750 a
            """)
        made = try fixture.write()
        before = fixture.listing(fixture.source)
    }

    private func restore() throws -> OutsideRestored {
        try OutsideRestore.run(
            try fixture.reader(made), to: .inPlace, home: fixture.scratch.path + "/home")
    }

    @Test func theHomesOwnFilesAreNotTouched() throws {
        let home = fixture.scratch.directory("home")
        _ = run("/bin/mkdir", "-p", home + "/keys")
        put([1], home + "/keys/ring.a")
        var segment = try fixture.segments(made)[0]
        let row = segment.entries.firstIndex { $0.kind == .file } ?? 0
        segment.entries = [segment.entries[row]]
        segment.entries[0].path = Array((home + "/keys/ring.a").utf8)
        let hostile = try fixture.replacing(made, [segment.bytes])
        let result = try OutsideRestore.run(try fixture.reader(hostile), to: .inPlace, home: home)
        #expect(result.failures.map(\.error.code) == [.guardRefused])
        #expect(contents(home + "/keys/ring.a") == [1])
    }

    @Test func filesGoBackToWhereTheyWere() throws {
        fixture.shell("printf changed > a/1; rm -r a/b; rm a/link; ln -s /etc/passwd a/link; chmod 700 a")
        let result = try restore()
        #expect(result.failures.isEmpty && result.files == 2)
        #expect(fixture.listing(fixture.source) == before)
    }

    @Test func whatIsNotInTheBackupStays() throws {
        fixture.shell("printf new > a/new; rm -r a/b")
        _ = try restore()
        #expect(contents(fixture.source + "/a/new") == Array("new".utf8))
        #expect(run("/usr/bin/find", fixture.source, "-name", ".ai-team*").output.isEmpty)
    }

    @Test func aPlantedLinkIsNeverFollowed() throws {
        let elsewhere = fixture.scratch.directory("elsewhere")
        put(Array("mine".utf8), elsewhere + "/1")
        // The file's name: replaced. A directory's name: refused.
        fixture.shell("rm a/1 && ln -s \(elsewhere)/1 a/1; mv a/b b-before; ln -s \(elsewhere) a/b")
        let result = try restore()
        #expect(
            Set(result.failures.map { String(decoding: $0.path, as: UTF8.self) }) == [
                fixture.source + "/a/b", fixture.source + "/a/b/2",
            ])
        #expect(result.failures.allSatisfy { $0.error.code == .guardRefused })
        #expect(contents(fixture.source + "/a/1") == Array("one".utf8))
        #expect(run("/usr/bin/find", elsewhere, "-type", "f").output == elsewhere + "/1\n")
        #expect(contents(elsewhere + "/1") == Array("mine".utf8))
    }

    @Test func aDirectoryInTheWayIsNamedAndTheRestComes() throws {
        fixture.shell("rm a/1; mkdir a/1; printf x > a/1/x; printf changed > a/b/2")
        let result = try restore()
        #expect(result.failures.map(\.error.code) == [.conflict] && result.files == 1)
        #expect(contents(fixture.source + "/a/1/x") == [0x78])
        #expect(run("/usr/bin/find", fixture.source, "-name", ".ai-team*").output.isEmpty)
    }
}
