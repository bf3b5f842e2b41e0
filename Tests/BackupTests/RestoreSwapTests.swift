import Backup
import Testing

@Suite struct RestoreSwapTests {
    struct Stop: Error {}

    /// A home with `text` in every part that moves, and a backup store and a source tree, which do not.
    private func home(_ scratch: Scratch) -> String {
        let home = scratch.directory("home")
        for folder in ["data", "data/backups", "run", ".git"] { _ = scratch.directory("home/" + folder) }
        for part in RestoreSwap.parts {
            _ = scratch.directory("home/" + part)
            put(Array("old".utf8), "\(home)/\(part)/file")
        }
        put(Array("pack".utf8), home + "/data/backups/pack")
        return home
    }

    private func stage(_ home: String) throws -> String {
        let staged = try RestoreSwap.stage(home: home)
        for part in RestoreSwap.parts { put(Array("new".utf8), "\(home)/\(staged)/\(part)/file") }
        return staged
    }

    private func state(_ home: String) -> Set<String> {
        Set(RestoreSwap.parts.map { String(decoding: contents("\(home)/\($0)/file") ?? [], as: UTF8.self) })
    }

    @Test func theNewStateTakesThePlaceOfTheOld() throws {
        let scratch = try Scratch()
        let home = home(scratch)
        try RestoreSwap.commit(home: home, staged: stage(home), time: 1700)
        #expect(state(home) == ["new"] && state(home + "/.before-restore-1700") == ["old"])
        #expect(contents(home + "/data/backups/pack") == Array("pack".utf8))
        #expect(try Restore.finishInterrupted(home: home) == false)
        try Restore.dropOldStates(home: home)
        let left = run("/bin/ls", "-A", home).output
        #expect(left == ".git\ndata\nkeys\nrun\n")
    }

    @Test func aStopAtAnyStepLeavesOneStateOrTheOther() throws {
        var stopAt = 0
        var wasWhole = false
        while !wasWhole {
            let scratch = try Scratch()
            let home = home(scratch)
            let staged = try stage(home)
            var steps = 0
            do {
                try RestoreSwap.commit(home: home, staged: staged, time: 5) {
                    if steps == stopAt { throw Stop() }
                    steps += 1
                }
                wasWhole = true
            } catch is Stop {}
            let isRestored = try Restore.finishInterrupted(home: home)
            // Before the marker the old state stays; from the marker on it goes forward.
            #expect(state(home) == (stopAt == 0 ? ["old"] : ["new"]), "stopped at step \(stopAt)")
            #expect(isRestored == (stopAt > 0 && !wasWhole))
            if stopAt > 0 { #expect(state(home + "/.before-restore-5") == ["old"]) }
            #expect(try Restore.finishInterrupted(home: home) == false)
            #expect(!run("/bin/ls", "-A", home).output.contains(".restore-"))
            stopAt += 1
        }
        #expect(stopAt > 10)
    }

    @Test func aSecondStopWhileFinishingIsNoHarm() throws {
        for first in 1..<8 {
            let scratch = try Scratch()
            let home = home(scratch)
            let staged = try stage(home)
            for stopAt in [first, 2, 1] {
                var steps = 0
                do {
                    if stopAt == first {
                        try RestoreSwap.commit(home: home, staged: staged, time: 5) {
                            if steps == stopAt { throw Stop() }
                            steps += 1
                        }
                    } else {
                        try RestoreSwap.finish(home: home) {
                            if steps == stopAt { throw Stop() }
                            steps += 1
                        }
                    }
                } catch is Stop {}
            }
            try Restore.finishInterrupted(home: home)
            #expect(state(home) == ["new"] && state(home + "/.before-restore-5") == ["old"])
        }
    }

    @Test func aForgedMarkerMovesNothing() throws {
        let scratch = try Scratch()
        let home = home(scratch)
        for bytes in [[], Array("ATRS".utf8), [UInt8](repeating: 7, count: 100)] {
            put(bytes, home + "/.restore")
            #expect(throws: BackupError.self) { try Restore.finishInterrupted(home: home) }
            #expect(state(home) == ["old"])
        }
    }

    @Test func stagingThatWasKilledIsClearedAway() throws {
        let scratch = try Scratch()
        let home = home(scratch)
        _ = try stage(home)
        put([1], home + "/.restore.tmp-1a2b")
        #expect(try Restore.finishInterrupted(home: home) == false)
        #expect(state(home) == ["old"] && !run("/bin/ls", "-A", home).output.contains(".restore"))
    }
}
