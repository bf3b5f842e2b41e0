package import Cryptography

// Records built by hand from docs/FORMAT.md, "Roster": what members make, and what nobody may.

/// A device or a recovery pair, with its private keys.
package final class HandMadeIdentity: Sendable {
    package let signing: SigningKey
    package let agreement: AgreementKey
    package let id: [UInt8]

    /// Random keys.
    package init() throws {
        let signing = try SigningKey(seed: .random(count: 32))
        let agreement = try AgreementKey.random()
        id = Array(ByHand.sha256(signing.publicKey + agreement.publicKey)[..<16])
        self.signing = signing
        self.agreement = agreement
    }

    /// What a recovery code's 32 bytes, or the 32 bytes that scrypt gives, lead to.
    package init(recovery bytes: [UInt8]) throws {
        let secret = ByHand.secret(bytes)
        let signingSeed = try ByHand.expand(secret, "recovery-ed25519")
        let agreementSeed = try ByHand.expand(secret, "recovery-x25519")
        let signing = try SigningKey(seed: signingSeed)
        let agreement = try AgreementKey(seed: agreementSeed)
        id = Array(ByHand.sha256(signing.publicKey + agreement.publicKey)[..<16])
        self.signing = signing
        self.agreement = agreement
    }

    package var publicKeys: [UInt8] { signing.publicKey + agreement.publicKey }

    /// As a recovery pair: kind 1 is a code, 2 a passphrase.
    package func pair(kind: UInt8 = 1, salt: [UInt8] = ByHand.zeros(32)) -> [UInt8] {
        [kind] + publicKeys + salt
    }
}

/// A chain of records, the epochs' keys among what is known. Each function makes the next record and adds
/// nothing: a test decides what joins the chain.
package final class HandMadeRoster {
    package typealias Recipients = [HandMadeIdentity]
    /// Who signs, as what, with whose keys.
    package typealias Signer = (role: UInt8, id: [UInt8], keys: HandMadeIdentity)

    package private(set) var chain: [[UInt8]] = []
    package let vaultID: [UInt8]
    package let owner: HandMadeIdentity
    package let recovery: HandMadeIdentity
    private var epochs: [[UInt8]] = []
    private var fresh: [UInt8] = []
    private static let time: UInt64 = 1_790_000_000_000

    /// A genesis by a device of its own around a recovery code.
    package init(code: [UInt8]) throws {
        owner = try HandMadeIdentity()
        recovery = try HandMadeIdentity(recovery: code)
        var core = CanonicalWriter()
        core.raw([UInt8](repeating: 5, count: 32) + owner.publicKeys)
        core.count(1)
        core.raw(recovery.pair())
        core.count(0)
        core.raw([0, 90] + ByHand.zeros(16) + [0])
        core.u64(Self.time)
        vaultID = ByHand.sha256(Array("ai-team/vault/v1".utf8) + [0] + core.bytes)
        var body = CanonicalWriter()
        body.blob(core.bytes)
        body.raw(ByHand.zeros(144) + (try epoch([owner, recovery])))
        accept(try record(1, body.bytes, by: owner, and: [(3, recovery.id, recovery)]))
    }

    /// Lets the record that was made last join, with the epoch that was drawn for it if its kind has one.
    package func accept(_ record: [UInt8]) {
        chain.append(record)
        if [1, 3, 5, 7, 8, 9].contains(record[5]) { epochs.append(fresh) }
    }

    package var head: [UInt8] { chain.last.map { ByHand.sha256($0) } ?? ByHand.zeros(32) }

    /// Any record, signed by its author and whoever else.
    package func record(
        _ kind: UInt8, _ body: [UInt8], by author: HandMadeIdentity, and others: [Signer] = []
    ) throws -> [UInt8] {
        var unsigned = CanonicalWriter()
        unsigned.raw(Array("ATR1".utf8) + [1, kind, 0, 0] + vaultID)
        unsigned.u64(UInt64(chain.count))
        unsigned.raw(head + author.id)
        unsigned.u64(Self.time)
        unsigned.blob(body)
        let hash = ByHand.sha256(unsigned.bytes)
        var record = CanonicalWriter()
        record.raw(unsigned.bytes)
        record.count(1 + others.count)
        for (role, id, keys) in [(1, author.id, author)] + others {
            let domain = [3: "recovery-binds", 4: "roster-approval"][role] ?? "roster"
            let message = role == 3 ? vaultID + hash : hash
            record.raw([role] + id + (try keys.signing.sign(message, domain: "ai-team/\(domain)/v1")))
        }
        return record.bytes
    }

    /// The next epoch, drawn anew, sealed to `recipients`; with a backup key of another secret if asked.
    package func epoch(_ recipients: Recipients, foreignBackupKey: Bool = false) throws -> [UInt8] {
        let number = UInt32(epochs.count + 1)
        let random = try SecretBytes.random(count: 32)
        fresh = random.withUnsafeBytes { Array($0) }
        let ephemeral = try AgreementKey.random()
        var writer = CanonicalWriter()
        writer.u32(number)
        writer.raw(ephemeral.publicKey)
        writer.count(recipients.count)
        for recipient in recipients.sorted(by: { $0.id.lexicographicallyPrecedes($1.id) }) {
            var info = CanonicalWriter()
            info.u32(number)
            info.raw(recipient.id + head)
            let box = try SealedBox.seal(
                random, to: recipient.agreement.publicKey, ephemeral: ephemeral, salt: vaultID,
                info: info.bytes)
            writer.raw(recipient.id + box)
        }
        let seed = try ByHand.expand(random, "backup-x25519", vault: vaultID, epoch: number)
        let backup = try foreignBackupKey ? AgreementKey.random() : AgreementKey(seed: seed)
        writer.raw(backup.publicKey)
        if let before = epochs.last {
            let key = try ByHand.expand(random, "prev-epoch", vault: vaultID, epoch: number)
            writer.raw(
                try AESGCM.seal(key: key, nonce: ByHand.zeros(12), aad: [], ByHand.secret(before)))
        } else {
            writer.raw(ByHand.zeros(48))
        }
        let commitment = try ByHand.expand(random, "epoch-commit", vault: vaultID, epoch: number)
        writer.raw(commitment.withUnsafeBytes { Array($0) })
        return writer.bytes
    }
}

extension HandMadeRoster {
    /// Roles as records have them.
    package enum Role: UInt8 {
        case owner = 1
        case admin, writer, reader, agent, backup
    }

    /// What an agent may write: its rights, or tasks where it is an agent and nothing was said.
    private func rights(_ role: Role, _ given: [UInt8]?) -> [UInt8] {
        given ?? (role == .agent ? [0, 0, 0, 1, 0, 0, 0, 1, 1] : [])
    }

    package func add(
        _ device: HandMadeIdentity, _ role: Role = .writer, by author: HandMadeIdentity,
        inviteTag: [UInt8] = ByHand.zeros(32), rights: [UInt8]? = nil, and others: [Signer] = []
    ) throws -> [UInt8] {
        var body = CanonicalWriter()
        body.raw(device.publicKeys + [role.rawValue] + inviteTag + ByHand.zeros(144))
        body.u32(UInt32(epochs.count))
        let filler: UInt8 = role == .backup ? 0 : 7  // nobody opens it in these tests
        body.raw([UInt8](repeating: filler, count: 80) + self.rights(role, rights))
        return try record(2, body.bytes, by: author, and: others)
    }

    package func remove(
        _ device: HandMadeIdentity, by author: HandMadeIdentity, pins: [[UInt8]] = [], to rest: Recipients,
        and others: [Signer] = []
    ) throws -> [UInt8] {
        var body = CanonicalWriter()
        body.raw(device.id)
        body.count(pins.count)
        for pin in pins { body.raw(pin) }
        body.raw(try epoch(rest))
        return try record(3, body.bytes, by: author, and: others)
    }

    package func role(
        _ role: Role, of device: HandMadeIdentity, by author: HandMadeIdentity, pins: [[UInt8]] = [],
        rights: [UInt8]? = nil, and others: [Signer] = []
    ) throws -> [UInt8] {
        var body = CanonicalWriter()
        body.raw(device.id + [role.rawValue])
        body.count(pins.count)
        for pin in pins { body.raw(pin) }
        body.raw(self.rights(role, rights))
        return try record(4, body.bytes, by: author, and: others)
    }

    package func relabel(
        _ device: HandMadeIdentity, by author: HandMadeIdentity, epoch: UInt32? = nil
    ) throws -> [UInt8] {
        var body = CanonicalWriter()
        body.raw(device.id + [UInt8](repeating: 5, count: 144))
        body.u32(epoch ?? UInt32(epochs.count))
        return try record(13, body.bytes, by: author)
    }

    package func retire(_ epoch: UInt32, by author: HandMadeIdentity) throws -> [UInt8] {
        var body = CanonicalWriter()
        body.u32(epoch)
        return try record(14, body.bytes, by: author)
    }

    package func recipients(_ keys: [[UInt8]], by author: HandMadeIdentity) throws -> [UInt8] {
        var body = CanonicalWriter()
        body.count(keys.count)
        for key in keys {
            body.raw(key)
            body.u32(1)
            body.raw([UInt8](repeating: 7, count: 144))
        }
        return try record(12, body.bytes, by: author)
    }

    package func rotate(
        by author: HandMadeIdentity, to all: Recipients, foreignBackupKey: Bool = false
    ) throws -> [UInt8] {
        try record(5, epoch(all, foreignBackupKey: foreignBackupKey), by: author)
    }

    package func recoveryChange(
        _ pairs: [[UInt8]], by author: HandMadeIdentity, new: [HandMadeIdentity], to all: Recipients,
        and others: [Signer] = []
    ) throws -> [UInt8] {
        var body = CanonicalWriter()
        body.count(pairs.count)
        for pair in pairs { body.raw(pair) }
        body.raw(try epoch(all))
        return try record(7, body.bytes, by: author, and: new.map { (3, $0.id, $0) } + others)
    }

    package func recoveryUse(by author: HandMadeIdentity, to recipients: Recipients) throws -> [UInt8] {
        try record(8, epoch(recipients), by: author)
    }

    package func rekey(
        _ device: HandMadeIdentity, to fresh: HandMadeIdentity, sealedTo all: Recipients
    ) throws -> [UInt8] {
        try record(
            9, device.id + fresh.publicKeys + epoch(all), by: device, and: [(2, device.id, fresh)])
    }

    /// A pin of manifests.
    package static func pin(
        _ sequence: UInt64, _ hash: [UInt8], incarnation: UInt32 = 0
    ) -> [UInt8] {
        var pin = CanonicalWriter()
        pin.u32(incarnation)
        pin.raw([2, 0, 0])
        pin.u64(sequence)
        pin.raw(hash)
        return pin.bytes
    }
}
