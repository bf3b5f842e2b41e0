internal import Cryptography
public import KeyRing

/// What an inviter hands to a new device: one secret that both authenticate each other by.
///
///     version u8 = 1 ‖ secret (16) ‖ V (32) ‖ head (16) ‖ hint ‖ check (3)
///
/// as Crockford's base32. The head is the beginning of the hash of the inviter's newest roster record, the
/// hint the remote's URL or empty, the check SHA-256("ai-team/invite/v1" NUL everything before). The secret
/// is wiped with the value; a token prints nothing but by `reveal`.
public final class InviteToken: Sendable {
    /// The vault that it invites to.
    public let vaultID: VaultID
    /// The first 16 bytes of the hash of a record that the inviter knew.
    public let head: [UInt8]
    /// Where the vault's remote is; empty when the inviter did not say.
    public let hint: String
    private let secret: SecretBytes

    static let secretCount = 16
    static let headCount = 16
    private static let checkCount = 3
    private static let vaultCount = 32
    private static let fixedCount = 1 + secretCount + vaultCount + headCount + checkCount
    private static let hintLimit = 1024
    private static let version: UInt8 = 1
    private static let domain = Array("ai-team/invite/v1".utf8) + [0]

    init(secret: consuming SecretBytes, vaultID: VaultID, head: [UInt8], hint: String) {
        self.vaultID = vaultID
        self.head = head
        self.hint = hint
        self.secret = secret
    }

    /// A fresh token for a vault whose newest record is known.
    static func random(for roster: Roster, hint: String) throws -> InviteToken {
        guard hint.utf8.count <= hintLimit else {
            throw SyncError(.guardNeeded, "the remote's URL has more than \(hintLimit) bytes")
        }
        return InviteToken(
            secret: try SecretBytes.random(count: secretCount), vaultID: roster.vaultID,
            head: Array(roster.headHash.prefix(headCount)), hint: hint)
    }

    /// Reads what was typed, pasted or scanned: case, spaces, line ends and hyphens do not matter.
    ///
    /// - Throws: `KeyError` with code `malformed` when it is no token or has a typo.
    public init(_ text: String) throws(KeyError) {
        let letters = text.filter { !$0.isWhitespace }
        guard letters.utf8.count <= 4096, var bytes = Crockford32.decode(letters),
            bytes.count >= Self.fixedCount
        else {
            throw KeyError(
                .malformed, "this is no invitation: it is too short or holds a letter that none has",
                hint: "copy the whole token that `ai-team device invite` printed")
        }
        let content = Array(bytes.dropLast(Self.checkCount))
        guard Self.check(content) == Array(bytes.suffix(Self.checkCount)) else {
            throw KeyError(.malformed, "the invitation has a typo", hint: "copy or scan it again")
        }
        var secret = Array(content[1..<1 + Self.secretCount])
        let afterSecret = content[(1 + Self.secretCount)...]
        let vault = Array(afterSecret.prefix(Self.vaultCount))
        let hint = Array(afterSecret.dropFirst(Self.vaultCount + Self.headCount))
        guard content[0] == Self.version else {
            throw KeyError(.newerFormat, "the invitation was made by a newer ai-team", hint: "update ai-team")
        }
        guard let vaultID = VaultID(vault), hint.count <= Self.hintLimit,
            let hint = String(validating: hint, as: UTF8.self)
        else { throw KeyError(.malformed, "this is no invitation") }
        self.vaultID = vaultID
        self.head = Array(afterSecret.dropFirst(Self.vaultCount).prefix(Self.headCount))
        self.hint = hint
        self.secret = SecretBytes(wiping: &secret)
        _ = SecretBytes(wiping: &bytes)
    }

    /// The token, to be handed over.
    public func reveal() -> String {
        let content =
            [Self.version] + secret.withUnsafeBytes(Array.init) + vaultID.bytes + head + Array(hint.utf8)
        return Crockford32.encode(content + Self.check(content))
    }

    private static func check(_ content: [UInt8]) -> [UInt8] {
        Array(Hash.digest(.sha256, domain + content).prefix(checkCount))
    }

    /// A second value of the secret's bytes, for the inviter's own store.
    func secretBytes() -> [UInt8] { secret.withUnsafeBytes(Array.init) }

    /// HMAC(secret, "invite-tag"): names the request in the remote and the invitation in the roster.
    public func tag() throws -> [UInt8] {
        try HMAC.authenticate(.sha256, key: secret, Array("invite-tag".utf8))
    }

    /// HMAC(secret, "join" NUL V ‖ keys ‖ label): whoever made it has the token.
    func proof(keys: PublicKeys, label: [UInt8]) throws -> [UInt8] {
        try HMAC.authenticate(
            .sha256, key: secret,
            Array("join".utf8) + [0] + vaultID.bytes + keys.signing + keys.agreement + label)
    }

    /// HMAC(secret, "invite-label"): the key of the device's name in its request.
    func labelKey() throws -> SecretBytes {
        var key = try HMAC.authenticate(.sha256, key: secret, Array("invite-label".utf8))
        return SecretBytes(wiping: &key)
    }
}

extension InviteToken: CustomStringConvertible, CustomDebugStringConvertible {
    /// Nothing of the token.
    public var description: String { "invitation" }
    /// Nothing of the token.
    public var debugDescription: String { "invitation" }
}
