import Backup
import Cryptography
import KeyRing
import ObjectStorage
import TestSupport
import Vault

/// What is done at remotes, in another process, to be killed.
enum CloudWorker {
    /// `cloud-ship HOME ENDPOINT`: probes a strict server and ships everything.
    static func ship(_ arguments: [String]) throws {
        print("shipped \(try probed(arguments).ship().uploaded)")
    }

    /// `cloud-pull HOME ENDPOINT`: brings everything back.
    static func pull(_ arguments: [String]) throws {
        let done = try probed(arguments).pull()
        print("fetched \(done.downloaded), \(done.problems.count) problems")
    }

    /// `cloud-prune HOME N COUNT DIRECTORY DAY`: keeps the newest COUNT in a directory, on that day, and dies
    /// before the N-th change to the file system; 0: never. Says how many changes it made.
    static func prune(_ arguments: [String]) throws {
        let (home, keys) = try BackupWorker.opened(arguments)
        let remote = try Stores.open(.directory(arguments[3]), StoreSettings())
        var cloud = CloudBackups(home: home, keys: keys, remote: remote, record: nil)
        _ = try cloud.initialise()
        var policy = RetentionPolicy()
        policy.last = Int(arguments[2]) ?? 0
        var options = VaultBackups.PruneOptions(policy)
        options.allowsMassDeletion = true
        let time = 1_900_000_000_000 + (UInt64(arguments[4]) ?? 0) * 86_400_000
        let report = try BackupWorker.dying(arguments[1]) {
            try cloud.prune(cloud.planPrune(options, time: time), options, time: time)
        }
        print("removed \(report.removed.count) and \(report.packs), \(report.waiting) wait")
    }

    private static func probed(_ arguments: [String]) throws -> CloudBackups {
        let (home, keys) = try BackupWorker.opened(arguments)
        var settings = StoreSettings()
        settings.endpoint = arguments[1]
        settings.retry.firstPause = 5
        settings.credentials = StoreCredentials(
            accessKeyID: StrictServer.accessKeyID,
            secret: SecretBytes(copying: Array(StrictServer.secret.utf8)))
        let remote = try Stores.open(StoreURL("s3://\(StrictServer.bucket)/ai-team"), settings)
        var cloud = CloudBackups(home: home, keys: keys, remote: remote, record: nil)
        _ = try cloud.initialise()
        return cloud
    }
}
