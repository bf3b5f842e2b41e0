import FileSystem
import TestSupport
import Testing

@Suite struct PowerCutTests {
    @Test(arguments: 0..<64 as Range<UInt64>)
    func aReplacedFileIsOldOrNewButNeverElse(seed: UInt64) throws {
        let live = try TemporaryDirectory()
        let old = [UInt8](repeating: 1, count: 3000)
        let new = [UInt8](repeating: 2, count: 5000)
        try Durable.replace(live("f"), with: old)
        let before = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(live.path, to: before("home"))
        let cut = PowerCut()
        try cut.record(below: live.path) { try Durable.replace(live("f"), with: new) }

        for end in 0...cut.count {
            let root = try TemporaryDirectory()
            try TemporaryDirectory.copyTree(before("home"), to: root("home"))
            try cut.replay(upTo: end, seed: seed, original: live.path, root: root("home"))
            let found = try Files.readAll(root("home/f"), limit: 10_000)
            #expect(found == old || found == new, "seed \(seed), cut \(end)")
            if end == cut.count { #expect(found == new, "seed \(seed): acknowledged") }
        }
    }

    /// The twin: without the fsync before the rename some cut leaves a torn file, so the model bites.
    @Test func withoutTheSyncATornFileAppears() throws {
        var torn = 0
        for seed in 0..<64 as Range<UInt64> {
            let live = try TemporaryDirectory()
            let cut = PowerCut()
            try cut.record(below: live.path) {
                try File.open(live("t"), .createNew).write([UInt8](repeating: 2, count: 5000), at: 0)
                try Durable.rename(live("t"), to: live("f"))
                try Durable.syncDirectory(live.path)
            }
            let root = try TemporaryDirectory()
            try cut.replay(upTo: cut.count, seed: seed, original: live.path, root: root.path)
            if try Files.readAll(root("f"), limit: 10_000).count < 5000 { torn += 1 }
        }
        #expect(torn > 10)
    }
}
