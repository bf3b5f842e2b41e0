import Cryptography
import EncryptedSQLite
import GRDB
import Synchronization
import TestSupport
import Testing

/// An epoch that the key ring does not know is not called tampering: the ring may be the one that is too old.
@Suite struct EpochTests {
    /// Keys of two epochs of which the second is learnt only when the ring is read anew.
    private final class LateKeys: DatabaseKeySource {
        private let inner = FixedKeys()
        private let reloads = Mutex(0)

        var reloadCount: Int { reloads.withLock { $0 } }
        let ringGeneration: UInt64 = 9
        var currentEpoch: UInt32 { inner.currentEpoch }

        func databaseKey(purpose: String, epoch: UInt32) throws -> SecretBytes {
            try inner.databaseKey(purpose: purpose, epoch: epoch)
        }

        func homeKey(purpose: String) throws -> SecretBytes { try inner.homeKey(purpose: purpose) }

        func reload() {
            if inner.currentEpoch == 1 { inner.advance() }
            reloads.withLock { $0 += 1 }
        }
    }

    /// 200 rows under epoch 1, then one transaction under epoch 2 that only the log holds.
    private static func advanced() throws -> (TestDatabase, EncryptedPool) {
        let vault = try TestDatabase()
        try vault.create(rows: 200)
        let pool = try vault.open()
        vault.keys.advance()
        try pool.pool.write { try TestDatabase.insert($0, 5) }
        return (vault, pool)
    }

    private static func code(of database: TestDatabase, keys: any DatabaseKeySource) throws
        -> EncryptedDatabaseError?
    {
        do {
            let pool = try EncryptedDatabase.open(at: database.path, keys: keys)
            do {
                _ = try pool.pool.read { try String.fetchAll($0, sql: "SELECT body FROM note") }
            } catch {
                let reason = pool.explain(error)
                try? pool.close()
                return reason as? EncryptedDatabaseError
            }
            try pool.close()
            return nil
        } catch let error as EncryptedDatabaseError {
            return error
        }
    }

    @Test func aPageOfAnUnknownEpochIsNamedWithItsEpoch() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 200)
        // The last byte of the epoch in the trailer of page 4: 1 becomes 3.
        try vault.put("db", [3], at: 3 * 4096 + 4091)
        let error = try vault.damage()
        #expect(error?.code == .unknownEpoch)
        #expect(error?.page == 4)
        #expect(error?.message.contains("epoch 3") == true)
        // Epochs end below 2^24: more than that was never written by anybody.
        try vault.put("db", [1], at: 3 * 4096 + 4088)
        #expect(try vault.damage()?.code == .tampered)
        try vault.put("db", [0, 0, 0, 1], at: 3 * 4096 + 4088)
        #expect(try vault.damage() == nil)
    }

    @Test func aWholeDatabaseOfANewerEpochIsNotTampered() throws {
        let (vault, pool) = try EpochTests.advanced()
        try pool.close()
        let old = FixedKeys(epoch: 1, ringGeneration: 9)
        #expect(try EpochTests.code(of: vault, keys: old)?.code == .unknownEpoch)
        #expect(try vault.count() == 205)
    }

    @Test func aLogOfANewerEpochIsNotTakenForATornTail() throws {
        // One transaction under epoch 1 that stays in the log, then those of epoch 2.
        let vault = try TestDatabase()
        try vault.create(rows: 20)
        let own = try vault.open()
        try own.pool.write { try TestDatabase.insert($0, 1) }
        vault.keys.advance()
        try own.pool.write { try TestDatabase.insert($0, 1) }
        let copy = try vault.crashed()
        let old = FixedKeys(epoch: 1, ringGeneration: 9)
        #expect(try EpochTests.code(of: copy, keys: old)?.code == .unknownEpoch)
        #expect(try copy.count() == 22)
        try own.close()
    }

    @Test func theRingIsReadAnewBeforeAnEpochIsCalledUnknown() throws {
        let (vault, pool) = try EpochTests.advanced()
        try pool.close()
        let late = LateKeys()
        #expect(try EpochTests.code(of: vault, keys: late) == nil)
        #expect(late.reloadCount > 0)
    }
}
