import Backup
import Glibc
import Testing

@Suite struct OutsideTests {
    let fixture: OutsideFixture

    init() throws { fixture = try OutsideFixture() }

    @Test func aTreeComesBackAsItWas() throws {
        fixture.shell(
            """
            mkdir -p empty a/b/c 'مجلد' .hidden; : > zero; printf x > one
            head -c 300000 /dev/urandom > a/random; head -c 300000 /dev/zero > a/zeros
            printf '📦 content' > 'a/b/📦 box.txt'; printf rtl > 'مجلد/ملف'
            printf raw > "$(printf 'a/\\377\\376 name')"; printf nl > "$(printf 'new\\nline')"
            ln -s a/one inside; ln -s /etc/passwd outside; ln -s ../../.. up; ln -s nowhere dangling
            chmod 4755 one; chmod 400 zero; chmod 555 a/b/c; touch -d '1969-07-20 20:17:40.123456789' one
            touch -d '2031-01-01 00:00:00.000000001' a/b; ln one a/hardlink
            """)
        let made = try fixture.write()
        #expect(made.written.notes.isEmpty && made.written.files == 9)
        let (path, result) = try fixture.restore(made)
        #expect(result.failures.isEmpty && result.files == 9 && result.bytes == made.written.bytes)
        // The set-user-id bit, and nothing else, stays away.
        fixture.shell("chmod 755 one; touch -d '1969-07-20 20:17:40.123456789' one")
        #expect(fixture.listing(path) == fixture.listing(fixture.source))
    }

    @Test func theSameChunksAreStoredOnce() throws {
        fixture.shell("head -c 500000 /dev/urandom > a; cp a b; cat a a > c; head -c 40 a > d; cp d e")
        let made = try fixture.write()
        let stored = try fixture.segments(made).flatMap(\.runs).reduce(0) { $0 + Int($1.plainLength) }
        // One that starts elsewhere meets the cuts again within a few chunks.
        #expect(stored < 1_200_000 && made.written.bytes == 2_000_080)
        let (path, result) = try fixture.restore(made)
        #expect(result.failures.isEmpty && fixture.listing(path) == fixture.listing(fixture.source))
    }

    @Test func aSparseFileStaysSparse() throws {
        fixture.shell(
            """
            truncate -s 1G big; printf end >> big; printf mid | dd of=big bs=1 seek=500000000 conv=notrunc
            """)
        let made = try fixture.write()
        #expect(made.written.bytes == (1 << 30) + 3)
        #expect(made.packs.reduce(0) { $0 + $1.length } < 200_000)
        let (path, result) = try fixture.restore(made)
        #expect(result.failures.isEmpty)
        #expect(run("/usr/bin/cmp", fixture.source + "/big", path + "/big").status == 0)
        let blocks = Int(run("/usr/bin/stat", "-c", "%b", path + "/big").output.dropLast()) ?? .max
        #expect(blocks * 512 < 16 << 20)
    }

    @Test func holesAndWrittenZerosMakeTheSameChunks() throws {
        fixture.shell("truncate -s 3M hole; printf tail >> hole; cp --sparse=never hole full")
        let entries = try fixture.entries(fixture.write()).filter { $0.kind == .file }
        #expect(entries.count == 2 && entries[0].chunks == entries[1].chunks)
    }

    @Test func deepPathsComeBack() throws {
        // Longer than the system takes in one path.
        let name = String(repeating: "d", count: 60)
        var directory = open(fixture.source, O_RDONLY)
        for _ in 0..<120 {
            #expect(mkdirat(directory, name, 0o700) == 0)
            let next = openat(directory, name, O_RDONLY)
            close(directory)
            directory = next
        }
        close(openat(directory, "leaf", O_CREAT | O_WRONLY, 0o600))
        close(directory)
        let made = try fixture.write()
        #expect(made.written.notes.isEmpty && made.written.files == 1)
        let (path, result) = try fixture.restore(made)
        #expect(result.failures.isEmpty && result.files == 1)
        #expect(run("/usr/bin/find", path, "-name", "leaf").output.utf8.count > 120 * 61)
    }

    @Test func whatDoesNotBelongIsNamed() throws {
        fixture.shell("mkfifo pipe; printf secret > locked; chmod 000 locked; printf ok > ok")
        var notes = try fixture.write().written.notes
        let isRoot = geteuid() == 0
        #expect(notes.contains { $0.reason == .special && $0.name.hasSuffix("/pipe") })
        #expect(notes.count == (isRoot ? 1 : 2))
        // Has a length and refuses to be read, by whomever.
        let refuses = "/sys/class/net/lo/phys_port_id"
        guard access(refuses, F_OK) == 0 else { return }
        notes = try fixture.write(OutsideSelection(paths: [Array(refuses.utf8)])).written.notes
        #expect(notes.count == 1)
        if case .unreadable? = notes.first?.reason {} else { Issue.record("\(notes)") }
    }

    @Test func aFileThatChangesOrVanishesStopsNothing() throws {
        fixture.shell("head -c 100000 /dev/urandom > a; printf b > b; printf c > c")
        var isFirst = true
        let made = try fixture.write { _ in
            guard isFirst else { return }
            isFirst = false
            fixture.shell("printf more >> a; rm b")
        }
        #expect(Set(made.written.notes.map(\.reason)) == [.changed, .vanished])
        let (path, _) = try fixture.restore(made)
        #expect(contents(path + "/a")?.count == 100_000 && contents(path + "/c") == Array("c".utf8))
    }

    @Test func aFileThatShrinksIsKeptAsFarAsItWasRead() throws {
        fixture.shell("head -c 3000000 /dev/urandom > a")
        var isFirst = true
        let made = try fixture.write { _ in
            if isFirst { fixture.shell("truncate -s 1500000 a") }
            isFirst = false
        }
        #expect(made.written.notes.map(\.reason) == [.changed])
        let (path, result) = try fixture.restore(made)
        #expect(result.failures.isEmpty)
        let source = contents(fixture.source + "/a")
        #expect(contents(path + "/a")?.prefix(1_000_000) == source?.prefix(1_000_000))
    }

    @Test func pathsThatOverlapCountOnceAndOneThatIsMissingStops() throws {
        fixture.shell("mkdir -p x/y; printf 1 > x/y/f; ln -s x link")
        let source = fixture.source
        let paths = ["/x", "/x/y/", "/x/../x", "/link/y/f", "/x/y/f"].map { Array((source + $0).utf8) }
        let made = try fixture.write(OutsideSelection(paths: paths))
        #expect(made.written.roots == [Array((source + "/x").utf8)] && made.written.files == 1)
        let error = #expect(throws: BackupError.self) {
            try fixture.write(OutsideSelection(paths: [Array((source + "/nothing").utf8)]))
        }
        #expect(error?.code == .notFound)
    }

    @Test func aDirectoryThatBecomesALinkMeanwhileIsNotFollowed() throws {
        let secret = fixture.scratch.directory("secret")
        put(Array("secret".utf8), secret + "/s")
        fixture.shell("""
            mkdir x; printf 1 > x/f
            (for i in $(seq 300); do mv x hold; ln -s \(secret) x; rm x; mv hold x; done; : > done) \\
                >/dev/null 2>&1 &
            """)
        var rounds = 0
        while access(fixture.source + "/done", F_OK) != 0 || rounds == 0 {
            let entries = try fixture.entries(fixture.write())
            #expect(!entries.contains { $0.path.suffix(2) == Array("/s".utf8) })
            rounds += 1
        }
    }

    @Test func aPathThatIsALinkIsKeptAsOneUnlessASlashFollows() throws {
        fixture.shell("mkdir x; printf 1 > x/f; ln -s x link")
        let link = Array((fixture.source + "/link").utf8)
        var made = try fixture.write(OutsideSelection(paths: [link]))
        #expect(made.written.files == 0 && made.written.notes == [OutsideNote(path: link, reason: .link)])
        made = try fixture.write(OutsideSelection(paths: [link + Array("/".utf8)]))
        #expect(made.written.roots == [Array((fixture.source + "/x").utf8)] && made.written.files == 1)
    }

    @Test func nothingThatIsThereIsOverwritten() throws {
        fixture.shell("printf new > a; printf b > b")
        let made = try fixture.write()
        let (path, _) = try fixture.restore(made)
        put(Array("mine".utf8), path + "/a")
        _ = run("/bin/rm", path + "/b")
        let (_, result) = try fixture.restore(made)
        #expect(result.failures.map(\.error.code) == [.conflict] && result.files == 1)
        #expect(contents(path + "/a") == Array("mine".utf8))
    }
}
