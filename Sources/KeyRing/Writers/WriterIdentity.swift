public import Cryptography
import FileSystem

/// The open keys of a machine that may only write backups. They sign; they open nothing of any vault.
public final class WriterIdentity: Sendable {
    /// What it hands to the vault's owner.
    public let publicKey: WriterPublicKey
    private let identity: IdentityKeys
    private let home: SharedSecret

    /// This device's name.
    public var device: DeviceID { publicKey.id }

    private init(_ identity: IdentityKeys, home: SharedSecret, name: String) throws(KeyError) {
        publicKey = try WriterPublicKey(identity, name: name)
        self.identity = identity
        self.home = home
    }

    /// Makes the keys of a machine in `keysDirectory`. `conflict` when there are keys already.
    ///
    /// - Parameters:
    ///   - name: what the machine is called, at most 63 bytes.
    ///   - secret: a passphrase or a key file.
    ///   - time: milliseconds since 1970.
    public static func create(
        in keysDirectory: String, name: String, secret: SlotSecret, cost: ScryptParameters = .standard,
        time: UInt64
    ) throws(KeyError) -> WriterIdentity {
        guard secret.kind != .recoveryCode else {
            throw KeyError(.guardRefused, "a machine that only writes backups has no recovery code")
        }
        let directory = KeyDirectory(path: keysDirectory)
        try KeyRing.refuseExisting(directory)
        let made: WriterIdentity
        let file: WriterFile
        do {
            let identity = try IdentityKeys.random()
            let home = SharedSecret(try SecretBytes.random(count: 32))
            made = try WriterIdentity(identity, home: home, name: name)
            file = try WriterFile(
                identity, home: home, name: name, secret: secret, cost: cost, time: time)
        } catch let error as CryptoError {
            throw KeyError(error, .failed, "keys of this machine")
        } catch let error as KeyError {
            throw error
        } catch {
            throw KeyError(.failed, "keys of this machine: \(error)")
        }
        do throws(FileError) {
            try Durable.create(path(keysDirectory), with: file.encoded, permissions: 0o600)
        } catch {
            guard error.isExisting else { throw KeyError(error) }
            throw KeyError(.conflict, "there are keys in \(keysDirectory) already")
        }
        return made
    }

    /// Opens the keys with a secret.
    ///
    /// - Throws: `notFound`, `damagedRing`, `newerFormat`, `wrongKey`, `integrityFailure`.
    public static func open(
        in keysDirectory: String, with secret: SlotSecret
    ) throws(KeyError) -> WriterIdentity {
        let path = path(keysDirectory)
        let bytes: [UInt8]
        do throws(FileError) { bytes = try Files.readAll(path, limit: WriterFile.sizeLimit) } catch {
            guard error.isNotFound else { throw KeyError(error) }
            throw KeyError(.notFound, "there are no keys in \(keysDirectory)")
        }
        let file = try WriterFile(bytes)
        let (identity, home) = try file.open(with: secret)
        return try WriterIdentity(identity, home: home, name: file.name)
    }

    /// Whether the keys there are those of a machine that may only write backups.
    public static func exists(in keysDirectory: String) throws(KeyError) -> Bool {
        try withFiles { () throws(FileError) in try Files.exists(path(keysDirectory)) }
    }

    private static func path(_ keysDirectory: String) -> String {
        keysDirectory + "/" + WriterFile.fileName
    }

    /// This device's Ed25519 signature (64 bytes) of `domain` NUL `bytes`.
    public func sign(_ bytes: [UInt8], domain: String) throws(KeyError) -> [UInt8] {
        try orKeyError(.failed, "signature") { () throws(CryptoError) in
            try identity.signing.sign(bytes, domain: domain)
        }
    }

    /// A key of this machine alone: expand(home key, purpose, 32 zero bytes, `epoch`).
    public func homeKey(_ purpose: KeyPurpose, epoch: UInt32 = 0) throws(KeyError) -> SecretBytes {
        try orKeyError(.failed, purpose.rawValue) { () throws(CryptoError) in
            try purpose.expand(home.bytes, vault: .none, epoch: epoch)
        }
    }
}
