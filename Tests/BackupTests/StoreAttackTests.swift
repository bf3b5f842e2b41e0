import Backup
import Cryptography
import KeyRing
import Testing
import Vault

/// What somebody who can write to the store may try. Each attack is named, and the other backups stay usable.
@Suite struct StoreAttackTests {
    let living: LivingHome
    let id: String
    private var store: String { living.home.backupsDirectory }
    private var backups: VaultBackups { living.backups }

    init() throws {
        living = try LivingHome()
        let living = living
        id = try living.use { vault in
            try living.addTasks(40, to: vault)
            return try living.backups.create(vault, time: 1).backup.id
        }
    }

    private func pack() -> String {
        String(run("/usr/bin/find", store + "/p", "-type", "f").output.split(separator: "\n")[0])
    }

    private func manifest(_ sequence: Int = 1) -> String {
        String(
            run("/usr/bin/find", store + "/m", "-type", "f", "-name", "*\(sequence)").output
                .split(separator: "\n")[0])
    }

    @Test func withoutAnAttackAllIsWell() throws {
        #expect(try backups.verify(data: true).problems.isEmpty)
    }

    @Test func anotherVaultsBackupIsNamedAndHidesNothing() throws {
        let other = try LivingHome()
        _ = try other.use { try other.backups.create($0, time: 2) }
        _ = run("/bin/cp", "-r", other.home.backupsDirectory + "/.", store)
        let list = try backups.list()
        #expect(list.backups.map(\.id) == [id])
        #expect(list.problems.count == 1 && list.problems[0].code == .integrity)
        #expect(list.problems[0].reason.contains("another vault"))
    }

    @Test func anotherVaultsPackInThePlaceOfOursIsNamed() throws {
        let other = try LivingHome()
        _ = try other.use { try other.backups.create($0, time: 2) }
        let foreign = run("/usr/bin/find", other.home.backupsDirectory + "/p", "-type", "f").output
        put(try #require(contents(String(foreign.split(separator: "\n")[0]))), pack())
        #expect(try backups.verify(id, data: true).problems.first?.code == .integrity)
        let error = #expect(throws: BackupError.self) { try backups.restore(id, time: 3) }
        #expect(error?.code == .integrity && error?.object?.hasPrefix("pack ") == true)
    }

    /// The order of an archive's members is the order of its chunks.
    @Test func swappedPartsOfAPackAreNamed() throws {
        var bytes = try #require(contents(pack()))
        let header = Cobblestone.headerCount
        let chunk = Cobblestone.chunkCount + 16
        let first = Array(bytes[header..<header + chunk])
        let second = Array(bytes[header + chunk..<header + 2 * chunk])
        bytes.replaceSubrange(header..<header + 2 * chunk, with: second + first)
        put(bytes, pack())
        #expect(try backups.verify(id, data: true).problems.map(\.code) == [.integrity])
        #expect(throws: BackupError.self) { try backups.restore(id, time: 3) }
    }

    @Test(arguments: ["truncated", "extended", "emptied", "gone"])
    func aPackOfAnotherLengthIsNamedWithoutReadingIt(_ attack: String) throws {
        let path = pack()
        let bytes = try #require(contents(path))
        switch attack {
        case "truncated": put(Array(bytes.dropLast(16_400)), path)
        case "extended": put(bytes + [0], path)
        case "emptied": put([], path)
        default: _ = run("/bin/rm", path)
        }
        #expect(try backups.verify(id).problems.map(\.code) == [.integrity])
        #expect(throws: BackupError.self) { try backups.restore(id, time: 3) }
    }

    /// A signature over something else, none, and one of a key that is no member's.
    @Test(arguments: ["unsigned", "flipped", "stranger"])
    func aManifestThatNobodySignedIsNotBelieved(_ attack: String) throws {
        var bytes = try #require(contents(manifest()))
        switch attack {
        case "unsigned": bytes.replaceSubrange(148..<212, with: Array(repeating: 0, count: 64))
        case "flipped": bytes[107] ^= 1
        default:
            let key = try SigningKey(seed: SecretBytes.random(count: 32))
            let signature = try key.sign(Array(bytes[..<148]), domain: "ai-team/manifest/v1")
            bytes.replaceSubrange(148..<212, with: signature)
        }
        put(bytes, manifest())
        let list = try backups.list()
        #expect(list.backups.isEmpty && list.problems.contains { $0.code == .integrity })
        #expect(throws: BackupError.self) { try backups.restore(id, time: 3) }
        #expect(throws: BackupError.self) { try backups.export(id, to: .archive { _ in }) }
    }

    /// The newest manifest replaced by an older one of the same writer, under the newer name.
    @Test func anOlderManifestUnderTheNewestNameIsNamed() throws {
        let newest = try living.use { try backups.create($0, time: 2).backup.id }
        put(try #require(contents(manifest(1))), manifest(2))
        let list = try backups.list()
        #expect(list.backups.map(\.id) == [id])
        #expect(Set(list.problems.map(\.code)) == [.integrity, .rollback])
        #expect(throws: BackupError.self) { try backups.show(newest) }
    }
}
