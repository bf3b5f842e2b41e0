import FileSystem
package import KeyRing
package import Vault

/// A home as `init` makes it, in a temporary directory, unlocked by a key file beside it; for this process
/// and for others, which know it by its root.
package struct VaultHome: Sendable {
    /// Holds `home`, `key`, and whatever a test puts there; goes when nobody has this value any more.
    package let directory: TemporaryDirectory

    package init() throws {
        directory = try TemporaryDirectory()
        let home = self.home
        try home.makeLayout()
        let secret = try KeyFile.create(directory("key"))
        let new = try KeyRing.create(in: home.keysDirectory, name: "test", secret: secret, time: 1)
        try Vault.create(home: home, keys: new.keys).close()
    }

    package var root: String { directory.path }
    package var home: Home { Self.home(root) }

    package func keys() throws -> UnlockedKeys { try Self.keys(root) }

    /// Opens the vault, and waits for nobody unless told to.
    package func open(_ schema: Schema = .current, timeout: Duration = .zero) throws -> Vault {
        try Vault.open(home: home, keys: keys(), surroundings: .system, timeout: timeout, schema: schema)
    }

    /// Opens the vault below `root`.
    package static func open(_ root: String) throws -> Vault {
        try Vault.open(home: home(root), keys: keys(root))
    }

    private static func home(_ root: String) -> Home { Home(path: root + "/home") }

    private static func keys(_ root: String) throws -> UnlockedKeys {
        try KeyRing.open(in: home(root).keysDirectory, with: KeyFile.read(root + "/key"))
    }
}

/// Bytes that follow from a seed: about half of them compress.
package func madeBytes(seed: UInt64, count: Int) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        let next = random.next()
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: next >> (8 * UInt64(shift % 4)))) }
    }
    return Array(bytes.prefix(count))
}
