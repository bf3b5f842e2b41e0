import Foundation
import GRDB
import Synchronization
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

/// A vault over a plain SQLite file in a directory of its own, which goes when this goes.
final class TestVault: Sendable {
    let world: TestWorld
    let directory: String
    let pool: DatabasePool
    let vault: Vault

    init(seed: UInt64 = 1, device: UInt8 = 1) throws {
        world = TestWorld(seed: seed)
        directory = NSTemporaryDirectory() + "vault-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var configuration = Vault.databaseConfiguration()
        configuration.prepareDatabase { db in
            db.add(function: DatabaseFunction("blind", argumentCount: 0) { _ in Data((0..<16).map { _ in .random(in: 0...255) }) })
        }
        pool = try DatabasePool(path: directory + "/plain.db", configuration: configuration)
        vault = try Vault(
            writer: pool,
            origin: Origin(device: [UInt8](repeating: device, count: 16), incarnation: 7),
            surroundings: world.surroundings)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

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
