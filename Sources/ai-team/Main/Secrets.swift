import Glibc
import Synchronization

/// Secrets that came in the environment: taken once, then gone from it, so that no child inherits them.
enum Secrets {
    private static let passphrase = Mutex<[UInt8]?>(nil)

    /// Moves `AI_TEAM_PASSPHRASE` out of the environment and overwrites it there.
    static func takeFromEnvironment() {
        guard let value = getenv("AI_TEAM_PASSPHRASE") else { return }
        let count = strlen(value)
        let bytes = value.withMemoryRebound(to: UInt8.self, capacity: count) {
            Array(UnsafeBufferPointer(start: $0, count: count))
        }
        explicit_bzero(value, count)
        unsetenv("AI_TEAM_PASSPHRASE")
        passphrase.withLock { $0 = bytes }
    }

    /// The passphrase of the environment, once; nil when there was none.
    static func takePassphrase() -> [UInt8]? {
        passphrase.withLock { held in
            defer { held = nil }
            return held
        }
    }
}
