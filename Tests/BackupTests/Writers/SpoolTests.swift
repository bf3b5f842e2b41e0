import Backup
import FileSystem
import Glibc
import KeyRing
import TestSupport
import Testing
import Vault

/// What stands in a spool at any moment.
@Suite struct SpoolTests {
    private let scene: WriterScene

    init() throws {
        scene = try WriterScene()
        try scene.fill()
    }

    /// Whether the spool holds a whole offer, and its pages and files.
    private func state(of spool: String) throws -> OfferedState {
        let state = try OfferedState(in: spool)
        var versions: [PageEntry] = []
        try state.pages().versions { versions.append(PageEntry(group: 0, version: $1)) }
        let statement = state.offer.statement
        #expect(WriterScene.root(statement.databaseID, statement.counter, versions) == statement.root)
        let files: [DocumentUnits<BlindKeys>.Source] = try state.files()
        for file in files {
            let home = scene.living.home.path + "/data/" + file.path
            #expect(contents(file.location) == contents(home), "\(file.path)")
        }
        return state
    }

    @Test func itIsReadableForItsGroupAndHoldsNoMoreThanTwoOffers() throws {
        let mask = umask(0o077)
        defer { umask(mask) }
        try scene.offer()
        try scene.fill(tasks: 1, document: "b.bin", seed: 9)
        try scene.offer(time: 2)
        try scene.offer(time: 3)
        for path in run("/usr/bin/find", scene.spool).output.split(separator: "\n") {
            let status = try #require(try Files.status(String(path)))
            let wanted: UInt16 =
                path.hasSuffix(".lock") ? 0o600 : status.kind == .directory ? 0o750 : 0o640
            #expect(status.permissions & 0o777 == wanted, "\(path) \(status.permissions)")
        }
        #expect(try Files.list(scene.spool).filter { $0.hasPrefix("pages-") }.count == 2)
        #expect(try state(of: scene.spool).offer.files.count == 2)
    }

    @Test func itTakesNoDirectoryWithOtherThings() throws {
        let home = scene.living.home.path
        for directory in [home, home + "/data", scene.living.scratch.path] {
            let error = #expect(throws: BackupError.self) {
                try scene.use { try scene.backups.offer($0, in: directory, time: 1) }
            }
            #expect(error?.code == .conflict)
        }
        try Files.createDirectory(scene.spool)
        try scene.offer()
    }

    private static let worker: String = {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        #if DEBUG
            return "/\(root)/.build/debug/test-worker"
        #else
            return "/\(root)/.build/release/test-worker"
        #endif
    }()

    /// How many points are tried: `AI_TEAM_TEST_KILLS`, or 30.
    private static let points = getenv("AI_TEAM_TEST_KILLS").flatMap { Int(String(cString: $0)) } ?? 30

    @Test func killedAnywhereAnOfferLeavesTheFormerOneWhole() throws {
        try scene.offer()
        let former = try state(of: scene.spool).offer
        try scene.fill(tasks: 5, document: "b.bin", seed: 9)
        let before = scene.path("before")
        try TemporaryDirectory.copyTree(scene.spool, to: before)
        let home = scene.living.home.path
        let whole = run(Self.worker, "backup-offer", home, "0", scene.spool)
        let line = try #require(whole.output.split(separator: "\n").first { $0.hasPrefix("changes ") })
        let total = try #require(Int(line.dropFirst(8)))
        #expect(try state(of: scene.spool).offer.files.count == 2)
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start), \(total) changes")
        var kept = 0
        for seed in start..<start + UInt64(Self.points) {
            var random = SplitMix64(seed: seed)
            let point = 1 + Int(random.next() % UInt64(total))
            let spool = scene.path("killed-\(seed)")
            try TemporaryDirectory.copyTree(before, to: spool)
            let ended = run(Self.worker, "backup-offer", home, "\(point)", spool)
            #expect(ended.status == 137, "\(ended.output)")
            let found = try state(of: spool).offer
            #expect(found == former || found.files.count == 2, "seed \(seed), change \(point)")
            kept += found == former ? 1 : 0
            // The next one works and leaves nothing behind.
            try scene.use { _ = try scene.backups.offer($0, in: spool, time: 9) }
            #expect(try state(of: spool).offer.statement.time == 9)
            #expect(run("/usr/bin/find", spool, "-name", "*.tmp-*").output.isEmpty)
            try Files.removeTree(spool)
        }
        #expect(kept > 0)
    }

    @Test func aPowerCutInAnOfferLeavesTheFormerOneWhole() throws {
        try scene.offer()
        let former = try state(of: scene.spool).offer
        try scene.fill(tasks: 5, document: "b.bin", seed: 9)
        let before = scene.path("before")
        try TemporaryDirectory.copyTree(scene.spool, to: before)
        let cut = PowerCut()
        try scene.use { vault in
            try cut.record(below: scene.spool) {
                _ = try scene.backups.offer(vault, in: scene.spool, time: 9)
            }
        }
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start), \(cut.count) events")
        for seed in start..<start + UInt64(Self.points) {
            var random = SplitMix64(seed: seed)
            let end = seed == start ? cut.count : Int(random.next() % UInt64(cut.count))
            let disk = try TemporaryDirectory()
            try TemporaryDirectory.copyTree(before, to: disk("spool"))
            try cut.replay(upTo: end, seed: seed, original: scene.spool, root: disk("spool"))
            let found = try state(of: disk("spool")).offer
            #expect(
                found.statement.time == 9 || (found == former && end < cut.count), "seed \(seed), cut \(end)")
        }
    }
}
