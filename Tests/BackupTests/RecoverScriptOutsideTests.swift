import Backup
import TestSupport
import Testing
import Vault

/// Files from outside the vault as scripts/recover.py and the program bring them back.
@Suite struct RecoverScriptOutsideTests {
    let made: RecoverableVault
    private var tree: String { made.scratch.path + "/tree" }

    init() throws {
        made = try RecoverableVault()
        let line = """
            mkdir -p tree/a/deep tree/empty tree/closed && cd tree
            printf one > a/one.txt; printf '' > a/none; head -c 3000000 /dev/urandom > a/deep/big.bin
            for i in $(seq 300); do echo "file $i" > "a/deep/$i.md"; done
            ln -s a/one.txt link; ln -s /nowhere broken; ln -s .. a/up; ln -s empty toempty
            printf x > "$(printf 'odd \\377 name')"; printf y > '筆記 📝.md'
            chmod 4755 a/one.txt; chmod 640 a/none; chmod 500 closed
            touch -d '1960-02-03 04:05:06.789' a/one.txt
            touch -h -d '2001-02-03' link; touch -d '2002-03-04 05:06:07.123456789' a empty
            """
        #expect(run("/bin/sh", "-c", line, in: made.scratch.path).status == 0)
    }

    /// What `find` and `sha256sum` say of a tree below `files/`.
    private func listing(_ root: String) -> String {
        let line = """
            find . -printf '%P %y %m %T@ %l\\0' | sort -z
            find . -type f -print0 | sort -z | xargs -0r sha256sum
            """
        return run("/bin/sh", "-c", line, in: root + "/files" + tree).output
    }

    @Test func theSameComesBackAsFromTheProgram() throws {
        let id = try made.backUp(outside: tree)
        // A second backup, in which some is taken over and some is new.
        _ = run("/bin/sh", "-c", "echo more >> a/one.txt; rm a/deep/7.md", in: tree)
        let second = try made.backUp(time: 1_790_000_000_001, outside: tree)
        for (id, name) in [(id, "first"), (second, "second")] {
            let ended = try made.recover("--backup", id, to: name)
            #expect(ended.status == 0, "\(ended.output)")
            let target = Home(path: made.scratch.path + "/program-" + name)
            var options = VaultBackups.RestoreOptions()
            options.target = target
            let report = try VaultBackups(home: made.home, keys: made.keys).restore(id, options, time: 5)
            #expect(report.failures.isEmpty)
            let expected = listing(target.path)
            #expect(expected.split(separator: "\n").count > 300)
            #expect(listing(made.scratch.path + "/" + name) == expected)
        }
    }

    @Test func onlyWhatFitsComesBack() throws {
        try made.upload("a.md", Array("text".utf8))
        try made.backUp(outside: tree)
        let ended = try made.recover("--only", "files/**/deep/1?.md", "--only", "documents/**")
        #expect(ended.status == 0, "\(ended.output)")
        let found = run("/usr/bin/find", made.scratch.path + "/out", "-type", "f").output
        #expect(found.split(separator: "\n").count == 11 && !found.contains("database"))
        #expect(made.restored("documents/a.md") == Array("text".utf8))
        #expect(made.restored("files\(tree)/a/deep/12.md") == Array("file 12\n".utf8))
    }

    @Test func whatIsDamagedIsNamedAndTheRestComesBack() throws {
        try made.upload("a.md", Array("text".utf8))
        try made.backUp()
        let packs = {
            Set(
                run("/usr/bin/find", made.home.backupsDirectory + "/p", "-type", "f").output.split(
                    separator: "\n"))
        }
        let before = packs()
        let id = try made.backUp(time: 1_790_000_000_001, outside: tree)
        #expect(try made.recover("--backup", id, to: "good").status == 0)
        for pack in packs().subtracting(before) { _ = run("/usr/bin/truncate", "-s", "-1", String(pack)) }
        let ended = try made.recover("--backup", id, to: "bad")
        #expect(ended.status == 6 && ended.output.contains("segment 0 of the files: pack"), "\(ended.output)")
        #expect(made.restored("files\(tree)/a/deep/12.md", in: "good") != nil)
        #expect(made.restored("files\(tree)/a/deep/12.md", in: "bad") == nil)
        #expect(made.restored("documents/a.md", in: "bad") == Array("text".utf8))
    }

    /// A member that signs what it likes.
    @Test func noListLeadsOutOfTheDirectory() throws {
        let script = """
            import pathlib, sys
            sys.path.insert(0, sys.argv[1])
            import recover
            from vaultformat import Record, u32

            class Hostile(recover.Backup):
                def __init__(self, *paths):
                    self.body, self.rows, self.roster = Record(files=[None]), {}, Record(reader=Record())
                    blob = lambda text: u32(len(text)) + text
                    entries = [blob(path) + bytes([kind]) + blob(target) + bytes(2 + 8 * 4 + 1) + u32(0)
                               for path, kind, target in paths]
                    self.data = b"ATLF" + u32(0) * 3 + u32(len(entries)) + b"".join(entries)

                def segment(self, segment):
                    return self.data

            out, evil = pathlib.Path(sys.argv[2]), sys.argv[3].encode()
            for number, paths in enumerate([
                    [(b"/a", 3, evil), (b"/a/b", 1, b""), (b"/a/c", 3, b"x"), (b"/z", 1, b"")],
                    [(b"/a", 1, b""), (b"/a/b", 1, b""), (b"/z", 1, b"")],
                    [(b"/a", 2, b""), (b"/a", 3, evil), (b"/a/b", 1, b""), (b"/z", 1, b"")],
                    [(b"/../b", 1, b"")], [(b"/a//b", 1, b"")], [(b"b", 1, b"")], [(b"/b\\0", 1, b"")],
                    [(b"/" + b"n" * 256, 1, b"")], [(b"/b", 1, b"t")], [(b"/b", 4, b"")]]):
                problems, place = [], out / str(number)
                recover.restore_outside(Hostile(*paths), place, lambda path: True, problems)
                print(number, len(problems), (place / "files" / "z").is_file())
            """
        let evil = made.scratch.directory("evil")
        let ended = run(
            try ProjectPython.interpreter(), "-c", script, ProjectPython.root + "/scripts",
            made.scratch.path + "/out", evil)
        let expected = ["0 2 True", "1 1 True", "2 1 True"] + (3...9).map { "\($0) 1 False" }
        #expect(ended.output.split(separator: "\n").map(String.init) == expected, "\(ended.output)")
        #expect(run("/usr/bin/find", evil).output == evil + "\n")
    }
}
