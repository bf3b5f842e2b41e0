internal import Cryptography
public import KeyRing
internal import Vault

/// An invitation as its inviter keeps it, among the encrypted settings of the vault, until it is used up.
public struct OpenInvitation: Sendable {
    /// What the new device will be.
    public let role: MemberRole
    /// What it may write as an agent; nil in other roles.
    public let rights: AgentRights?
    /// Whether who proves the token is let in without a person's word.
    public let isAutomatic: Bool
    /// Milliseconds since 1970, by the inviter's clock.
    public let expiresAt: UInt64
    let token: InviteToken
    /// SHA-256 of the first request that was seen with a valid proof; zeros before.
    var seen = [UInt8](repeating: 0, count: 32)

    /// How long a token can be used, in milliseconds.
    public static let lifetime: UInt64 = 15 * 60 * 1000
    private static let prefix = "invite/"

    init(
        _ token: InviteToken, role: MemberRole, rights: AgentRights?, isAutomatic: Bool, time: UInt64
    ) {
        self.token = token
        self.role = role
        self.rights = rights
        self.isAutomatic = isAutomatic
        expiresAt = time + Self.lifetime
    }

    func isExpired(at time: UInt64) -> Bool { time >= expiresAt }

    /// u8(1) ‖ secret (16) ‖ V (32) ‖ head (16) ‖ role u8 ‖ automatic u8 ‖ expires u64 ‖ seen (32); of an
    /// agent also its rights.
    private var encoded: [UInt8] {
        var writer = CanonicalWriter()
        writer.u8(1)
        writer.raw(token.secretBytes() + token.vaultID.bytes + token.head)
        writer.u8(role.rawValue)
        writer.u8(isAutomatic ? 1 : 0)
        writer.u64(expiresAt)
        writer.raw(seen)
        rights?.encode(into: &writer)
        return writer.bytes
    }

    private init(_ bytes: [UInt8]) throws {
        var reader = CanonicalReader(bytes)
        let version = try reader.u8()
        var secret = try reader.raw(InviteToken.secretCount)
        let vault = VaultID(try reader.raw(32))
        let head = try reader.raw(InviteToken.headCount)
        guard version == 1, let vault, let role = MemberRole(rawValue: try reader.u8()) else {
            throw SyncError(.newerFormat, "an invitation was stored by a newer ai-team", hint: "update it")
        }
        self.role = role
        isAutomatic = try reader.u8() == 1
        expiresAt = try reader.u64()
        seen = try reader.raw(32)
        rights = role == .agent ? try AgentRights(from: &reader) : nil
        try reader.expectEnd()
        token = InviteToken(secret: SecretBytes(wiping: &secret), vaultID: vault, head: head, hint: "")
    }
}

extension OpenInvitation {
    /// All that are open, in the order of their tags.
    static func all(_ tx: ReadTransaction) throws -> [OpenInvitation] {
        try tx.settings(prefix: prefix).sorted { $0.key < $1.key }.map { key, value in
            guard let bytes = Crockford32.decode(value) else {
                throw SyncError(.integrityFailure, "the stored invitation \(key) is malformed")
            }
            return try OpenInvitation(bytes)
        }
    }

    func store(_ tx: WriteTransaction) throws {
        try tx.setSetting(settingKey(), Crockford32.encode(encoded))
    }

    func remove(_ tx: WriteTransaction) throws { try tx.setSetting(settingKey(), nil) }

    private func settingKey() throws -> String { Self.prefix + Crockford32.encode(try token.tag()) }
}
