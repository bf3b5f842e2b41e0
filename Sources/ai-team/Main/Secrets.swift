import Glibc
import Synchronization

/// Secrets that came in the environment: taken once, then gone from it, so that no child inherits them.
enum Secrets {
    private static let passphrase = Mutex<[UInt8]?>(nil)

    /// Secrets of object stores, by the names of their variables.
    private static let storage = Mutex<[String: String]>([:])
    private static let storageNames = [
        "AI_TEAM_S3_SECRET_ACCESS_KEY", "AI_TEAM_S3_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ]

    /// Moves passphrase and storage secrets out of the environment and overwrites them there.
    static func takeFromEnvironment() {
        if let bytes = take("AI_TEAM_PASSPHRASE") { passphrase.withLock { $0 = bytes } }
        for name in storageNames {
            guard let bytes = take(name), !bytes.isEmpty else { continue }
            storage.withLock { $0[name] = String(decoding: bytes, as: UTF8.self) }
        }
    }

    /// A variable about object stores that is set and not empty, taken out of the environment or still there.
    static func storageVariable(_ name: String) -> String? {
        storage.withLock { $0[name] } ?? SecretSource.variable(name)
    }

    private static func take(_ name: String) -> [UInt8]? {
        guard let value = getenv(name) else { return nil }
        let count = strlen(value)
        let bytes = value.withMemoryRebound(to: UInt8.self, capacity: count) {
            Array(UnsafeBufferPointer(start: $0, count: count))
        }
        explicit_bzero(value, count)
        unsetenv(name)
        return bytes
    }

    /// The passphrase of the environment, once; nil when there was none.
    static func takePassphrase() -> [UInt8]? {
        passphrase.withLock { held in
            defer { held = nil }
            return held
        }
    }
}
