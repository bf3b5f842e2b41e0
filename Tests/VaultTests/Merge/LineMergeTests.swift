import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

/// Against git merge-file and GNU diff3, which know nothing of this program.
@Suite struct LineMergeTests {
    private func run(_ program: String, _ arguments: [String]) throws -> (output: [UInt8], status: Int32) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (Array(output), process.terminationStatus)
    }

    /// Removes, replaces and inserts stretches of lines; new lines differ from all others unless shared.
    private func edited(_ base: [String], _ random: inout SplitMix64, _ name: String) -> [String] {
        func below(_ limit: Int, _ random: inout SplitMix64) -> Int { Int(random.next() % UInt64(limit)) }
        var lines = base
        for edit in 0..<(1 + below(4, &random)) {
            let start = below(lines.count + 1, &random)
            let end = min(lines.count, start + below(3, &random))
            let isShared = below(4, &random) == 0
            let new = (0..<below(3, &random)).map { isShared ? "both \($0)" : "\(name) \(edit).\($0)" }
            lines.replaceSubrange(start..<end, with: new)
        }
        return lines
    }

    private func bytes(_ lines: [String]) -> [UInt8] { Array(lines.map { $0 + "\n" }.joined().utf8) }

    @Test func gitMergesTheSame() throws {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        let folder = try TemporaryDirectory()
        var conflicts = 0
        for seed in start..<start + 150 {
            var random = SplitMix64(seed: seed)
            let base = (0..<Int(random.next() % 12)).map { "line \($0)" }
            let (local, remote) = (edited(base, &random, "local"), edited(base, &random, "remote"))
            // Lines that stand twice can be matched in two ways, and both are right.
            guard [local, remote].allSatisfy({ Set($0).count == $0.count }) else { continue }
            for (name, lines) in [("base", base), ("local", local), ("remote", remote)] {
                try Data(bytes(lines)).write(to: URL(fileURLWithPath: folder(name)))
            }
            let merge = LineMerge(base: bytes(base), local: bytes(local), remote: bytes(remote))
            let git = try run(
                "git",
                ["merge-file", "-p", "--diff3", "-L", "local", "-L", "base", "-L", "remote"]
                    + ["local", "base", "remote"].map { folder($0) })
            #expect(
                String(decoding: merge.text(base: "base"), as: UTF8.self)
                    == String(decoding: git.output, as: UTF8.self), "seed \(seed)")
            #expect(merge.hasConflicts == (git.status > 0), "seed \(seed)")
            if merge.hasConflicts { conflicts += 1 }
            let gnu = try run("diff3", ["-m"] + ["local", "base", "remote"].map { folder($0) })
            if gnu.status == 0 {
                #expect(merge.merged == gnu.output, "seed \(seed)")
            }
        }
        #expect(conflicts > 0)
    }

    /// Few different lines, so that much matches in many ways: what must hold whichever is taken.
    @Test func lawsHoldForRepeatedLines() {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        for seed in start..<start + 3000 {
            var random = SplitMix64(seed: seed)
            var texts: [[UInt8]] = []
            for _ in 0..<3 {
                let count = Int(random.next() % 20)
                texts.append((0..<count).map { _ in Array("abc\n\n".utf8)[Int(random.next() % 5)] })
            }
            let (a, b, c) = (texts[0], texts[1], texts[2])
            #expect(LineMerge(base: a, local: a, remote: b).merged == b, "seed \(seed)")
            #expect(LineMerge(base: a, local: b, remote: a).merged == b, "seed \(seed)")
            #expect(LineMerge(base: a, local: b, remote: b).merged == b, "seed \(seed)")
            let swapped = LineMerge(base: a, local: c, remote: b).parts.map { part in
                if case .conflict(let base, let local, let remote) = part {
                    return LineMerge.Part.conflict(base: base, local: remote, remote: local)
                }
                return part
            }
            #expect(LineMerge(base: a, local: b, remote: c).parts == swapped, "seed \(seed)")
        }
    }

    @Test func longTextsThatShareNothingEnd() {
        let texts = (0..<3).map { text in
            Array((0..<30_000).map { "\(text) \($0)\n" }.joined().utf8)
        }
        #expect(LineMerge(base: texts[0], local: texts[1], remote: texts[2]).hasConflicts)
    }

    @Test func fieldsMergeOneByOne() {
        let merge = FieldMerge(
            base: [1: .text("a\nb\nc\n"), 2: .integer(1), 3: .text("x"), 4: .text("y")],
            local: [1: .text("A\nb\nc\n"), 2: .integer(2), 3: .text("l"), 4: .text("y")],
            remote: [1: .text("a\nb\nC\n"), 2: .integer(2), 3: .text("r"), 5: .null])
        #expect(merge.conflicts == [3])
        #expect(merge.merged == [1: .text("A\nb\nC\n"), 2: .integer(2), 4: .null, 5: .null])
    }
}
