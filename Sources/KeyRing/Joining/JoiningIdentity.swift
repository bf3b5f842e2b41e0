public import Cryptography
import FileSystem

/// The keys of a device that has asked to join a vault and is no member yet. They wait in the new home, with
/// a note of what was asked, until `KeyRing.join` makes a ring of them.
public final class JoiningIdentity: Sendable {
    let identity: IdentityKeys
    private let note: SharedSecret

    /// What the device will be called by.
    public var device: DeviceID { identity.publicKeys.id }
    /// The public halves.
    public var publicKeys: PublicKeys { identity.publicKeys }

    private init(_ identity: IdentityKeys, note: SharedSecret) {
        self.identity = identity
        self.note = note
    }

    /// Fresh keys, without a note.
    public static func random() throws(KeyError) -> JoiningIdentity {
        try orKeyError(.failed, "device keys") { () throws(CryptoError) in
            JoiningIdentity(try .random(), note: SharedSecret(try SecretBytes(count: 0) { _ in }))
        }
    }

    /// This device's Ed25519 signature (64 bytes) of `domain` NUL `bytes`.
    public func sign(_ bytes: [UInt8], domain: String) throws(KeyError) -> [UInt8] {
        try orKeyError(.failed, "signature") { () throws(CryptoError) in
            try identity.signing.sign(bytes, domain: domain)
        }
    }

    /// Lends the note that was stored with the keys; the pointer must not escape.
    public func withNote<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try note.bytes.withUnsafeBytes(body)
    }
}

extension JoiningIdentity {
    /// Keeps the keys and a note in `keysDirectory`, durably. `conflict` when keys are there already.
    ///
    /// - Parameters:
    ///   - secret: a passphrase or a key file; the same will open the ring.
    ///   - time: milliseconds since 1970.
    public func store(
        in keysDirectory: String, note: borrowing SecretBytes, secret: SlotSecret,
        cost: ScryptParameters = .standard, time: UInt64
    ) throws(KeyError) {
        guard secret.kind != .recoveryCode else {
            throw KeyError(.guardRefused, "the recovery code is not for joining: use `init --recover`")
        }
        let directory = KeyDirectory(path: keysDirectory)
        try KeyRing.refuseExisting(directory)
        try directory.make()
        let file: JoiningFile
        do throws(CryptoError) {
            file = try JoiningFile(identity, note: note, secret: secret, cost: cost, time: time)
        } catch { throw KeyError(error, .failed, "device keys") }
        do throws(FileError) {
            try Durable.create(Self.path(keysDirectory), with: file.encoded, permissions: 0o600)
        } catch {
            guard error.isExisting else { throw KeyError(error) }
            throw KeyError(.conflict, "the home in question waits for another invitation already")
        }
    }

    /// Opens the keys.
    ///
    /// - Throws: `notFound`, `damagedRing`, `newerFormat`, `downgrade`, `wrongKey`, `integrityFailure`.
    public static func open(
        in keysDirectory: String, with secret: SlotSecret
    ) throws(KeyError) -> JoiningIdentity {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try Files.readAll(path(keysDirectory), limit: JoiningFile.sizeLimit)
        } catch {
            guard error.isNotFound else { throw KeyError(error) }
            throw KeyError(.notFound, "this home waits for no invitation")
        }
        let (identity, note) = try JoiningFile(bytes).open(with: secret)
        return JoiningIdentity(identity, note: note)
    }

    /// Whether a home waits to be let in.
    public static func exists(in keysDirectory: String) throws(KeyError) -> Bool {
        try withFiles { () throws(FileError) in try Files.exists(path(keysDirectory)) }
    }

    /// Forgets the keys: they became a ring's, or nobody lets them in.
    public static func remove(in keysDirectory: String) throws(KeyError) {
        try withFiles { () throws(FileError) in
            try Durable.remove(path(keysDirectory))
            try Durable.syncDirectory(of: path(keysDirectory))
        }
    }

    private static func path(_ keysDirectory: String) -> String {
        keysDirectory + "/" + JoiningFile.fileName
    }
}
