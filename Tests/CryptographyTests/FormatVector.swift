import Cryptography
import Foundation

/// One vector of `scripts/vectors.py`: which fields it has depends on its kind.
struct FormatVector: Codable {
    var kind: String
    var key, salt, aad, secret, wrap: String?
    var purpose, vault: String?
    var epoch: UInt32?
    var recipient, recipientPublic, ephemeral, ephemeralPublic, info, box: String?
    var seed, publicKey, domain, message, signature: String?
    var nonce, sealed, context: String?

    /// What Swift finds in the vector.
    func opened() throws -> [UInt8] {
        switch kind {
        case "purpose":
            return try purposeKey()
        case "wrap":
            return bytes(try Wrap.open(field(wrap), under: secretField(key), aad: field(aad)))
        case "box":
            return bytes(
                try SealedBox.open(
                    field(box), with: AgreementKey(seed: secretField(recipient)),
                    ephemeralPublicKey: field(ephemeralPublic), salt: field(salt), info: field(info)))
        case "signature":
            try Ed25519.verify(
                signature: field(signature), of: field(message), domain: domain ?? "",
                publicKey: field(publicKey))
            return field(message)
        case "xaes":
            let cipher = try XAES256GCM(key: secretField(key))
            let opened = cipher.open(field(sealed), nonce: field(nonce), aad: field(aad))
            if let error = opened.error { throw error }
            return opened.output
        default:
            return try Cobblestone.open(
                key: secretField(key), context: field(context), field(sealed))
        }
    }

    /// What Swift makes of the same inputs, salts included.
    func made() throws -> [UInt8] {
        switch kind {
        case "purpose":
            return try purposeKey()
        case "wrap":
            return try Wrap.seal(
                secretField(secret), under: secretField(key), aad: field(aad), salt: field(salt))
        case "box":
            let pair = try AgreementKey(seed: secretField(ephemeral))
            return try SealedBox.seal(
                secretField(secret), to: field(recipientPublic), ephemeral: pair, salt: field(salt),
                info: field(info))
        case "signature":
            let signer = try SigningKey(seed: secretField(seed))
            return try signer.sign(field(message), domain: domain ?? "")
        case "xaes":
            let cipher = try XAES256GCM(key: secretField(key))
            return try cipher.seal(field(message), nonce: field(nonce), aad: field(aad))
        default:
            return try Cobblestone.seal(
                key: secretField(key), context: field(context), salt: field(salt), field(message))
        }
    }

    /// What the vector says `opened` gives.
    var content: [UInt8] { field(kind == "purpose" ? key : message ?? secret) }

    /// What the vector says `made` gives.
    var artefact: [UInt8] { field(wrap ?? box ?? signature ?? sealed ?? key) }

    private func purposeKey() throws -> [UInt8] {
        var info = CanonicalWriter()
        info.raw(Array("ai-team/\(purpose ?? "")".utf8) + [0] + field(vault))
        info.u32(epoch ?? 0)
        let secret = secretField(self.secret)
        return bytes(try HKDF.expand(.sha256, key: secret, info: info.bytes, count: 32))
    }

    private func field(_ text: String?) -> [UInt8] { hex(text ?? "") }
    private func secretField(_ text: String?) -> SecretBytes { SecretBytes(copying: hex(text ?? "")) }
}
