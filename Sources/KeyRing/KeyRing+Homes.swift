public import Cryptography
import FileSystem

/// Keys that come from elsewhere, and looking at a ring without opening it.
extension KeyRing {
    /// Makes the keys of a home from a chain of roster records and the recovery code alone: a new device, its
    /// `add` record signed by the recovery key, a slot for `secret` and one for the code.
    public static func recover(
        in keysDirectory: String, chain: [[UInt8]], code: RecoveryCode, name: String, secret: SlotSecret,
        cost: ScryptParameters = .standard, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        let recovered = try Recovery.open(chain, with: code)
        let recovery = try code.recoveryKeys()
        let identity = try orKeyError(.failed, "device keys") { () throws(CryptoError) in
            try IdentityKeys.random()
        }
        var roster = recovered.roster
        let vaultID = roster.vaultID
        let device = identity.publicKeys.id
        let epoch = try recovered.epochKeys.of(roster.currentEpoch)
        let labelKey = try recovered.key(.deviceLabel, epoch: epoch.number)
        let label = try DeviceLabel.seal(name, under: labelKey, device, vaultID)
        let (sequence, prevHash) = (roster.headSequence + 1, roster.headHash)
        let record = try orKeyError(.failed, "roster record") { () throws(CryptoError) in
            let fresh = try AgreementKey.random()
            let box = try SealedBox.seal(
                epoch.secret, to: identity.publicKeys.agreement, ephemeral: fresh, salt: vaultID.bytes,
                info: NewEpoch.info(epoch.number, device, prevHash))
            let addition = RosterBody.Addition(
                keys: identity.publicKeys, role: .owner, inviteTag: zeros, label: label,
                epoch: epoch.number, ephemeral: fresh.publicKey, box: box)
            let unsigned = RosterRecord.Unsigned(
                vaultID: vaultID, sequence: sequence, prevHash: prevHash, author: recovery.publicKeys.id,
                time: time, body: .add(addition))
            let signer = RosterRecord.Signer(role: .author, id: recovery.publicKeys.id, keys: recovery)
            return try RosterRecord(unsigned, signers: [signer])
        }
        try roster.append(record)
        let state = try newState(
            identity: identity, epochs: recovered.epochKeys, roster: roster,
            secrets: [secret, .recoveryCode(code)], cost: cost, time: time)
        return try storeFirst(state, in: keysDirectory, time: time, openedSlot: state.slots.first?.id)
    }

    /// Puts the ring and roster of an open home into another directory: the same device, the same slots, in a
    /// new incarnation. For a restore beside the running home; `conflict` when there is a ring already.
    public static func copy(
        _ keys: UnlockedKeys, to keysDirectory: String, pins: [Pin] = [], time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        var state = keys.state
        try state.reincarnate(pins: pins, time: time)
        state.generation += 1
        return try storeFirst(state, in: keysDirectory, time: time, openedSlot: keys.openedSlot)
    }

    private static func storeFirst(
        _ state: RingState, in keysDirectory: String, time: UInt64, openedSlot: SlotID?
    ) throws(KeyError) -> UnlockedKeys {
        let directory = KeyDirectory(path: keysDirectory)
        try directory.make()
        let lock = try directory.lock()
        try refuseExisting(directory)
        try directory.storeFirst(state, time: time)
        lock.release()
        return UnlockedKeys(state, openedSlot: openedSlot)
    }

    /// What a ring says of itself while it is locked. Only its checksum was verified, so nothing may be
    /// decided by it.
    public struct Summary: Sendable {
        /// The vault's name.
        public let vaultID: VaultID
        /// This device's name.
        public let device: DeviceID
        /// The ring's generation.
        public let generation: UInt64
        /// The newest epoch's number.
        public let currentEpoch: UInt32
        /// The slots.
        public let slots: [SlotInfo]
        /// Which of the two copies of the ring are missing or damaged: `ring.a`, `ring.b`.
        public let damagedCopies: [String]
    }

    /// Reads the ring without opening it: for `status`, `doctor` and to know which secret to ask for.
    public static func summary(in keysDirectory: String) throws(KeyError) -> Summary {
        let rings = try KeyDirectory(path: keysDirectory).readRings()
        let ring = rings.newest
        return Summary(
            vaultID: ring.vaultID, device: ring.device, generation: ring.generation,
            currentEpoch: ring.epochs.last?.number ?? 0, slots: ring.slots.map(SlotInfo.init),
            damagedCopies: rings.damaged.map { "ring.\($0)" })
    }

    /// Whether there is a ring, whole or not.
    public static func exists(in keysDirectory: String) throws(KeyError) -> Bool {
        let directory = KeyDirectory(path: keysDirectory)
        return try withFiles { () throws(FileError) in
            for copy in KeyDirectory.Copy.allCases where try Files.exists(directory.path(of: copy)) {
                return true
            }
            return false
        }
    }

    /// Proves that a recovery code opens this home and every epoch of the roster; `wrongKey` and the
    /// errors of `open` and `Recovery.open` otherwise.
    public static func testRecovery(_ code: RecoveryCode, in keysDirectory: String) throws(KeyError) {
        let keys = try open(in: keysDirectory, with: .recoveryCode(code))
        _ = try Recovery.open(keys.roster.chain, with: code)
    }
}
