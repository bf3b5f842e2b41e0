import Cryptography

/// A slot as the ring stores it: the public half of a key pair, the root sealed to it, and the authority that
/// the holder of its secret saw when the secret was last at hand.
struct Slot: Sendable, Hashable {
    let id: SlotID
    let kind: SlotKind
    /// Milliseconds since 1970.
    let createdAt: UInt64
    /// The cost of scrypt as log2 N; 0 for the other kinds.
    let logN: UInt8
    /// The salt of scrypt; zeros for the other kinds.
    let salt: [UInt8]
    let publicKey: [UInt8]
    /// The authority's public key at that time, and HMAC(MAC key, V ‖ it).
    let authority: [UInt8]
    let authorityMAC: [UInt8]
    /// The root sealed to `publicKey`.
    var ephemeral: [UInt8]
    var box: [UInt8]

    static let encodedCount = 16 + 1 + 8 + 1 + 32 * 5 + 48

    /// Makes a slot for `secret` and seals `root` to it.
    static func make(
        for secret: SlotSecret, root: borrowing SecretBytes, authority: [UInt8], vault: VaultID,
        cost: ScryptParameters, time: UInt64
    ) throws(CryptoError) -> Slot {
        let isPassphrase = secret.kind == .passphrase
        let salt = isPassphrase ? try RandomBytes.bytes(32) : [UInt8](repeating: 0, count: 32)
        let keys = try SlotKeys(secret, salt: salt, cost: isPassphrase ? cost : nil)
        guard let id = SlotID(try RandomBytes.bytes(SlotID.count)) else {
            throw CryptoError(.randomFailure, "no slot id")
        }
        var slot = Slot(
            id: id, kind: secret.kind, createdAt: time, logN: isPassphrase ? cost.logN : 0, salt: salt,
            publicKey: keys.agreement.publicKey, authority: authority,
            authorityMAC: try keys.authenticate(authority: authority, of: vault), ephemeral: [], box: [])
        try slot.seal(root, vault: vault)
        return slot
    }

    /// Seals another root to the same public half; the slot's secret is not needed.
    mutating func seal(_ root: borrowing SecretBytes, vault: VaultID) throws(CryptoError) {
        let fresh = try AgreementKey.random()
        ephemeral = fresh.publicKey
        box = try SealedBox.seal(
            root, to: publicKey, ephemeral: fresh, salt: vault.bytes, info: info)
    }

    /// The keys of `secret`, when it is this slot's; nil when it is another's.
    func keys(of secret: SlotSecret) throws(CryptoError) -> SlotKeys? {
        guard secret.kind == kind else { return nil }
        let cost = kind == .passphrase ? try ScryptParameters(logN: logN) : nil
        let keys = try SlotKeys(secret, salt: salt, cost: cost)
        if ConstantTime.equal(keys.agreement.publicKey, publicKey) { return keys }
        return nil
    }

    /// The root in the slot's box.
    func open(with keys: borrowing SlotKeys, vault: VaultID) throws(CryptoError) -> SecretBytes {
        try SealedBox.open(
            box, with: keys.agreement, ephemeralPublicKey: ephemeral, salt: vault.bytes, info: info)
    }

    private var info: [UInt8] { Array("slot".utf8) + id.bytes + [kind.rawValue] }
}

extension Slot {
    func encode(into writer: inout CanonicalWriter) {
        writer.raw(id.bytes)
        writer.u8(kind.rawValue)
        writer.u64(createdAt)
        writer.u8(logN)
        for part in [salt, publicKey, authority, authorityMAC, ephemeral, box] { writer.raw(part) }
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        guard let id = SlotID(try reader.raw(SlotID.count)), let kind = SlotKind(rawValue: try reader.u8())
        else { throw CryptoError(.malformed, "a slot is of an unknown kind") }
        self.id = id
        self.kind = kind
        createdAt = try reader.u64()
        logN = try reader.u8()
        salt = try reader.raw(32)
        publicKey = try reader.raw(32)
        authority = try reader.raw(32)
        authorityMAC = try reader.raw(32)
        ephemeral = try reader.raw(32)
        box = try reader.raw(48)
        guard kind == .passphrase || (logN == 0 && salt.allSatisfy { $0 == 0 }) else {
            throw CryptoError(.malformed, "a slot without a passphrase has a salt")
        }
    }
}
