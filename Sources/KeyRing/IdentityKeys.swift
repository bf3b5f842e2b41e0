import Cryptography

/// An Ed25519 and an X25519 pair with their seeds: a device's identity, or what a recovery code leads to.
final class IdentityKeys: Sendable {
    let signingSeed: SecretBytes
    let agreementSeed: SecretBytes
    let signing: SigningKey
    let agreement: AgreementKey
    /// The public halves.
    let publicKeys: PublicKeys

    init(
        signingSeed: consuming SecretBytes, agreementSeed: consuming SecretBytes
    ) throws(CryptoError) {
        let signing = try SigningKey(seed: signingSeed)
        let agreement = try AgreementKey(seed: agreementSeed)
        self.publicKeys = PublicKeys(signing: signing.publicKey, agreement: agreement.publicKey)
        self.signing = signing
        self.agreement = agreement
        self.signingSeed = signingSeed
        self.agreementSeed = agreementSeed
    }

    static func random() throws(CryptoError) -> IdentityKeys {
        try IdentityKeys(
            signingSeed: SecretBytes.random(count: 32), agreementSeed: SecretBytes.random(count: 32))
    }
}

/// The public halves of an identity.
public struct PublicKeys: Sendable, Hashable {
    /// Ed25519, 32 bytes.
    public let signing: [UInt8]
    /// X25519, 32 bytes.
    public let agreement: [UInt8]

    /// Keys of 32 bytes each.
    public init(signing: [UInt8], agreement: [UInt8]) {
        self.signing = signing
        self.agreement = agreement
    }

    /// The id that a new device or recovery pair takes from these keys.
    public var id: DeviceID { DeviceID(signing: signing, agreement: agreement) }

    /// 64 hexadecimal digits in groups of four, to be compared by people.
    public var fingerprint: String {
        let digest = Array(Hex.encode(digestOfBoth))
        return stride(from: 0, to: digest.count, by: 4)
            .map { String(digest[$0..<$0 + 4]) }
            .joined(separator: " ")
    }

    private var digestOfBoth: [UInt8] { Hash.digest(.sha256, signing + agreement) }

    /// Throws `invalidRoster` for keys that fit every signature or lead to an empty secret.
    func validate() throws(KeyError) {
        guard signing.count == 32, agreement.count == 32, Ed25519.isAcceptable(publicKey: signing) else {
            throw KeyError(.invalidRoster, "a record introduces a signing key that is not acceptable")
        }
        try orKeyError(.invalidRoster, "a record introduces an agreement key that is not acceptable") {
            () throws(CryptoError) in
            _ = try AgreementKey.random().sharedSecret(with: agreement)
        }
    }
}

/// Lower-case hexadecimal digits.
enum Hex {
    static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// 16 digits.
    static func encode(_ number: UInt64) -> String {
        var writer = CanonicalWriter()
        writer.u64(number)
        return encode(writer.bytes)
    }
}
