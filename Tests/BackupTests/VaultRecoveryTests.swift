import Backup
import Cryptography
import Dispatch
import FileSystem
import KeyRing
import TestSupport
import Synchronization
import Testing
import Vault

/// A bare machine, a directory of backups and a recovery secret.
@Suite struct VaultRecoveryTests {
    let bucket: RecoveryBucket
    private var target: Home { bucket.target }

    init() throws { bucket = try RecoveryBucket() }

    @Test func everythingComesBackWithTheCodeAlone() throws {
        let wanted = try bucket.fill()
        let report = try bucket.recover()
        #expect(report.finding.problems.isEmpty && report.failures.isEmpty)
        #expect(report.finding.writers.map(\.sequence) == [2] && report.finding.writers[0].count == 2)
        #expect(report.finding.members.map(\.name) == ["test"])
        let keys = try KeyRing.open(in: target.keysDirectory, with: LivingHome.secret(9))
        #expect(keys.vaultID == bucket.living.keys.vaultID && keys.device != bucket.living.keys.device)
        #expect(keys.device == report.keys.device && !keys.roster.isConfirmed)
        #expect(try LivingHome.contents(of: target, keys: keys) == wanted)
        _ = try KeyRing.open(in: target.keysDirectory, with: .recoveryCode(bucket.living.code))
        let logs = try bucket.living.logs(of: target, keys)
        #expect(logs.contains { $0.component == "backup" && $0.message.contains("restored") })
        #expect(run("/bin/ls", "-A", target.path).output == "config\ndata\nkeys\nrun\n")
        #expect(try !Files.list(target.runDirectory).contains("recovery"))
        // It goes on as a home of its own, with backups of its own, which recover as well.
        let vault = try Vault.open(home: target, keys: keys)
        let backups = VaultBackups(home: target, keys: keys)
        #expect(try backups.create(vault, time: 3).backup.sequence == 1)
        try vault.close()
        #expect(try backups.verify(data: true).problems.isEmpty)
        let again = try VaultRecovery(directory: target.backupsDirectory, into: bucket.home("again"))
        let second = try again.run(with: .code(bucket.living.code), time: 4, decide: bucket.decide)
        #expect(second.finding.members.count == 2 && second.finding.writers.map(\.name) == ["new"])
    }

    @Test func membersThatAreConfirmedReadOn() throws {
        _ = try bucket.fill()
        let report = try bucket.recover(confirms: true)
        #expect(report.keys.roster.isConfirmed && report.keys.currentEpoch == 3)
    }

    @Test func filesFromOutsideComeBackUnlessLeftOut() throws {
        put(Array("outside".utf8), bucket.living.scratch.path + "/o.txt")
        _ = try bucket.fill(outside: bucket.living.scratch.path + "/o.txt")
        let report = try bucket.recover()
        #expect(report.outsideFiles == 1)
        let copy = target.path + "/files" + bucket.living.scratch.path + "/o.txt"
        #expect(contents(copy) == Array("outside".utf8))
        let without = bucket.home("without")
        _ = try VaultRecovery(directory: bucket.path, into: without).run(
            with: .code(bucket.living.code), isOutsideLeftOut: true, time: 4, decide: bucket.decide)
        #expect(try !Files.exists(without.path + "/files"))
    }

    @Test func claimsEnd() throws {
        try bucket.living.use { vault in
            try bucket.living.addTasks(2, to: vault)
            _ = try vault.write { try $0.claimTask(agent: "coder") }
            _ = try bucket.living.backups.create(vault, time: 1)
        }
        #expect(try bucket.recover().droppedLeases.count == 1)
    }

    @Test(arguments: [false, true])
    func whatFailsLeavesTheDirectoryAsItWas(_ exists: Bool) throws {
        _ = try bucket.fill()
        if exists { try Files.createDirectory(target.path) }
        func isAsItWas(at place: SourceLocation = #_sourceLocation) throws {
            let found = try Files.exists(target.path)
            #expect(found == exists, sourceLocation: place)
            if found { #expect(try Files.list(target.path).isEmpty, sourceLocation: place) }
        }
        let wrong = #expect(throws: KeyError.self) { try bucket.recover(with: .random()) }
        #expect(wrong?.code == .wrongKey)
        try isAsItWas()
        struct Stopped: Error {}
        #expect(throws: Stopped.self) {
            try VaultRecovery(directory: bucket.path, into: target).run(
                with: .code(bucket.living.code), time: 3, decide: { _ in throw Stopped() })
        }
        try isAsItWas()
        let pack = try bucket.packs()[0]
        let whole = try #require(contents(pack))
        for attack in ["changed", "cut", "longer", "gone"] {
            switch attack {
            case "changed": put(Array(whole.dropLast()) + [whole[whole.count - 1] ^ 1], pack)
            case "cut": put(Array(whole.dropLast()), pack)
            case "longer": put(whole + [0], pack)
            default: _ = run("/bin/rm", pack)
            }
            let error = #expect(throws: BackupError.self) { try bucket.recover() }
            #expect(error?.code == .integrity && error?.object?.hasPrefix("pack ") == true, "\(attack)")
            try isAsItWas()
        }
        put(whole, pack)
        _ = try bucket.recover()
    }

    @Test func anEmptyDirectoryHasNoBackups() throws {
        let empty = bucket.living.scratch.directory("nothing")
        let error = #expect(throws: BackupError.self) {
            try VaultRecovery(directory: empty, into: target).run(
                with: .code(bucket.living.code), time: 1, decide: bucket.decide)
        }
        #expect(error?.code == .notFound && error?.hint?.contains("backup/v1") == true)
        #expect(try !Files.exists(target.path))
    }

    @Test func aHomeIsNotReplaced() throws {
        _ = try bucket.fill()
        let own = bucket.living.home
        let error = #expect(throws: BackupError.self) {
            try VaultRecovery(directory: bucket.path, into: own).run(
                with: .code(bucket.living.code), time: 1, decide: bucket.decide)
        }
        #expect(error?.code == .conflict)
        #expect(try KeyRing.exists(in: own.keysDirectory))
    }

    /// The line is cut after the first pack: the next try fetches the second one alone.
    @Test func aCutTransferGoesOnWhereItStopped() throws {
        let wanted = try bucket.fill()
        #expect(try bucket.packs().count == 2)
        let source = CutSource(store: BackupStore(bucket.path), left: 1)
        #expect(throws: CutSource.Cut.self) { try recover(from: source) }
        #expect(source.fetched.count == 1)
        #expect(try Files.list(target.path) == ["run"])
        source.mend()
        let report = try recover(from: source)
        #expect(source.fetched.count == 2 && Set(source.fetched).count == 2)
        let keys = try KeyRing.open(in: target.keysDirectory, with: LivingHome.secret(9))
        #expect(keys.device == report.keys.device)
        #expect(try LivingHome.contents(of: target, keys: keys) == wanted)
        #expect(try Files.list(target.runDirectory).contains("recovery") == false)
    }

    /// What lies in the cache from before is compared again, and refusing a code removes it.
    @Test func aCacheThatWasChangedIsFetchedAgain() throws {
        let wanted = try bucket.fill()
        let source = CutSource(store: BackupStore(bucket.path), left: 1)
        #expect(throws: CutSource.Cut.self) { try recover(from: source) }
        let whole = ["-type", "f", "-path", "*/p/*", "!", "-name", "*.tmp-*"]
        let cached = run("/usr/bin/find", [target.path] + whole).output
        let path = String(try #require(cached.split(separator: "\n").first))
        var bytes = try #require(contents(path))
        bytes[100] ^= 1
        put(bytes, path)
        source.mend()
        _ = try recover(from: source)
        #expect(source.fetched.count == 3)
        let keys = try KeyRing.open(in: target.keysDirectory, with: LivingHome.secret(9))
        #expect(try LivingHome.contents(of: target, keys: keys) == wanted)
    }

    private func recover(from source: CutSource) throws -> VaultRecovery.Report {
        try VaultRecovery(source, into: target).run(
            with: .code(bucket.living.code), time: 5, decide: bucket.decide)
    }
}

/// A store whose line is cut after some packs.
private final class CutSource: RecoverySource {
    struct Cut: Error {}
    private let store: BackupStore
    private let state: Mutex<(left: Int, fetched: [String])>
    private let whole = DispatchSemaphore(value: 0)

    init(store: BackupStore, left: Int) {
        self.store = store
        state = Mutex((left, []))
    }

    /// The packs that were fetched whole.
    var fetched: [String] { state.withLock { $0.fetched } }

    func mend() { state.withLock { $0.left = .max } }

    func manifestListing() throws -> ManifestListing { try store.manifestListing() }

    func manifestBytes(_ name: BackupStore.Name) throws -> [UInt8] { try store.manifestBytes(name) }

    func packBytes(_ pack: PackRecord, limit: UInt64, _ sink: ([UInt8]) throws -> Void) throws {
        let isCut = state.withLock { state in
            state.left -= 1
            return state.left < 0
        }
        if isCut {
            // The other one is whole by then: what a cut line leaves is what had come.
            whole.wait()
            try store.packBytes(pack, limit: limit) { try sink(Array($0.prefix(100))) }
            throw Cut()
        }
        try store.packBytes(pack, limit: limit, sink)
        state.withLock { $0.fetched.append(pack.name) }
        whole.signal()
    }
}
