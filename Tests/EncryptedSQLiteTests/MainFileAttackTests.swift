import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// What a tamperer can do to the main file and the seal of a closed database. Each has its twin in
/// `anUntouchedCopyOpens`.
@Suite struct MainFileAttackTests {
    private static func closed() throws -> TestDatabase {
        let vault = try TestDatabase()
        try vault.create(rows: 200)
        return vault
    }

    @Test func anUntouchedCopyOpens() throws {
        #expect(try MainFileAttackTests.closed().crashed().damage() == nil)
    }

    @Test(arguments: [5, 4050, 4080, 4090, 4095])
    func aFlippedByteIsNamedByItsPage(_ within: Int64) throws {
        let vault = try MainFileAttackTests.closed()
        try vault.flip("db", at: 3 * 4096 + within)
        let pool = try vault.open()
        #expect(try pool.verify().damagedPages == [4])
        try pool.close()
        let error = try vault.damage()
        #expect(error?.page == 4)
        // 4088 to 4091 are the epoch: another one that nobody knows may as well be the ring's fault.
        #expect(error?.code == (within == 4090 ? .unknownEpoch : .tampered))
    }

    @Test func exchangedPagesAreTampered() throws {
        let vault = try MainFileAttackTests.closed()
        try vault.exchange("db", 4096, 4096 * 5, 4096 * 6)
        let pool = try vault.open()
        #expect(try pool.verify().damagedPages == [6, 7])
        try pool.close()
        #expect(try vault.damage()?.code == .tampered)
    }

    @Test func aPageOfAnotherDatabaseWithTheSameKeysIsTampered() throws {
        let (vault, other) = (try MainFileAttackTests.closed(), try MainFileAttackTests.closed())
        try vault.put("db", other.bytes("db", 4096, at: 4096 * 5), at: 4096 * 5)
        let error = try vault.damage()
        #expect(error?.code == .tampered)
        #expect(error?.page == 6)
    }

    @Test func anotherDatabaseUnderThisNameIsRefused() throws {
        let (vault, other) = (try MainFileAttackTests.closed(), try MainFileAttackTests.closed())
        try vault.put("db", other.bytes("db", Int(other.size("db")), at: 0), at: 0)
        #expect(try vault.damage() != nil)
    }

    @Test(arguments: [0, 4096, 6000])
    func aCutOrEmptiedMainFileIsTampered(_ size: Int64) throws {
        let vault = try MainFileAttackTests.closed()
        try vault.cut("db", to: size)
        #expect(try vault.damage()?.code == .tampered)
    }

    @Test func aMissingMainFileOrSealIsTampered() throws {
        for name in ["db", "db-seal"] {
            let vault = try MainFileAttackTests.closed()
            try vault.remove(name)
            #expect(try vault.damage()?.code == .tampered)
        }
    }

    @Test(arguments: 0..<16)
    func everyClearByteOfTheHeaderIsGuarded(_ offset: Int64) throws {
        let vault = try MainFileAttackTests.closed()
        try vault.flip("db", at: offset)
        #expect(try vault.damage() != nil)
    }

    @Test func anotherFormatIsNewer() throws {
        let vault = try MainFileAttackTests.closed()
        try vault.put("db", [9], at: 4)
        #expect(try vault.damage()?.code == .newerFormat)
    }

    @Test func otherKeysAreWrongKeys() throws {
        let vault = try MainFileAttackTests.closed()
        let error = #expect(throws: EncryptedDatabaseError.self) {
            _ = try EncryptedDatabase.open(at: vault.path, keys: FixedKeys(seed: 2))
        }
        #expect(error?.code == .wrongKey)
    }

    @Test func anOlderKeyRingIsARollback() throws {
        let vault = try TestDatabase(keys: FixedKeys(ringGeneration: 5))
        try vault.create()
        let error = #expect(throws: (any Error).self) {
            _ = try EncryptedDatabase.open(at: vault.path, keys: FixedKeys(ringGeneration: 4))
        }
        #expect((error as? EncryptedDatabaseError)?.code == .rollback)
    }

    @Test func aDamagedSealIsTampered() throws {
        let vault = try MainFileAttackTests.closed()
        for slot: Int64 in [0, 4096] { try vault.flip("db-seal", at: slot + 60) }
        #expect(try vault.damage()?.code == .tampered)
    }

    @Test func plantedSideFilesChangeNothing() throws {
        let vault = try MainFileAttackTests.closed()
        let noise = [UInt8](repeating: 0xA5, count: 40_000)
        for name in ["db-journal", "db-shm", "db-wal"] { try vault.put(name, noise, at: 0) }
        #expect(try vault.count() == 200)
    }

    @Test func aPlaintextDatabaseIsNotOpened() throws {
        // The first encrypted database of a process puts the encrypting file system in the plain one's place.
        let target = try MainFileAttackTests.closed()
        let vault = try TestDatabase()
        let plain = try EncryptedDatabase.plaintextExport(at: vault.directory("plain"))
        try plain.write { try $0.execute(sql: "CREATE TABLE note (body TEXT)") }
        try plain.close()
        #expect(throws: (any Error).self) { _ = try DatabaseQueue(path: vault.directory("plain")) }
        try target.put("db", vault.bytes("plain", 4096, at: 0), at: 0)
        #expect(try target.damage()?.code == .tampered)
    }

    @Test func nothingCanBeAttachedOrCopiedOut() throws {
        let vault = try MainFileAttackTests.closed()
        let pool = try vault.open()
        pool.pool.writeWithoutTransaction { db in
            for sql in ["ATTACH 'other' AS a", "ATTACH 'file:o?vfs=unix' AS a", "VACUUM INTO 'copy'"] {
                #expect(throws: DatabaseError.self) { try db.execute(sql: sql) }
            }
        }
        try pool.close()
    }
}
