import Backup
import Glibc
import TestSupport
import Testing

/// Backups that build on the one before.
@Suite struct OutsideIncrementalTests {
    let fixture: OutsideFixture

    init() throws { fixture = try OutsideFixture() }

    @Test func whatDidNotChangeIsNeitherReadNorWritten() throws {
        fixture.shell(
            "mkdir -p d/e; for i in $(seq 300); do printf $i > d/$i; done; head -c 900000 /dev/urandom > big")
        fixture.shell("ln -s big link; : > empty")
        let first = try fixture.write()
        #expect(first.written.filesRead == first.written.files)
        let second = try fixture.write(base: first)
        #expect(second.written.filesRead == 0 && second.written.bytesRead == 0 && second.own.isEmpty)
        #expect(second.written.files == 302 && second.written.bytes == first.written.bytes)
        #expect(try fixture.segments(second) == fixture.segments(first))
        fixture.shell("printf new > d/77; rm d/78; printf x > d/zz")
        let third = try fixture.write(base: second)
        #expect(third.written.filesRead == 2 && third.written.bytesRead == 4)
        let (path, result) = try fixture.restore(third)
        #expect(result.failures.isEmpty && fixture.listing(path) == fixture.listing(fixture.source))
    }

    @Test func aChangeThatKeepsSizeAndTimeIsSeen() throws {
        fixture.shell("printf one > a; printf one > b; touch -d 2020-01-01 a b")
        let first = try fixture.write()
        // ctime betrays the one, the inode the other.
        fixture.shell("printf two > a; touch -d 2020-01-01 a; printf two > c; touch -d 2020-01-01 c; mv c b")
        let second = try fixture.write(base: first)
        #expect(second.written.filesRead == 2)
        let (path, _) = try fixture.restore(second)
        #expect(contents(path + "/a") == Array("two".utf8) && contents(path + "/b") == Array("two".utf8))
    }

    @Test func whatChangedAboutWhenItWasReadIsReadAgain() throws {
        fixture.shell("printf one > a")
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        let first = try fixture.write(start: now)
        #expect(try fixture.entries(first).allSatisfy { $0.inode == 0 })
        #expect(try fixture.write(base: first).written.filesRead == 1)
        // Long after that it is believed.
        let second = try fixture.write(base: first, start: now + 60_000_000_000)
        #expect(try fixture.write(base: second).written.filesRead == 0)
    }

    @Test func knownChunksAreNotWrittenAgain() throws {
        fixture.shell("head -c 3000000 /dev/urandom > a")
        let first = try fixture.write()
        // Moved, copied, appended to, and a byte in front.
        fixture.shell("mv a b; cp b c; (printf x; cat b; printf tail) > d")
        let second = try fixture.write(base: first)
        #expect(second.written.filesRead == 3)
        #expect(second.own.reduce(0) { $0 + $1.length } < 600_000)
        let (path, result) = try fixture.restore(second)
        #expect(result.failures.isEmpty && fixture.listing(path) == fixture.listing(fixture.source))
    }

    @Test func aDamagedSegmentOfTheBaseCostsAReadAndNothingElse() throws {
        fixture.shell("for i in $(seq 50); do printf $i > $i; done")
        let first = try fixture.write()
        var bytes = try fixture.segments(first)[0].bytes
        bytes[3] = 0
        let damaged = try fixture.replacing(first, [bytes])
        let second = try fixture.write(base: damaged)
        #expect(second.written.filesRead == 50 && second.written.notes.isEmpty)
        let (path, result) = try fixture.restore(second)
        #expect(result.failures.isEmpty && fixture.listing(path) == fixture.listing(fixture.source))
    }

    @Test func otherPathsAndPatternsBuildOnTheSameBase() throws {
        fixture.shell("mkdir x y; for d in x y; do for i in 1 2 3; do printf $d$i > $d/$i; done; done")
        let source = fixture.source
        let first = try fixture.write(OutsideSelection(paths: [Array((source + "/y").utf8)]))
        let second = try fixture.write(base: first)
        #expect(second.written.files == 6 && second.written.filesRead == 3)
        let third = try fixture.write(
            OutsideSelection(paths: ["/y/2", "/x"].map { Array((source + $0).utf8) }), base: second)
        #expect(third.written.files == 4 && third.written.filesRead == 0)
        let (path, _) = try fixture.restore(third)
        #expect(contents(path + "/y/2") == Array("y2".utf8) && access(path + "/y/1", F_OK) != 0)
    }

    @Test func aFileThatCanNotBeReadAnyMoreIsNamed() throws {
        fixture.shell("printf 1 > a; printf 2 > b")
        let first = try fixture.write()
        fixture.shell("rm a; mkfifo a")
        let second = try fixture.write(base: first)
        #expect(second.written.notes.map(\.reason) == [.special] && second.written.files == 1)
        #expect(try fixture.entries(second).count == 2)
    }

    /// Random trees, changed many times: every backup restores to what was there.
    @Test func everyStateComesBack() throws {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        var tree = RandomTree(fixture.source, &random)
        var base: OutsideFixture.Made?
        var states: [(made: OutsideFixture.Made, listing: String)] = []
        for _ in 0..<stressCount("AI_TEAM_TEST_STATES", 6) {
            let changed = tree.change(&random)
            let made = try fixture.write(base: base)
            #expect(made.written.notes.isEmpty, "seed \(seed): \(made.written.notes)")
            if base != nil { #expect(made.written.filesRead <= UInt64(changed), "seed \(seed)") }
            states.append((made, fixture.listing(fixture.source)))
            base = made
        }
        for (number, state) in states.enumerated() {
            let (path, result) = try fixture.restore(state.made)
            #expect(result.failures.isEmpty, "seed \(seed), state \(number)")
            #expect(fixture.listing(path) == state.listing, "seed \(seed), state \(number)")
            #expect(try fixture.reader(state.made).failures().isEmpty, "seed \(seed), state \(number)")
            fixture.removeTarget()
        }
        // A full backup of the same state has the same list, but for where things stand.
        let full = try fixture.entries(fixture.write())
        let last = try fixture.entries(try #require(base))
        #expect(full.map(\.path) == last.map(\.path) && full.map(\.size) == last.map(\.size))
    }
}

/// A tree that changes at random.
struct RandomTree {
    private let root: String
    private var directories: [String]
    private var files: [String] = []
    private var next = 0

    init(_ root: String, _ random: inout SplitMix64) {
        self.root = root
        directories = [root]
        for _ in 0..<120 { add(&random) }
    }

    /// Changes some of it; returns how many files have to be read.
    mutating func change(_ random: inout SplitMix64) -> Int {
        var changed: Set<String> = []
        for _ in 0..<20 {
            let index = Int.random(in: files.indices, using: &random)
            let file = files[index]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: changed.insert(add(&random))
            case 1:
                unlink(file)
                files.remove(at: index)
                changed.remove(file)
            case 2:
                let more = bytes(&random, Int.random(in: 1...5000, using: &random))
                put((contents(file) ?? []) + more, file)
                changed.insert(file)
            case 3:
                var content = contents(file) ?? []
                content.insert(7, at: content.count / 2)
                put(content, file)
                changed.insert(file)
            case 4:
                let moved = name(&random)
                rename(file, moved)
                files[index] = moved
                changed.remove(file)
                changed.insert(moved)
            default:
                chmod(file, [0o600, 0o644, 0o755].randomElement(using: &random) ?? 0o600)
                changed.insert(file)
            }
        }
        return changed.count
    }

    @discardableResult
    private mutating func add(_ random: inout SplitMix64) -> String {
        let path = name(&random)
        if Int.random(in: 0..<8, using: &random) == 0 {
            mkdir(path, 0o755)
            directories.append(path)
        }
        let file = directories.last == path ? name(&random) : path
        let sizes = [0, 1, 100, 5000, 65_536, 65_537, 400_000]
        put(bytes(&random, sizes.randomElement(using: &random) ?? 0), file)
        files.append(file)
        if Int.random(in: 0..<10, using: &random) == 0 { symlink("../\(next)", file + ".link") }
        return file
    }

    /// Names whose order differs with and without what follows them.
    private mutating func name(_ random: inout SplitMix64) -> String {
        next += 1
        let kind = ["", "!", " ", "-", ".x", "0", "é", "漢", "\n"].randomElement(using: &random) ?? ""
        return "\(directories.randomElement(using: &random) ?? root)/\(next % 40)\(kind)\(next)"
    }

    private func bytes(_ random: inout SplitMix64, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes += $0 } }
        return Array(bytes.prefix(count))
    }
}
