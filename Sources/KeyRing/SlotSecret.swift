public import Cryptography
import FileSystem

/// The three kinds of slots.
public enum SlotKind: UInt8, Sendable, Hashable {
    case passphrase = 1
    case keyFile = 2
    case recoveryCode = 3

    /// The name in listings.
    public var name: String {
        switch self {
        case .passphrase: "passphrase"
        case .keyFile: "key_file"
        case .recoveryCode: "recovery_code"
        }
    }
}

/// What opens a slot: a passphrase, the bytes of a key file or a recovery code.
public struct SlotSecret: Sendable {
    /// Which kind of slot it opens.
    public let kind: SlotKind
    let secret: SharedSecret

    /// A passphrase, as UTF-8 as it was typed. Empty ones are refused when a slot is made.
    public static func passphrase(_ bytes: consuming SecretBytes) -> SlotSecret {
        SlotSecret(kind: .passphrase, secret: SharedSecret(bytes))
    }

    /// The 32 bytes of a key file; `malformed` for another size.
    public static func keyFile(_ bytes: consuming SecretBytes) throws(KeyError) -> SlotSecret {
        guard bytes.count == KeyFile.count else {
            throw KeyError(
                .malformed, "a key file has exactly \(KeyFile.count) bytes",
                hint: "let init --key-file make one")
        }
        return SlotSecret(kind: .keyFile, secret: SharedSecret(bytes))
    }

    /// A recovery code.
    public static func recoveryCode(_ code: RecoveryCode) -> SlotSecret {
        SlotSecret(kind: .recoveryCode, secret: code.secret)
    }

    private init(kind: SlotKind, secret: SharedSecret) {
        self.kind = kind
        self.secret = secret
    }
}

/// A file of 32 random bytes that opens a slot without a person.
public enum KeyFile {
    /// Its size in bytes.
    public static let count = 32

    /// Reads a key file. `notFound` when it is absent, `guardRefused` when group or world can read it,
    /// `malformed` for another size.
    public static func read(_ path: String) throws(KeyError) -> SlotSecret {
        let status = try withFiles { () throws(FileError) in try Files.status(path) }
        guard let status else { throw KeyError(.notFound, "there is no key file \(path)") }
        guard status.permissions & 0o077 == 0 else {
            throw KeyError(
                .wrongKey, "the key file \(path) can be read by others", hint: "chmod 600 \(path)")
        }
        var bytes = try withFiles { () throws(FileError) in try Files.readAll(path, limit: 4096) }
        return try .keyFile(SecretBytes(wiping: &bytes))
    }

    /// Makes a key file of 32 random bytes, mode 0600, durably; `conflict` when something is there.
    public static func create(_ path: String) throws(KeyError) -> SlotSecret {
        let secret = try orKeyError(.failed, "key file") { () throws(CryptoError) in
            try SecretBytes.random(count: count)
        }
        do {
            try Durable.create(path, with: secret.revealed(), permissions: 0o600)
        } catch {
            guard error.isExisting else { throw KeyError(error) }
            throw KeyError(.conflict, "there is something at \(path) already")
        }
        return try .keyFile(secret)
    }
}

/// The keys that a slot's secret leads to.
struct SlotKeys: ~Copyable {
    let agreement: AgreementKey
    private let mac: SecretBytes

    /// Derives them; a passphrase goes through scrypt with `salt` and `cost` first.
    init(_ secret: SlotSecret, salt: [UInt8], cost: ScryptParameters?) throws(CryptoError) {
        let key = try SlotKeys.stretched(secret, salt, cost)
        let seed = try KeyPurpose.slotAgreement.expand(key.bytes, vault: .none, epoch: 0)
        let mac = try KeyPurpose.slotMAC.expand(key.bytes, vault: .none, epoch: 0)
        self.agreement = try AgreementKey(seed: seed)
        self.mac = mac
    }

    private static func stretched(
        _ secret: SlotSecret, _ salt: [UInt8], _ cost: ScryptParameters?
    ) throws(CryptoError) -> SharedSecret {
        guard secret.kind == .passphrase, let cost else { return secret.secret }
        return SharedSecret(
            try Scrypt.derive(passphrase: secret.secret.bytes, salt: salt, parameters: cost, count: 32))
    }

    /// HMAC-SHA-256(MAC key, V ‖ authority): the holder of the secret once saw this authority.
    borrowing func authenticate(authority: [UInt8], of vault: VaultID) throws(CryptoError) -> [UInt8] {
        try HMAC.authenticate(.sha256, key: mac, vault.bytes + authority)
    }
}
