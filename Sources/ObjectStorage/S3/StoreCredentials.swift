public import Cryptography
internal import Synchronization

/// A key of an object store. The secret stays in locked memory; nothing here prints.
public final class StoreCredentials: Sendable {
    /// Names the key; no secret.
    public let accessKeyID: String
    private let secret: SecretBytes
    /// Of temporary credentials.
    let sessionToken: String?
    /// The key of a day, which is the secret's only use.
    private let derived = Mutex<DerivedKey?>(nil)

    private final class DerivedKey: Sendable {
        let scope: String
        let key: SecretBytes

        init(scope: String, key: consuming SecretBytes) {
            self.scope = scope
            self.key = key
        }
    }

    public init(accessKeyID: String, secret: consuming SecretBytes, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secret = secret
        self.sessionToken = sessionToken
    }

    /// HMAC-SHA-256 of `text` under the key derived for day, region and service.
    func authenticate(_ text: String, day: String, region: String, service: String) throws -> [UInt8] {
        let scope = "\(day)/\(region)/\(service)"
        let key = try derived.withLock { held in
            if let held, held.scope == scope { return held }
            var bytes = secret.withUnsafeBytes { Array("AWS4".utf8) + Array($0) }
            var key = SecretBytes(wiping: &bytes)
            for part in [day, region, service, "aws4_request"] {
                var next = try HMAC.authenticate(.sha256, key: key, Array(part.utf8))
                key = SecretBytes(wiping: &next)
            }
            let made = DerivedKey(scope: scope, key: key)
            held = made
            return made
        }
        return try HMAC.authenticate(.sha256, key: key.key, Array(text.utf8))
    }
}
