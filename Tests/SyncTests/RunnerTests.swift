import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Real vaults, real keys, a directory as the remote.
struct RunnerTests {
    /// A home of the vault, and the runner of its rounds.
    private final class Device {
        let directory: TemporaryDirectory
        let home: Home
        let vault: Vault
        var keys: UnlockedKeys
        let remote: any ObjectStore

        init(_ directory: TemporaryDirectory, _ keys: UnlockedKeys, _ remote: any ObjectStore) throws {
            self.directory = directory
            self.keys = keys
            self.remote = remote
            home = Home(path: directory("home"))
            vault = try Vault.open(home: home, keys: keys)
        }

        /// A round with what is on disk, as a new process would run it.
        @discardableResult
        func sync(pulls: Bool = true, pushes: Bool = true, looksAtAll: Bool = false) throws -> SyncReport {
            let state = try VaultSync(vault: vault, home: home, keys: keys, now: { 1_800_000_000_000 })
            let report = try SyncRunner(vault: state, store: remote).run(
                pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: true, now: Self.now())
            keys = state.keys
            return report
        }

        static func now() -> Int64 { Surroundings.system.now().milliseconds }

        func titles() throws -> [String] {
            try vault.read { try $0.tasks(TaskFilter()).items.map(\.title) }.sorted()
        }

        func root() throws -> [UInt8] { try vault.read { try $0.stateRoot() }.value() }
    }

    private let bucket: TemporaryDirectory
    private let remote: any ObjectStore

    init() throws {
        bucket = try TemporaryDirectory()
        remote = try Stores.open(StoreURL("file://" + bucket("bucket")), StoreSettings()).store
    }

    /// A vault with a second device, which was made with the recovery code.
    private func twoDevices() throws -> (Device, Device) {
        let (first, code) = try firstDevice()
        try first.sync()
        let directory = try TemporaryDirectory()
        let home = Home(path: directory("home"))
        try home.makeLayout()
        let secret = try KeyFile.create(directory("key"))
        let keys = try KeyRing.recover(
            in: home.keysDirectory, from: Recovery.open(first.keys.roster.chain, with: code),
            confirmsMembers: true, name: "second", secret: secret, time: 2)
        try Vault.create(home: home, keys: keys).close()
        return (first, try Device(directory, keys, remote))
    }

    private func firstDevice() throws -> (Device, RecoveryCode) {
        let directory = try TemporaryDirectory()
        let home = Home(path: directory("home"))
        try home.makeLayout()
        let secret = try KeyFile.create(directory("key"))
        let new = try KeyRing.create(in: home.keysDirectory, name: "first", secret: secret, time: 1)
        try Vault.create(home: home, keys: new.keys).close()
        return (try Device(directory, new.keys, remote), new.recoveryCode)
    }

    @Test func tasksTravelBothWays() throws {
        let (first, second) = try twoDevices()
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
        let (first, _) = try twoDevices()
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
        let (first, _) = try firstDevice()
        try first.vault.write { _ = try $0.createTask(TaskDraft(title: "one")) }
        try first.sync()
        try first.vault.close()
        let directory = try TemporaryDirectory()
        try copyTree(first.directory.path, to: directory.path)
        let again = try Device(first.directory, first.keys, remote)
        let copy = try Device(
            directory,
            KeyRing.open(
                in: directory("home") + "/keys", with: KeyFile.read(directory("key"))), remote)
        try again.vault.write { _ = try $0.createTask(TaskDraft(title: "two")) }
        try copy.vault.write { _ = try $0.createTask(TaskDraft(title: "three")) }
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
