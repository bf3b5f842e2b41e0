import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Vault

/// Two homes of one vault with real keys, a directory as their remote, and files that both upload.
final class DocumentScene {
    /// A home of the vault, and its rounds.
    final class Device {
        let directory: TemporaryDirectory
        let home: Home
        private(set) var vault: Vault
        private(set) var keys: UnlockedKeys
        let remote: WatchedStore

        init(_ directory: TemporaryDirectory, _ keys: UnlockedKeys, _ remote: WatchedStore) throws {
            self.directory = directory
            self.keys = keys
            self.remote = remote
            home = Home(path: directory("home"))
            vault = try Vault.open(home: home, keys: keys)
        }

        /// A round with what is on disk, as a new process would run it.
        @discardableResult
        func sync(
            pulls: Bool = true, pushes: Bool = true, blobs: BlobPolicy = .eager,
            checkpoints: CheckpointPolicy = .standard, after days: Int64 = 0
        ) throws -> SyncReport {
            let now = Surroundings.system.now().milliseconds + days * 86_400_000
            let state = try VaultSync(vault: vault, home: home, keys: keys) { UInt64(clamping: now) }
            let report = try SyncRunner(
                vault: state, store: remote, checkpoints: checkpoints, blobs: blobs
            ).run(
                pulls: pulls, pushes: pushes, mayFound: true, now: now)
            keys = state.keys
            return report
        }

        /// Closes the vault and opens it again, as after a crash.
        func reopen() throws {
            try vault.close()
            vault = try Vault.open(home: home, keys: keys)
        }

        /// Uploads `files`, and gives the documents' ids.
        @discardableResult
        func upload(_ files: TemporaryDirectory, _ names: String...) throws -> [String] {
            try vault.upload(names.map { Array($0.utf8) }, workingDirectory: Array(files.path.utf8))
                .uploaded.map(\.id)
        }

        func content(_ id: String) throws -> [UInt8] {
            var bytes: [UInt8] = []
            try vault.readDocument(id) { bytes.append(contentsOf: $0) }
            return bytes
        }

        func documents() throws -> [DocumentRecord] { try vault.read { try $0.documents().items } }

        func root() throws -> [UInt8] { try vault.read { try $0.stateRoot() }.value() }

        func conflicts() throws -> [Conflict] { try vault.read { try $0.conflicts() } }
    }

    let bucket: TemporaryDirectory
    let files: TemporaryDirectory
    let remote: WatchedStore
    let first: Device
    let second: Device
    /// The first device's keys before the second one began an epoch.
    let oldKeys: UnlockedKeys

    /// The second device was made with the recovery code, and both know each other.
    ///
    /// - Parameter store: where they meet, if not in a directory.
    init(at store: (any ObjectStore)? = nil) throws {
        bucket = try TemporaryDirectory()
        files = try TemporaryDirectory()
        let directoryStore = try Stores.open(StoreURL("file://" + bucket("bucket")), StoreSettings()).store
        remote = WatchedStore(store ?? directoryStore)
        var directory = try TemporaryDirectory()
        var home = Home(path: directory("home"))
        try home.makeLayout()
        let new = try KeyRing.create(
            in: home.keysDirectory, name: "first", secret: KeyFile.create(directory("key")), time: 1)
        try Vault.create(home: home, keys: new.keys).close()
        oldKeys = new.keys
        first = try Device(directory, new.keys, remote)
        try first.sync()
        directory = try TemporaryDirectory()
        home = Home(path: directory("home"))
        try home.makeLayout()
        let keys = try KeyRing.recover(
            in: home.keysDirectory, from: Recovery.open(new.keys.roster.chain, with: new.recoveryCode),
            confirmsMembers: true, name: "second", secret: KeyFile.create(directory("key")), time: 2)
        try Vault.create(home: home, keys: keys).close()
        second = try Device(directory, keys, remote)
        try second.sync()
        try first.sync()
        try second.sync()
        _ = remote.takeRequests()
    }

    /// Writes a file that can be uploaded.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Durable.replace(files(name), with: bytes, permissions: 0o600)
    }

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    /// Rounds of both until neither has news.
    func settle() throws {
        for _ in 0..<3 {
            try first.sync()
            try second.sync()
        }
    }

    /// The objects whose names begin so, with their bytes.
    func objects(_ prefix: String) throws -> [(name: ObjectName, bytes: [UInt8])] {
        var found: [(ObjectName, [UInt8])] = []
        try remote.store.forEach(prefix: prefix) { page in
            for object in page.objects {
                found.append((object.name, try remote.store.read(object.name, limit: 1 << 30)))
            }
        }
        return found
    }

    /// Puts other bytes under a name of the bucket.
    func plant(_ bytes: [UInt8], under name: ObjectName) throws {
        _ = try remote.store.put(name, .bytes(bytes), .none)
    }
}
