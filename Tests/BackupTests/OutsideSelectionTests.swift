import Backup
import Glibc
import Testing
import Vault

@Suite struct OutsideSelectionTests {
    let fixture: OutsideFixture

    init() throws { fixture = try OutsideFixture() }

    private func names(_ made: OutsideFixture.Made) throws -> Set<String> {
        let base = fixture.source.utf8.count + 1
        return Set(
            try fixture.entries(made).map { String(decoding: $0.path.dropFirst(base), as: UTF8.self) })
    }

    @Test func patternsChoose() throws {
        fixture.shell(
            """
            mkdir -p a/node_modules/x b
            for f in a/1.txt a/2.log a/node_modules/x/3.txt b/4.txt; do printf 1 > $f; done
            """)
        var selection = OutsideSelection(paths: [Array(fixture.source.utf8)])
        selection.exclude = [PathPattern("node_modules"), PathPattern(fixture.source + "/b/**")]
        #expect(try names(fixture.write(selection)) == ["", "a", "a/1.txt", "a/2.log"])
        selection.include = [PathPattern("*.txt")]
        #expect(try names(fixture.write(selection)) == ["", "a", "a/1.txt"])
    }

    @Test func theHomeIsLeftOut() throws {
        fixture.shell(
            """
            mkdir -p home/keys home/data/database home/src; printf k > home/keys/ring.a
            printf d > home/data/database/db; printf s > home/src/s; printf o > other
            ln home/data/database/db hard
            """)
        let home = fixture.source + "/home"
        var made = try fixture.write(OutsideSelection(paths: [Array(fixture.source.utf8)], home: home))
        #expect(try names(made) == ["", "other"])
        #expect(made.written.notes.map(\.reason) == [.home, .home])
        // Its own sources may be asked for by name; its keys and data not.
        for (path, count) in [("/src", 2), ("/keys", 0), ("/data/database/db", 0)] {
            made = try fixture.write(OutsideSelection(paths: [Array((home + path).utf8)], home: home))
            #expect(try fixture.entries(made).count == count)
        }
    }

    @Test func onlySomeFilesComeBack() throws {
        fixture.shell("mkdir a b; printf 1 > a/1; printf 2 > b/2")
        let only = PathPattern("files" + fixture.source + "/a/**")
        let (path, result) = try fixture.restore(try fixture.write()) { only.matches($0.bytes) }
        #expect(result.files == 1 && contents(path + "/a/1") == [0x31] && access(path + "/b", F_OK) != 0)
    }
}
