import Backup
import Cryptography
import KeyRing
import Testing
import Vault

/// Documents as packs hold them: small ones side by side, large ones in pieces.
@Suite struct BlobRunsTests {
    let living: LivingHome
    let vault: Vault
    var backups: VaultBackups { living.backups }

    init() throws {
        living = try LivingHome()
        vault = try living.open()
    }

    private func upload(_ name: String, _ bytes: [UInt8]) throws {
        put(bytes, "\(living.scratch.path)/\(name)")
        try living.upload(name, to: vault)
    }

    /// Every file of the listing, of a backup made now.
    private func listed(_ time: UInt64) throws -> [DocumentFile] {
        _ = try backups.create(vault, time: time)
        let keys = VaultBackupKeys(living.keys)
        let store = BackupStore(living.home.backupsDirectory)
        let index = try BackupIndex(store, at: .local(device: keys.deviceID), running: living.keys.roster)
        let entry = try #require(index.entries.max { $0.head.sequence < $1.head.sequence })
        let manifest = try store.manifest(entry.name)
        let packs = PackSet(manifest.clear.packs, from: store, keys: keys)
        var files: [DocumentFile] = []
        try DocumentList(manifest.body(keys: keys, object: "m").documents) {
            try $0.plain("documents", packs.read)
        }.each { files.append($0) }
        return files
    }

    @Test func smallOnesStandSideBySideAndLargeOnesInPieces() throws {
        var random = Seeded(1)
        for i in 0..<20 { try upload("\(i).md", random.bytes(500)) }
        try upload("large", random.bytes(5_000_000))
        let files = try listed(1)
        let small = files.filter { $0.length < 10_000 }.compactMap(\.extents.first)
        #expect(small.count == 20)
        for (one, next) in zip(small, small.dropFirst()) {
            #expect(next.offset == one.offset + UInt64(one.length) && next.pack == one.pack)
        }
        let large = try #require(files.first { $0.length > 4_000_000 })
        #expect(large.extents.map(\.length).reduce(0, +) == UInt32(large.length) && large.extents.count == 2)
        #expect(try backups.verify(data: true).problems.isEmpty)
    }

    /// A new document among old ones: the list names what is there, and where it stood before.
    @Test func whatIsThereIsNotWrittenAgain() throws {
        var random = Seeded(2)
        for i in 0..<5 { try upload("\(i).md", random.bytes(300)) }
        let before = try listed(1)
        try upload("new", random.bytes(300))
        let after = try listed(2)
        #expect(after.count == 6 && before.allSatisfy(after.contains))
        #expect(try backups.verify(data: true).problems.isEmpty)
    }

    @Test(arguments: [300, 400_000, 5_000_000])
    func aDamagedBlobIsNamedWhateverItsSize(size: Int) throws {
        var random = Seeded(3)
        try upload("beside", random.bytes(300))
        try upload("damaged", random.bytes(size))
        let blobs = run(
            "/usr/bin/find", living.home.documentsDirectory, "-path", "*/??/*", "-printf", "%s %p\n")
        let largest = blobs.output.split(separator: "\n").map { $0.split(separator: " ") }
            .max { Int($0[0]) ?? 0 < Int($1[0]) ?? 0 }
        let path = String(try #require(largest)[1])
        var bytes = try #require(contents(path))
        bytes[bytes.count * 2 / 3] ^= 1
        put(bytes, path)
        let made = try backups.create(vault, time: 1).backup
        let problems = try backups.verify(made.id, data: true).problems
        #expect(problems.map(\.code) == [.integrity])
        #expect(problems.first?.object.hasSuffix(path.split(separator: "/").last ?? "?") == true)
    }

    /// The list of the backup before can't be read: nothing is built on it, and nothing is lost.
    @Test func aBackupWhosePacksAreDamagedIsNotBuiltOn() throws {
        var random = Seeded(4)
        try upload("a", random.bytes(300))
        let first = try backups.create(vault, time: 1).backup
        let found = run("/usr/bin/find", living.home.backupsDirectory + "/p", "-type", "f").output
        for pack in found.split(separator: "\n").map(String.init) {
            let count = try #require(contents(pack)).count
            put(random.bytes(count), pack)
        }
        let second = try backups.create(vault, time: 2).backup
        #expect(second.parent == nil)
        #expect(try backups.verify(second.id, data: true).problems.isEmpty)
        #expect(try !backups.verify(first.id, data: true).problems.isEmpty)
    }
}

@Suite struct DocumentSegmentTests {
    private func encoding(packs: [UInt8], rows: [UInt32]) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Array("ATLD".utf8))
        writer.count(packs.count)
        for pack in packs { writer.raw(Array(repeating: pack, count: 16)) }
        writer.count(rows.count)
        for (number, row) in rows.enumerated() {
            writer.string("documents/0\(number)/x")
            writer.u64(7)
            writer.raw(Array(repeating: 1, count: 32))
            writer.count(1)
            writer.u32(row)
            writer.u64(512)
            writer.u32(7)
            writer.count(0)
        }
        return writer.bytes
    }

    @Test func packsAreListedInTheOrderOfFirstUse() throws {
        for rows: [UInt32] in [[0], [0, 0], [0, 1], [0, 1, 0, 2, 1]] {
            let bytes = encoding(packs: Array(UInt8(9)...UInt8(9) + UInt8(rows.max() ?? 0)), rows: rows)
            #expect(try DocumentSegment(bytes, object: "x").bytes == bytes)
        }
    }

    @Test(
        arguments: [
            ([1, 2], [1, 0]), ([1, 2], [0]), ([1, 1], [0, 1]), ([1], [1]), ([1, 2, 3], [0, 2, 1]), ([1], []),
        ] as [([UInt8], [UInt32])])
    func otherOrdersAreRefused(packs: [UInt8], rows: [UInt32]) {
        let error = #expect(throws: BackupError.self) {
            try DocumentSegment(encoding(packs: packs, rows: rows), object: "x")
        }
        #expect(error?.code == .integrity)
    }
}
