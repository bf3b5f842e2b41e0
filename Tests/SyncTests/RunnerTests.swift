import EncryptedSQLite
import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Real vaults, real keys, a directory as the remote.
struct RunnerTests {
    private let scene: SyncScene
    private var remote: any ObjectStore { scene.remote }

    init() throws { scene = try SyncScene() }

    @Test func tasksTravelBothWays() throws {
        let (first, second) = try scene.twoDevices()
        try first.vault.write { _ = try $0.createTask(TaskDraft(title: "寫登入頁面")) }
        try second.vault.write { _ = try $0.createTask(TaskDraft(title: "review the login page")) }
        #expect(try first.sync().failure == nil)
        let report = try second.sync()
        #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
        #expect(try first.sync().alarms.isEmpty)
        try second.sync()
        #expect(try first.titles() == ["review the login page", "寫登入頁面"].sorted())
        #expect(try second.titles() == first.titles())
        #expect(try second.root() == first.root())
        // Nothing that was written comes back as news, and nothing waits.
        #expect(try first.sync().pulledSegments == 0)
        #expect(try second.sync().pushedSegments == 0)
    }

    /// A14, A28: no title, name or id is in the remote, in content or in names.
    @Test func theRemoteHoldsNoPlaintext() throws {
        let (first, _) = try scene.twoDevices()
        try first.vault.write { _ = try $0.createTask(TaskDraft(title: "canary-7f3a")) }
        try first.sync()
        let ids = try first.vault.read { try $0.tasks(TaskFilter()).items.map(\.id) }
        var count = 0
        try remote.forEach(prefix: "") { page in
            for object in page.objects {
                var bytes: [UInt8] = []
                _ = try remote.get(object.name, range: nil, unless: nil) { bytes.append(contentsOf: $0) }
                let text = String(decoding: bytes, as: Unicode.ASCII.self) + object.name.text
                #expect(!text.contains("canary") && !ids.contains { text.contains($0) })
                count += 1
            }
        }
        #expect(count >= 4)
    }

    /// A home that was copied and used on both sides: the second copy goes on in a new life, nothing is lost,
    /// and the first one is told.
    @Test func aCopiedHomeTakesANewLife() throws {
        let (again, copy) = try copies()
        #expect(try again.sync().pushedSegments == 1)
        #expect(try copy.sync().alarms.map(\.kind) == [.cloned])
        let report = try copy.sync()
        #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
        #expect(report.pushedSegments == 1)
        #expect(try copy.titles() == ["one", "three", "two"])
        try again.vault.write { _ = try $0.createTask(TaskDraft(title: "four")) }
        let told = try again.sync()
        #expect(told.alarms.map(\.kind).contains(.cloned))
        #expect(told.pushedSegments == 0)
    }

    /// A home that was put back to an older state looks like a copy. What its own head has seen of the
    /// database tells that there was a newer one; the one that made that head is its twin.
    @Test func aHeadThatHasSeenANewerDatabaseIsNamed() throws {
        let (newer, older) = try copies()
        for _ in 0..<5 { try newer.vault.write { _ = try $0.createTask(TaskDraft(title: "later")) } }
        try newer.sync()
        #expect(try newer.inspect().isGood)
        let failed = try older.inspect().failed
        #expect(failed.contains { $0.reason.contains("of the database") }, "\(failed)")
    }

    /// A round says so as well, and goes on: what was sent comes back. A copy whose database is not older
    /// than what the other's head has seen is told as a copy alone.
    @Test func aRoundNamesAHomeThatWasPutBack() throws {
        let (newer, older) = try copies()
        for _ in 0..<5 { try newer.vault.write { _ = try $0.createTask(TaskDraft(title: "later")) } }
        #expect(try newer.sync().alarms.isEmpty)
        let report = try older.sync()
        #expect(report.alarms.map(\.kind) == [.rollback, .cloned] && report.failure?.code == .rollback)
        let rest = try older.sync()
        #expect(rest.failure == nil && rest.alarms.isEmpty, "\(rest)")
        #expect(try older.titles() == ["later", "later", "later", "later", "later", "one", "three", "two"])
    }

    @Test func aCopyThatIsNotOlderIsNoRollback() throws {
        let (first, copy) = try copies()
        try first.sync()
        for number in 0..<9 {
            try copy.vault.write { _ = try $0.createTask(TaskDraft(title: "more \(number)")) }
            try copy.vault.database.checkpoint()
        }
        let report = try copy.sync()
        #expect(report.alarms.map(\.kind) == [.cloned] && report.failure?.code != .rollback)
    }

    /// A life that was ended before its last segment, since the remote showed an older state: the segment
    /// counts for nobody, and what it says comes back in the new life.
    @Test func whatANewLifeHasCutOffComesBack() throws {
        let (again, copy) = try copies()
        let author = Author(device: copy.keys.device, incarnation: copy.keys.incarnation)
        func name(_ name: SyncName) -> ObjectName { name.objectName(vault: copy.keys.vaultID) }
        func bytes(_ name: ObjectName) throws -> [UInt8] {
            var bytes: [UInt8] = []
            _ = try remote.get(name, range: nil, unless: nil) { bytes.append(contentsOf: $0) }
            return bytes
        }
        let (head, bell) = (name(.head(author)), name(.bell))
        let (oldHead, oldBell) = (try bytes(head), try bytes(bell))
        #expect(try again.sync().pushedSegments == 1)
        #expect(try copy.sync().alarms.map(\.kind) == [.cloned])
        let cut = name(.segment(Lane(author: author, stream: SyncStream.tasks), 2))
        let hidden = try bytes(cut)
        try remote.delete(cut)
        _ = try remote.put(head, .bytes(oldHead), .none)
        _ = try remote.put(bell, .bytes(oldBell), .none)
        #expect(try copy.sync().pushedSegments == 1)
        #expect(try copy.titles() == ["one", "three"])
        _ = try remote.put(cut, .bytes(hidden), .ifAbsent)
        let look = try copy.sync(looksAtAll: true)
        #expect(look.failure == nil && look.alarms.isEmpty, "\(look)")
        #expect(try copy.titles() == ["one", "three", "two"])
        #expect(try copy.sync().pushedSegments == 1)
        // What is held is not written again.
        _ = try copy.sync(looksAtAll: true)
        #expect(try copy.sync(looksAtAll: true).pushedSegments == 0)
        #expect(try copy.titles() == ["one", "three", "two"])
    }

    /// A home that has pushed the task "one", and its copy: each has one of its own, "two" and "three".
    private func copies() throws -> (SyncDevice, SyncDevice) {
        let (first, _) = try scene.firstDevice()
        try first.vault.write { _ = try $0.createTask(TaskDraft(title: "one")) }
        try first.sync()
        try first.vault.close()
        let directory = try TemporaryDirectory()
        try copyTree(first.directory.path, to: directory.path)
        let again = try SyncDevice(first.directory, first.keys, remote)
        let copy = try SyncDevice(
            directory,
            KeyRing.open(
                in: directory("home") + "/keys", with: KeyFile.read(directory("key"))), remote)
        try again.vault.write { _ = try $0.createTask(TaskDraft(title: "two")) }
        try copy.vault.write { _ = try $0.createTask(TaskDraft(title: "three")) }
        return (again, copy)
    }

    private func copyTree(_ from: String, to: String) throws {
        for name in try Files.list(from) where !name.hasSuffix("-shm") {
            let (source, target) = (from + "/" + name, to + "/" + name)
            if try Files.status(source)?.kind == .directory {
                try Files.createDirectory(target)
                try copyTree(source, to: target)
            } else {
                try Durable.replace(target, with: Files.readAll(source, limit: 1 << 30), permissions: 0o600)
            }
        }
    }
}
