import Backup
import KeyRing
import ObjectStorage
import Vault

/// What opened the remote to devices that were removed since, until a person has said that it opens it no
/// longer. The vault can't see that itself, so it is remembered in this home's settings.
enum RevokedCredentials {
    private static let prefix = "revoked/credentials/"

    /// What is to be revoked for each removed device, by its id.
    static func pending(_ transaction: ReadTransaction) throws -> [String: String] {
        let found = try transaction.settings(prefix: prefix)
        return found.reduce(into: [:]) { $0[String($1.key.dropFirst(prefix.count))] = $1.value }
    }

    /// Remembers what is to be revoked; nil once it was.
    static func set(_ what: String?, for device: DeviceID, _ transaction: WriteTransaction) throws {
        try transaction.setSetting(prefix + device.description, what)
    }

    /// What opens the remote, in words: the store can't tell which device has which key.
    static func name(of url: StoreURL, accessKey: String?) -> String {
        guard case .bucket = url else { return "its access to \(url)" }
        let shared = accessKey.map { " (\($0), if it had the one that this home uses)" } ?? ""
        return "its access key for \(url)" + shared
    }

    /// The contract of `device revoke`: it fails until somebody says that this was done.
    static func failure(_ what: String, of device: DeviceID) -> Failure {
        Failure(
            .refusedByGuard, "\(device) is removed, and \(what) may still be good",
            hint: "revoke it at the storage; a key that others share is changed everywhere; then run "
                + "`ai-team device revoke \(device) --credentials-revoked`")
    }
}
