import Backup
import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Synchronization
import TestSupport
import Vault

/// A home with backups and a strict server for them.
final class CloudHome {
    let living: LivingHome
    let vault: Vault
    let server: StrictServer
    /// Faults of requests to come, decided by the test.
    let faults: Faults

    final class Faults: Sendable {
        private let decide = Mutex<@Sendable (StrictServer.Seen) -> StrictServer.Fault?>({ _ in nil })

        func set(_ body: @escaping @Sendable (StrictServer.Seen) -> StrictServer.Fault?) {
            decide.withLock { $0 = body }
        }

        func fault(_ seen: StrictServer.Seen) -> StrictServer.Fault? { decide.withLock(\.self)(seen) }
    }

    init(_ change: (inout StrictServer.Options) -> Void = { _ in }) throws {
        living = try LivingHome()
        vault = try living.open()
        var options = StrictServer.Options()
        options.writeInterval = 0
        let faults = Faults()
        options.fault = { faults.fault($0) }
        change(&options)
        self.faults = faults
        server = try StrictServer(options)
    }

    /// Nobody waits in a test; chance is the same each time.
    static let surroundings = StoreSurroundings(
        now: StoreSurroundings.system.now, uptime: StoreSurroundings.system.uptime, wait: { _ in },
        random: { $0 / 2 })

    func open(_ server: StrictServer? = nil, prefix: String = "ai-team") throws -> OpenStore {
        try Self.open(endpoint: (server ?? self.server).endpoint, prefix: prefix)
    }

    static func open(endpoint: String, prefix: String = "ai-team") throws -> OpenStore {
        var settings = StoreSettings()
        settings.endpoint = endpoint
        settings.credentials = StoreCredentials(
            accessKeyID: StrictServer.accessKeyID,
            secret: SecretBytes(copying: Array(StrictServer.secret.utf8)))
        return try Stores.open(
            StoreURL("s3://\(StrictServer.bucket)/\(prefix)"), settings, surroundings: surroundings)
    }

    /// The home's backups at the server, as one command sees them.
    func cloud(_ remote: OpenStore? = nil, probed: Bool = true) throws -> CloudBackups {
        var cloud = CloudBackups(
            home: living.home, keys: living.keys, remote: try remote ?? open(), record: nil,
            storeSurroundings: Self.surroundings)
        if probed { _ = try cloud.initialise() }
        return cloud
    }

    /// Makes a backup with something new in it.
    @discardableResult
    func backUp(_ time: UInt64, tasks: Int = 20) throws -> VaultBackups.Summary {
        try living.addTasks(tasks, to: vault)
        return try living.backups.create(vault, time: 1_790_000_000_000 + time).backup
    }

    var packs: [String] { server.keys.filter { $0.hasPrefix("ai-team/backup/v1/p/") } }
    var manifests: [String] { server.keys.filter { $0.hasPrefix("ai-team/backup/v1/m/") } }

    /// Writes of objects of backups that the server carried out.
    var puts: [StrictServer.Seen] {
        server.requests.filter { $0.method == "PUT" && $0.isApplied && $0.key.contains("/backup/v1/") }
    }
}
