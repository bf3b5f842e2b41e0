import Backup
import Cryptography
import KeyRing
import ObjectStorage
import TestSupport
import Vault

/// Shipments to a strict server in another process, to be killed.
enum CloudWorker {
    /// `cloud-ship HOME ENDPOINT`: probes and ships everything.
    static func ship(_ arguments: [String]) throws {
        let home = Home(path: arguments[0])
        let secret = try SlotSecret.keyFile(SecretBytes(copying: [UInt8](repeating: 5, count: 32)))
        let keys = try KeyRing.open(in: home.keysDirectory, with: secret)
        var settings = StoreSettings()
        settings.endpoint = arguments[1]
        settings.retry.firstPause = 5
        settings.credentials = StoreCredentials(
            accessKeyID: StrictServer.accessKeyID,
            secret: SecretBytes(copying: Array(StrictServer.secret.utf8)))
        let remote = try Stores.open(StoreURL("s3://\(StrictServer.bucket)/ai-team"), settings)
        var cloud = CloudBackups(home: home, keys: keys, remote: remote, record: nil)
        _ = try cloud.initialise()
        print("shipped \(try cloud.ship().uploaded)")
    }
}
