import Cryptography

/// The recovery code: 256 random bits that open every slot-less copy of the vault, as 56 letters in 14
/// groups.
///
/// The last 24 bits are a check, so that a typo is told from a code of another vault. What a person types may
/// differ in case, spaces, hyphens, o for 0, i and l for 1.
public struct RecoveryCode: Sendable {
    let secret: SharedSecret

    private static let secretCount = 32
    private static let checkCount = 3
    private static let groupCount = 4

    /// A fresh code.
    public static func random() throws(KeyError) -> RecoveryCode {
        RecoveryCode(
            secret: SharedSecret(
                try orKeyError(.failed, "recovery code") { () throws(CryptoError) in
                    try SecretBytes.random(count: secretCount)
                }))
    }

    /// The code of 32 given bytes: for tests and vectors.
    package init(bytes: [UInt8]) {
        var bytes = bytes
        self.init(secret: SharedSecret(SecretBytes(wiping: &bytes)))
    }

    init(secret: SharedSecret) { self.secret = secret }

    /// Reads what a person typed; `malformed` when it is no code at all or its check does not fit.
    public init(_ text: String) throws(KeyError) {
        let letters = text.filter { !$0.isWhitespace && $0 != "-" }
        guard letters.utf8.count == 56 else {
            throw KeyError(
                .malformed, "a recovery code has 56 letters and digits, this has \(letters.utf8.count)",
                hint: "type all 14 groups of 4")
        }
        guard var bytes = Crockford32.decode(letters) else {
            throw KeyError(
                .malformed, "the recovery code holds a letter that none has",
                hint: "u and signs other than - never stand in a code")
        }
        let check = Array(bytes[RecoveryCode.secretCount...])
        bytes.removeLast(RecoveryCode.checkCount)
        secret = SharedSecret(SecretBytes(wiping: &bytes))
        guard check == RecoveryCode.check(of: secret) else {
            throw KeyError(
                .malformed, "the recovery code has a typo", hint: "compare it letter by letter")
        }
    }

    /// The 56 letters in 14 groups, to be shown once. Everything else about a code prints nothing.
    public func reveal() -> String {
        let bytes = secret.bytes.revealed() + RecoveryCode.check(of: secret)
        let letters = Array(Crockford32.encode(bytes))
        let groups = stride(from: 0, to: letters.count, by: RecoveryCode.groupCount).map {
            String(letters[$0..<min($0 + RecoveryCode.groupCount, letters.count)])
        }
        return groups.joined(separator: "-")
    }

    private static func check(of secret: SharedSecret) -> [UInt8] {
        var hasher = Cryptography.Hasher(.sha256)
        hasher.update(Array(Domain.recoveryCheck.utf8) + [0])
        secret.bytes.withUnsafeBytes { hasher.update($0) }
        return Array(hasher.finalize()[..<checkCount])
    }

    /// The pairs that this code leads to.
    func recoveryKeys() throws(KeyError) -> IdentityKeys {
        try orKeyError(.failed, "recovery keys") { () throws(CryptoError) in
            try IdentityKeys(recoverySecret: secret)
        }
    }
}

extension RecoveryCode: CustomStringConvertible, CustomDebugStringConvertible {
    /// Nothing of the code.
    public var description: String { "recovery code" }
    /// Nothing of the code.
    public var debugDescription: String { "recovery code" }
}
