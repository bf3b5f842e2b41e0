import Cryptography

/// Everything that an open ring holds. A change is made on a copy, which becomes the truth when it is stored.
struct RingState: Sendable {
    let device: DeviceID
    /// The life that this copy of the device goes on in. The roster's is another once another copy has taken
    /// over.
    var incarnation: UInt32
    var generation: UInt64
    var root: SharedSecret
    var identity: IdentityKeys
    let home: SharedSecret
    var epochs: [EpochKey]
    var roster: Roster
    var slots: [Slot]
    var handovers: [RingFile.Handover]
    /// The epoch under which new data is written. Where a remote orders the roster, an epoch is used once its
    /// record is there, since another record may come first and this one's epoch is then never heard of.
    var epochInUse: UInt32
    /// Whether a remote decides which records come first.
    var isOrdered: Bool
    /// The pairs of this device that `rekey` records which may still be displaced have replaced, oldest
    /// first: such a record would have to be signed by them again.
    var formerIdentities: [IdentityKeys]

    var vaultID: VaultID { roster.vaultID }
    /// Whether another copy of this device has taken over: a person has to say which of them goes on.
    var isReplaced: Bool { roster.member(device)?.incarnation != incarnation }
}

extension RingState {
    /// Opens a ring with its root: the signature, the device's keys, the roster it names and every epoch's
    /// commitment are checked before anything is believed.
    init(_ ring: RingFile, root: SharedSecret, roster: Roster) throws(KeyError) {
        try ring.verifySignature()
        guard ring.vaultID == roster.vaultID, ring.rosterSequence == roster.headSequence,
            ring.rosterHash == roster.headHash, let member = roster.member(ring.device),
            member.keys == ring.keys
        else {
            throw KeyError(.invalidRoster, "keys/roster is not the roster that the key ring names")
        }
        let identity = try RingState.unwrap("device keys") { () throws(CryptoError) in
            try IdentityKeys(
                signingSeed: Wrap.open(
                    ring.signingSeed, under: root.bytes, aad: RingState.aad("signing", 0, ring.vaultID)),
                agreementSeed: Wrap.open(
                    ring.agreementSeed, under: root.bytes, aad: RingState.aad("agreement", 0, ring.vaultID)))
        }
        guard identity.publicKeys == ring.keys, ring.epochs.count == roster.epochs.count,
            ring.epochInUse >= 1, ring.epochInUse <= roster.currentEpoch
        else {
            throw KeyError(.integrityFailure, "the key ring's keys do not belong together")
        }
        home = try RingState.unwrap("home key") { () throws(CryptoError) in
            SharedSecret(
                try Wrap.open(ring.homeKey, under: root.bytes, aad: RingState.aad("home", 0, ring.vaultID)))
        }
        epochs = []
        for (wrapped, epoch) in zip(ring.epochs, roster.epochs) {
            let key = try RingState.unwrap("epoch \(wrapped.number)") { () throws(CryptoError) in
                let aad = RingState.aad("epoch", wrapped.number, ring.vaultID)
                let secret = try Wrap.open(wrapped.wrap, under: root.bytes, aad: aad)
                return try epoch.record.checked(
                    EpochKey(number: epoch.record.number, secret: secret), ring.vaultID)
            }
            epochs.append(key)
        }
        formerIdentities = []
        for former in ring.formerKeys {
            let keys = try RingState.unwrap("former device keys") { () throws(CryptoError) in
                let aad = { RingState.aad($0, 0, ring.vaultID) + former.keys.signing }
                return try IdentityKeys(
                    signingSeed: Wrap.open(
                        former.signingSeed, under: root.bytes, aad: aad("former-signing")),
                    agreementSeed: Wrap.open(
                        former.agreementSeed, under: root.bytes, aad: aad("former-agreement")))
            }
            guard keys.publicKeys == former.keys else {
                throw KeyError(.integrityFailure, "the key ring's keys do not belong together")
            }
            formerIdentities.append(keys)
        }
        device = ring.device
        incarnation = ring.incarnation
        epochInUse = ring.epochInUse
        isOrdered = ring.isOrdered
        generation = ring.generation
        slots = ring.slots
        handovers = ring.handovers
        self.root = root
        self.identity = identity
        self.roster = roster
    }

    /// The ring file of this state, every secret wrapped anew, signed by the authority.
    func sealed(time: UInt64) throws(CryptoError) -> RingFile {
        var wraps: [RingFile.WrappedEpoch] = []
        for epoch in epochs {
            let wrap = try wrapped(epoch.secret, "epoch", epoch.number)
            wraps.append(RingFile.WrappedEpoch(number: epoch.number, wrap: wrap))
        }
        var former: [RingFile.FormerKeys] = []
        for keys in formerIdentities {
            let aad = { RingState.aad($0, 0, vaultID) + keys.publicKeys.signing }
            former.append(
                RingFile.FormerKeys(
                    keys: keys.publicKeys,
                    signingSeed: try Wrap.seal(
                        keys.signingSeed, under: root.bytes, aad: aad("former-signing")),
                    agreementSeed: try Wrap.seal(
                        keys.agreementSeed, under: root.bytes, aad: aad("former-agreement"))))
        }
        var ring = RingFile(
            generation: generation, vaultID: vaultID, device: device, incarnation: incarnation,
            keys: identity.publicKeys, rosterSequence: roster.headSequence, rosterHash: roster.headHash,
            time: time, slots: slots, handovers: handovers,
            signingSeed: try wrapped(identity.signingSeed, "signing", 0),
            agreementSeed: try wrapped(identity.agreementSeed, "agreement", 0),
            homeKey: try wrapped(home.bytes, "home", 0), epochs: wraps,
            epochInUse: epochInUse, isOrdered: isOrdered, formerKeys: former, signature: [])
        ring.signature = try identity.signing.sign(ring.signedBytes, domain: Domain.ring)
        return ring
    }

    private func wrapped(
        _ secret: borrowing SecretBytes, _ label: String, _ number: UInt32
    ) throws(CryptoError) -> [UInt8] {
        try Wrap.seal(secret, under: root.bytes, aad: RingState.aad(label, number, vaultID))
    }

    /// "ring-" label ‖ 0x00 ‖ number u32 ‖ V.
    private static func aad(_ label: String, _ number: UInt32, _ vault: VaultID) -> [UInt8] {
        var aad = CanonicalWriter()
        aad.raw(Array("ring-\(label)".utf8) + [0])
        aad.u32(number)
        aad.raw(vault.bytes)
        return aad.bytes
    }

    private static func unwrap<R: ~Copyable>(
        _ what: String, _ body: () throws(CryptoError) -> R
    ) throws(KeyError) -> R {
        do { return try body() } catch {
            guard error.code == .invalidKey else { throw KeyError(error, .integrityFailure, what) }
            throw KeyError(
                .locked, "the root key at hand is not this ring's", hint: "run ai-team lock, then unlock")
        }
    }
}

extension RingState {
    /// Adds a record to the roster, signed by this device (and by `extra`).
    mutating func append(
        _ body: RosterBody, extra: [RosterRecord.Signer] = [], time: UInt64
    ) throws(KeyError) {
        let unsigned = RosterRecord.Unsigned(
            vaultID: vaultID, sequence: roster.headSequence + 1, prevHash: roster.headHash, author: device,
            time: time, body: body)
        let signers = [RosterRecord.Signer(role: .author, id: device, keys: identity)] + extra
        let record = try orKeyError(.failed, "roster record") { () throws(CryptoError) in
            try RosterRecord(unsigned, signers: signers)
        }
        try roster.append(record)
        if !isOrdered { epochInUse = roster.currentEpoch }
    }

    /// A fresh epoch for the next record, sealed to `recipients`.
    mutating func nextEpoch(
        _ recipients: [(id: DeviceID, key: [UInt8])]
    ) throws(KeyError) -> NewEpoch {
        let previous = epochs[epochs.count - 1]
        let (vaultID, prevHash) = (vaultID, roster.headHash)
        let key: EpochKey
        let epoch: NewEpoch
        do {
            key = try EpochKey.random(previous.number + 1)
            epoch = try NewEpoch(
                key, previous: previous, recipients: recipients, vault: vaultID, prevHash: prevHash)
        } catch { throw KeyError(error, .failed, "new epoch") }
        epochs.append(key)
        return epoch
    }

    /// A new root, new key pairs of this device and a new epoch, so that an old ring with an old secret leads
    /// to nothing that is written from now on. The other slots' secrets are not needed.
    mutating func replaceRoot(time: UInt64) throws(KeyError) {
        let old = identity
        let (device, vaultID) = (device, vaultID)
        let fresh: IdentityKeys
        let handover: RingFile.Handover
        do {
            fresh = try IdentityKeys.random()
            handover = RingFile.Handover(
                old: old.publicKeys.signing, new: fresh.publicKeys.signing,
                signature: try old.signing.sign(
                    vaultID.bytes + fresh.publicKeys.signing, domain: Domain.handover))
        } catch { throw KeyError(error, .failed, "new device keys") }
        let recipients = roster.recipients.map { recipient in
            recipient.id == device ? (recipient.id, fresh.publicKeys.agreement) : recipient
        }
        let epoch = try nextEpoch(recipients)
        try append(
            .rekey(device: device, keys: fresh.publicKeys, epoch: epoch),
            extra: [RosterRecord.Signer(role: .newKey, id: device, keys: fresh)], time: time)
        if isOrdered { formerIdentities.append(old) }
        identity = fresh
        do {
            root = SharedSecret(try SecretBytes.random(count: 32))
            for index in slots.indices { try slots[index].seal(root.bytes, vault: vaultID) }
        } catch { throw KeyError(error, .failed, "new root") }
        handovers.append(handover)
        dropUnneededHandovers()
        guard formerIdentities.count <= RingFile.formerLimit else {
            throw KeyError(
                .guardRefused,
                "the vault's keys were changed \(RingFile.formerLimit) times without the remote",
                hint: "run `ai-team sync both` first")
        }
        guard handovers.count <= RingFile.handoverLimit else {
            throw KeyError(
                .guardRefused, "a slot was not renewed for \(RingFile.handoverLimit) changes of the root",
                hint: "add the oldest slot anew and remove it")
        }
    }

    /// Hand-overs older than every slot's authority serve nobody.
    private mutating func dropUnneededHandovers() {
        let needed = handovers.firstIndex { handover in slots.contains { $0.authority == handover.old } }
        handovers.removeFirst(needed ?? handovers.count)
    }

    /// Makes a slot for `secret` that opens the present root.
    func newSlot(for secret: SlotSecret, cost: ScryptParameters, time: UInt64) throws(KeyError) -> Slot {
        guard secret.kind != .passphrase || secret.secret.bytes.count > 0 else {
            throw KeyError(.guardRefused, "the passphrase is empty")
        }
        return try orKeyError(.failed, "slot") { () throws(CryptoError) in
            try Slot.make(
                for: secret, root: root.bytes, authority: identity.publicKeys.signing, vault: vaultID,
                cost: cost, time: time)
        }
    }
}
