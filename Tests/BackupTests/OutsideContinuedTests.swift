import Backup
import Testing

/// Files of so many chunks that they are several entries.
@Suite struct OutsideContinuedTests {
    let fixture: OutsideFixture

    init() throws {
        fixture = try OutsideFixture()
        fixture.shell(
            """
            truncate -s 5G huge; for at in 1 2500 5000; do
                head -c 300000 /dev/urandom | dd of=huge bs=1M seek=$at conv=notrunc status=none
            done; printf a > before; printf z > zz
            """)
    }

    @Test func aHugeFileIsSeveralEntriesAndOneFile() throws {
        let made = try fixture.write()
        let parts = try fixture.entries(made).filter { $0.size > 1 << 30 }
        #expect(parts.count > 1)
        #expect(parts.dropLast().allSatisfy { $0.isContinued && $0.chunks.count == 16_384 })
        #expect(parts.allSatisfy { $0.size == 5 << 30 } && parts.last?.isContinued == false)
        let totals = try fixture.reader(made).totals()
        #expect(totals.files == 3 && totals.bytes == made.written.bytes)
        let second = try fixture.write(base: made)
        #expect(second.written.filesRead == 0 && second.own.isEmpty)
        let (path, result) = try fixture.restore(second)
        #expect(result.failures.isEmpty && result.files == 3)
        #expect(isSame(path))
    }

    /// Whether the restored file is the source: its data, its length, and hardly anything but holes.
    private func isSame(_ path: String) -> Bool {
        let (source, copy) = (fixture.source + "/huge", path + "/huge")
        let isEqual = ["1", "2500", "5000"].allSatisfy {
            run("/usr/bin/cmp", "-n", "2MiB", "-i", $0 + "MiB", source, copy).status == 0
        }
        let sizes = run("/usr/bin/stat", "-c", "%s", source, copy).output.split(separator: "\n")
        let blocks = Int(run("/usr/bin/stat", "-c", "%b", copy).output.dropLast()) ?? .max
        return isEqual && Set(sizes).count == 1 && blocks * 512 < 16 << 20
    }

    @Test func aPartThatIsMissingOrForeignCostsTheFile() throws {
        let made = try fixture.write()
        // One segment for what is before the file's second part, one from there on.
        let segment = try #require(try fixture.segments(made).first)
        let cut = try #require(segment.entries.firstIndex { $0.isContinued }) + 1
        var halves = [segment, segment]
        halves[0].entries = Array(segment.entries[..<cut])
        halves[1].entries = Array(segment.entries[cut...])
        let whole = try fixture.replacing(made, halves.map(\.bytes))
        #expect(try fixture.restore(whole).result.failures.isEmpty)
        #expect(try fixture.reader(whole).failures().isEmpty)
        fixture.removeTarget()
        var foreign = halves
        for row in foreign[1].entries.indices { foreign[1].entries[row].modified += 1 }
        var shorter = halves
        shorter[1].entries[0].chunks.removeLast()
        let cases = [
            ("the end", [halves[0]]), ("the beginning", [halves[1]]), ("foreign", foreign),
            ("shorter", shorter),
        ]
        for (name, segments) in cases {
            let changed = try fixture.replacing(made, segments.map(\.bytes))
            let (path, result) = try fixture.restore(changed)
            #expect(!result.failures.isEmpty, "\(name)")
            #expect(result.failures.allSatisfy { $0.error.code == .integrity }, "\(name)")
            #expect(contents(path + "/huge") == nil, "\(name)")
            #expect(contents(path + "/before") != nil || contents(path + "/zz") != nil, "\(name)")
            #expect(try !fixture.reader(changed).failures().isEmpty, "\(name)")
            fixture.removeTarget()
        }
    }

    @Test func aHugeFileThatShrinksIsFilledUpWithZeros() throws {
        var isFirst = true
        let made = try fixture.write { done in
            if isFirst, done > 1000 {
                isFirst = false
                fixture.shell("truncate -s 3000000000 huge")
            }
        }
        #expect(made.written.notes.map(\.reason) == [.changed])
        let (path, result) = try fixture.restore(made)
        #expect(result.failures.isEmpty)
        fixture.shell("truncate -s 5G huge")
        #expect(isSame(path))
        #expect(try fixture.write(base: made).written.filesRead >= 1)
    }
}
