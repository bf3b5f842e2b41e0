import Cryptography
import KeyRing
import TestSupport
import Vault

/// A home as `init` makes it, with a vault and a key file's secret.
struct MadeHome {
    let directory: TemporaryDirectory
    let home: Home
    private let secret: SlotSecret

    init() throws {
        directory = try TemporaryDirectory()
        home = Home(path: directory("home"))
        try home.makeLayout()
        secret = try SlotSecret.keyFile(SecretBytes.random(count: 32))
        let new = try KeyRing.create(in: home.keysDirectory, name: "test", secret: secret, time: 1)
        try Vault.create(home: home, keys: new.keys).close()
    }

    func keys() throws -> UnlockedKeys { try KeyRing.open(in: home.keysDirectory, with: secret) }

    /// Opens the vault; waits for nobody.
    func open() throws -> Vault { try Vault.open(home: home, keys: keys(), timeout: .zero) }
}
