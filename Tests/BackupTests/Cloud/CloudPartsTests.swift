import Backup
import FileSystem
import ObjectStorage
import TestSupport
import Testing
import Vault

/// One document straight from a bucket.
@Suite struct CloudPartsTests {
    /// A home with a large document, several small ones and a file from outside, shipped and then forgotten:
    /// nothing of its backups is left on this side.
    private struct Shipped {
        let test: CloudHome
        let id: String
        /// 6 MiB of chance: two extents in its pack.
        let large: [UInt8]
        var target: String { test.living.scratch.path + "/parts" }

        init(seed: UInt64 = 71) throws {
            test = try CloudHome()
            var random = SplitMix64(seed: seed)
            large = (0..<(6 << 20) / 8).flatMap { _ in withUnsafeBytes(of: random.next(), Array.init) }
            let folder = test.living.scratch.path
            put(large, folder + "/large.bin")
            try test.living.upload("large.bin", to: test.vault)
            for i in 0..<20 {
                put(Array("small \(i)".utf8), folder + "/small-\(i).md")
                try test.living.upload("small-\(i).md", to: test.vault)
            }
            put(Array("out".utf8), test.living.scratch.directory("tree") + "/o.txt")
            var options = VaultBackups.CreateOptions()
            options.paths = [Array((folder + "/tree").utf8)]
            id = try test.living.backups.create(test.vault, options, time: 1_790_000_000_000).backup.id
            _ = try test.cloud().ship()
            try forget()
        }

        func forget() throws {
            try Files.removeTree(test.living.home.backupsDirectory)
            try Files.removeTree(test.living.home.runDirectory)
        }

        func document(_ name: String) throws -> String {
            let all = try test.vault.read { try $0.documents().items }
            return try #require(all.first { $0.name == Array(name.utf8) }?.id)
        }

        /// What an export writes, and the GETs of objects that it costs.
        func export(_ only: String...) throws -> (report: VaultBackups.ExportReport, gets: Int) {
            if try Files.exists(target) { try Files.removeTree(target) }
            try Files.createDirectory(target)
            let before = test.server.requests.count
            let report = try test.cloud(probed: false).export(
                id, to: .directory(target), only: only.map { Array($0.utf8) })
            let new = test.server.requests[before...]
            #expect(new.filter { $0.key.isEmpty }.count == 1, "one listing")
            return (report, new.filter { $0.method == "GET" && !$0.key.isEmpty }.count)
        }
    }

    @Test func aDocumentCostsThreeReads() throws {
        let shipped = try Shipped()
        let id = try shipped.document("large.bin")
        let (report, gets) = try shipped.export(id)
        #expect(gets <= 3 && report.files == 1 && report.failures.isEmpty)
        #expect(contents(shipped.target + "/documents/large.bin") == shipped.large)
        // The manifest is known now.
        let (second, fewer) = try shipped.export(String(try shipped.document("small-3.md").suffix(8)))
        #expect(fewer <= 2 && second.files == 1)
        #expect(contents(shipped.target + "/documents/small-3.md") == Array("small 3".utf8))
        // Neighbours come together, and nothing stays in the home. The large one lies between them.
        let (all, few) = try shipped.export("documents/small-*")
        #expect(all.files == 20 && few <= 3)
        #expect(try !Files.exists(shipped.test.living.home.backupsDirectory))
    }

    @Test func aFileFromOutsideComesToo() throws {
        let shipped = try Shipped()
        let (report, gets) = try shipped.export("files/**/o.txt")
        #expect(report.files == 1 && gets <= 3)
        let (named, _) = try shipped.export("o.txt")
        #expect(named.files == 1)
        let path = shipped.target + "/files" + shipped.test.living.scratch.path + "/tree/o.txt"
        #expect(contents(path) == Array("out".utf8))
    }

    @Test func aChangedRangeIsNamedAndCostsItselfAlone() throws {
        let shipped = try Shipped()
        let server = shipped.test.server
        let pack = try #require(
            shipped.test.packs.max { server.object($0)?.count ?? 0 < server.object($1)?.count ?? 0 })
        var bytes = try #require(server.object(pack))
        bytes[bytes.count / 2] ^= 1
        server.plant(pack, bytes)
        let (bad, _) = try shipped.export("large.bin")
        #expect(bad.files == 0 && bad.failures.map(\.code) == [.integrity])
        #expect(contents(shipped.target + "/documents/large.bin") == nil)
        let (good, _) = try shipped.export("documents/**")
        #expect(good.files == 20 && good.failures.count == 1)
        server.plant(pack, nil)
        let gone = #expect(throws: BackupError.self) { try shipped.export("large.bin") }
        #expect(gone?.code == .integrity)
    }

    @Test func whatNeedsTheWholeBackupIsRefused() throws {
        let shipped = try Shipped()
        for wish in ["tasks", "records/**", "**", "task-01abc", "database/ai-team.sqlite"] {
            let error = #expect(throws: BackupError.self) { try shipped.export(wish) }
            #expect(error?.code == .failed && error?.hint?.contains("backup cloud pull") == true, "\(wish)")
        }
        let none = #expect(throws: BackupError.self) { try shipped.export("documents/none") }
        #expect(none?.code == .notFound)
        let several = #expect(throws: BackupError.self) {
            try shipped.export(String(try shipped.document("large.bin").prefix(8)))
        }
        #expect(several?.code == .ambiguous)
    }
}
