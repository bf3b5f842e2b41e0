import EncryptedSQLite
import FileSystem
import GRDB
import Synchronization
import TestSupport
import Testing
import Vault

/// A clock that only moves when told, and randomness from a seed.
final class TestWorld: Sendable {
    private struct State {
        var time: Int64 = 1_790_000_000_000
        var seed: UInt64
    }

    private let state: Mutex<State>

    init(seed: UInt64 = 1) { state = Mutex(State(seed: seed)) }

    func advance(milliseconds: Int64) { state.withLock { $0.time += milliseconds } }

    var now: Timestamp { Timestamp(milliseconds: state.withLock { $0.time }) }

    func next() -> UInt64 {
        state.withLock { state in  // SplitMix64
            state.seed &+= 0x9E37_79B9_7F4A_7C15
            var z = state.seed
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return z ^ z >> 31
        }
    }

    func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    var surroundings: Surroundings {
        Surroundings(
            now: { self.now },
            random: { count in (0..<count).map { _ in UInt8(truncatingIfNeeded: self.next()) } })
    }
}

/// A vault with fixed keys in a directory of its own, which goes when this goes.
final class TestVault: Sendable {
    let world: TestWorld
    let directory: TemporaryDirectory
    let vault: Vault
    private let device: UInt8

    init(seed: UInt64 = 1, device: UInt8 = 1) throws {
        world = TestWorld(seed: seed)
        directory = try TemporaryDirectory()
        self.device = device
        let path = directory("ai-agent.db")
        try Files.createDirectory(directory("documents"))
        try Vault.createDatabase(at: path, keys: FixedKeys(), surroundings: world.surroundings)
        vault = try Self.open(
            at: path, documents: directory("documents"), device, world.surroundings, .current)
    }

    /// Throws when the search index is not what the tasks' texts make.
    func checkIndex() throws {
        try vault.database.pool.writeWithoutTransaction { db in
            try db.execute(sql: "INSERT INTO task_fts(task_fts, rank) VALUES ('integrity-check', 1)")
        }
    }

    /// Another vault with the same keys.
    func open(at path: String, _ schema: Schema = .current) throws -> Vault {
        try Self.open(at: path, documents: directory("documents"), device, world.surroundings, schema)
    }

    private static func open(
        at path: String, documents: String, _ device: UInt8, _ surroundings: Surroundings, _ schema: Schema
    ) throws -> Vault {
        let keys = FixedKeys()
        let blobKeys = BlobKeys(
            vault: [UInt8](repeating: 9, count: 32), currentEpoch: { keys.currentEpoch },
            nameKey: { try keys.homeKey(purpose: "name") },
            key: { try keys.databaseKey(purpose: "blob", epoch: $0) })
        return try Vault.open(
            at: path, keys: keys, home: nil, blobs: BlobStore(directory: documents, keys: blobKeys),
            origin: Origin(device: [UInt8](repeating: device, count: 16), incarnation: 7),
            surroundings: surroundings, schema: schema)
    }

    deinit {
        do { try vault.close() } catch { Issue.record("closing the vault: \(error)") }
    }

    @discardableResult
    func task(_ title: String, _ adjust: (inout TaskDraft) -> Void = { _ in }) throws -> TaskRecord {
        var draft = TaskDraft(title: title)
        adjust(&draft)
        return try vault.write { try $0.createTask(draft) }
    }
}

/// Expects a `VaultError` of this code.
@discardableResult
func expect<T>(
    _ code: VaultError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> T
) -> VaultError? {
    do {
        _ = try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as VaultError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        return error
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}
