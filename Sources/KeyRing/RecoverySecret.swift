import Cryptography

/// What a person recovers a vault with: the recovery code, or where it was turned on, the passphrase.
public struct RecoverySecret: Sendable {
    enum Storage {
        case code(RecoveryCode)
        case passphrase(SlotSecret)
    }

    let storage: Storage

    /// The recovery code.
    public static func code(_ code: RecoveryCode) -> RecoverySecret {
        RecoverySecret(storage: .code(code))
    }

    /// The passphrase; `guardRefused` for a secret of another kind.
    public static func passphrase(_ secret: SlotSecret) throws(KeyError) -> RecoverySecret {
        guard secret.kind == .passphrase else {
            throw KeyError(.guardRefused, "a vault is recovered with its code or its passphrase")
        }
        return RecoverySecret(storage: .passphrase(secret))
    }

    /// What it is called.
    var name: String {
        switch storage {
        case .code: "recovery code"
        case .passphrase: "passphrase"
        }
    }
}

/// The second recovery pair of a vault, which comes from its passphrase.
///
///     secret = scrypt(passphrase, salt of the pair, N = 2^18, r = 8, p = 1)
///
/// The record holds the salt and no parameters: there is nothing that a remote could lower.
enum RecoveryPassphrase {
    private static let cost = ScryptParameters(n: 1 << 18, r: 8, p: 1)

    /// The keys that a passphrase leads to with this salt.
    static func keys(_ passphrase: SlotSecret, salt: [UInt8]) throws(KeyError) -> IdentityKeys {
        try orKeyError(.failed, "recovery passphrase") { () throws(CryptoError) in
            let secret = SharedSecret(
                try Scrypt.derive(
                    passphrase: passphrase.secret.bytes, salt: salt, parameters: cost, count: 32))
            return try IdentityKeys(recoverySecret: secret)
        }
    }

    /// A new pair with a salt of its own.
    static func newPair(
        _ passphrase: SlotSecret
    ) throws(KeyError) -> (pair: RecoveryPair, keys: IdentityKeys) {
        guard passphrase.kind == .passphrase else {
            throw KeyError(.guardRefused, "only a passphrase can recover a vault beside its code")
        }
        let salt = try orKeyError(.failed, "recovery passphrase") { () throws(CryptoError) in
            try RandomBytes.bytes(32)
        }
        let keys = try keys(passphrase, salt: salt)
        return (RecoveryPair(kind: .passphrase, keys: keys.publicKeys, salt: salt), keys)
    }
}

extension IdentityKeys {
    /// The pair that opens every epoch's seal and the pair that vouches for the vault.
    convenience init(recoverySecret secret: SharedSecret) throws(CryptoError) {
        try self.init(
            signingSeed: KeyPurpose.recoverySigning.expand(secret.bytes, vault: .none, epoch: 0),
            agreementSeed: KeyPurpose.recoveryAgreement.expand(secret.bytes, vault: .none, epoch: 0))
    }
}

/// The keys that a recovery secret leads to, worked out once for each salt.
struct RecoveryKeyFinder {
    private let secret: RecoverySecret
    private let code: IdentityKeys?
    private var bySalt: [[UInt8]: IdentityKeys] = [:]
    /// How many salts are tried: each costs 256 MiB and a second, and a remote may show any number.
    private static let saltLimit = 8

    init(_ secret: RecoverySecret) throws(KeyError) {
        self.secret = secret
        if case .code(let code) = secret.storage { self.code = try code.recoveryKeys() } else { code = nil }
    }

    /// The keys, when the secret leads to this pair.
    mutating func keys(for pair: RecoveryPair) throws(KeyError) -> IdentityKeys? {
        let found: IdentityKeys?
        switch (secret.storage, pair.kind) {
        case (.code, .code): found = code
        case (.passphrase(let passphrase), .passphrase): found = try stretched(passphrase, pair.salt)
        default: found = nil
        }
        guard let found, found.publicKeys == pair.keys else { return nil }
        return found
    }

    private mutating func stretched(
        _ passphrase: SlotSecret, _ salt: [UInt8]
    ) throws(KeyError) -> IdentityKeys? {
        if let known = bySalt[salt] { return known }
        guard bySalt.count < Self.saltLimit else { return nil }
        let keys = try RecoveryPassphrase.keys(passphrase, salt: salt)
        bySalt[salt] = keys
        return keys
    }
}
