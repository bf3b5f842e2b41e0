public import Cryptography
import FileSystem

/// The keys of a home: making them and opening them. Changing them: KeyRing+Changes.swift.
///
/// The life of a key: a secret (passphrase, key file, recovery code) leads to a slot's key pair; the slot's
/// box in the ring holds the root; the root unwraps this device's identity, the home key and every epoch; an
/// epoch leads to the keys of its purposes.
public enum KeyRing {
    /// A vault just made: its keys, and the recovery code, which is kept nowhere.
    public struct NewVault: Sendable {
        /// The open vault.
        public let keys: UnlockedKeys
        /// To be shown once.
        public let recoveryCode: RecoveryCode
    }

    /// Makes a vault in `keysDirectory`: root, device, genesis record, epoch 1, a slot for `secret` and one
    /// for the recovery code. `conflict` when there is a ring already.
    ///
    /// - Parameters:
    ///   - name: what this device is called, at most 63 bytes; kept encrypted.
    ///   - cost: scrypt's, where the secret is a passphrase.
    ///   - time: milliseconds since 1970.
    public static func create(
        in keysDirectory: String, name: String, secret: SlotSecret, cost: ScryptParameters = .standard,
        time: UInt64
    ) throws(KeyError) -> NewVault {
        let directory = KeyDirectory(path: keysDirectory)
        try directory.make()
        let lock = try directory.lock()
        try refuseExisting(directory)
        let code = try RecoveryCode.random()
        let identity: IdentityKeys
        let epoch: EpochKey
        let random: [UInt8]
        do {
            identity = try IdentityKeys.random()
            epoch = try EpochKey.random(1)
            random = try RandomBytes.bytes(32)
        } catch { throw KeyError(error, .failed, "new vault") }
        let recovery = try code.recoveryKeys()
        let roster = try genesis(
            GenesisCore(
                random: random, device: identity.publicKeys,
                recovery: [RecoveryPair(kind: .code, keys: recovery.publicKeys, salt: zeros)],
                policy: .initial, time: time),
            name: name, identity: identity, recovery: recovery, epoch: epoch)
        let state = try newState(
            identity: identity, epochs: [epoch], roster: roster,
            secrets: [secret, .recoveryCode(code)], cost: cost, time: time)
        try directory.storeFirst(state, time: time)
        lock.release()
        return NewVault(
            keys: UnlockedKeys(state, opener: .none(state.slots.first?.id)), recoveryCode: code)
    }

    /// Opens the ring with a secret.
    ///
    /// Throws `notFound` without a ring, `damagedRing`, `newerFormat`, `downgrade` for what the file is,
    /// `wrongKey` when no slot has this secret, `integrityFailure` when the ring is not the one that the
    /// secret's holder knows, `invalidRoster` for the roster.
    public static func open(
        in keysDirectory: String, with secret: SlotSecret
    ) throws(KeyError) -> UnlockedKeys {
        let directory = KeyDirectory(path: keysDirectory)
        return try directory.whileOthersChange { () throws(KeyError) in
            let rings = try directory.readRings()
            let ring = rings.newest
            for slot in ring.slots where slot.kind == secret.kind {
                let keys = try orKeyError(.integrityFailure, "slot") { () throws(CryptoError) in
                    try slot.keys(of: secret)
                }
                guard let keys else { continue }
                let root = try ring.root(for: slot, keys)
                return try finish(directory, rings, root: root, .slot(slot.id, SlotKeyHolder(keys)))
            }
            throw KeyError(.wrongKey, wrongMessage(secret.kind))
        }
    }

    /// Opens the ring with the root key that the key agent holds. `locked` when the root was replaced since.
    public static func open(
        in keysDirectory: String, rootKey: consuming SecretBytes
    ) throws(KeyError) -> UnlockedKeys {
        try open(in: keysDirectory, root: SharedSecret(rootKey), opener: .none(nil))
    }

    static func open(
        in keysDirectory: String, root: SharedSecret, opener: Opener
    ) throws(KeyError) -> UnlockedKeys {
        let directory = KeyDirectory(path: keysDirectory)
        return try directory.whileOthersChange { () throws(KeyError) in
            try finish(directory, directory.readRings(), root: root, opener)
        }
    }

    private static func finish(
        _ directory: KeyDirectory, _ rings: KeyDirectory.Rings, root: SharedSecret, _ opener: Opener
    ) throws(KeyError) -> UnlockedKeys {
        let roster = try directory.readRoster(for: rings.newest)
        let state = try RingState(rings.newest, root: root, roster: roster)
        if rings.isOtherOlder { try directory.finishInterruptedChange() }
        return UnlockedKeys(state, opener: opener)
    }

    /// An older ring stands where a newer one was seen.
    static func wasPutBack(_ keysDirectory: String) -> KeyError {
        KeyError(
            .rollback, "the key ring in \(keysDirectory) is older than the one that was opened",
            hint: "someone put an old keys/ back; restore it from the newest backup of this home")
    }

    private static func wrongMessage(_ kind: SlotKind) -> String {
        switch kind {
        case .passphrase: "the passphrase is wrong"
        case .keyFile: "the key file is not one of this vault's"
        case .recoveryCode: "the recovery code has no typo but is not this vault's"
        }
    }
}

extension KeyRing {
    static let zeros = [UInt8](repeating: 0, count: 32)

    static func refuseExisting(_ directory: KeyDirectory) throws(KeyError) {
        for copy in KeyDirectory.Copy.allCases {
            let path = directory.path(of: copy)
            guard try withFiles({ () throws(FileError) in try !Files.exists(path) }) else {
                throw KeyError(.conflict, "there is a key ring in \(directory.path) already")
            }
        }
    }

    /// The roster of one record, signed by the device and countersigned by the recovery keys.
    static func genesis(
        _ core: GenesisCore, name: String, identity: IdentityKeys, recovery: IdentityKeys, epoch: EpochKey
    ) throws(KeyError) -> Roster {
        let vaultID = core.vaultID
        let device = identity.publicKeys.id
        let labelKey = try [epoch].key(.deviceLabel, epoch: 1, vault: vaultID)
        let label = try DeviceLabel.seal(name, under: labelKey, device, vaultID)
        let recipients =
            [(id: device, key: core.device.agreement)]
            + core.recovery.map { (id: $0.keys.id, key: $0.keys.agreement) }
        let record = try orKeyError(.failed, "genesis") { () throws(CryptoError) in
            let first = try NewEpoch(
                epoch, previous: nil, recipients: recipients, vault: vaultID, prevHash: zeros)
            let unsigned = RosterRecord.Unsigned(
                vaultID: vaultID, sequence: 0, prevHash: zeros, author: device, time: core.time,
                body: .genesis(core: core, label: label, epoch: first))
            return try RosterRecord(
                unsigned,
                signers: [
                    RosterRecord.Signer(role: .author, id: device, keys: identity),
                    RosterRecord.Signer(role: .recovery, id: recovery.publicKeys.id, keys: recovery),
                ])
        }
        return try Roster(genesis: record)
    }

    /// The state of a new home: fresh root and home key, a slot for each secret.
    static func newState(
        identity: IdentityKeys, epochs: [EpochKey], roster: Roster, secrets: [SlotSecret],
        cost: ScryptParameters, time: UInt64
    ) throws(KeyError) -> RingState {
        let root: SharedSecret
        let home: SharedSecret
        do {
            root = SharedSecret(try SecretBytes.random(count: 32))
            home = SharedSecret(try SecretBytes.random(count: 32))
        } catch { throw KeyError(error, .failed, "new keys") }
        var state = RingState(
            device: identity.publicKeys.id,
            incarnation: roster.member(identity.publicKeys.id)?.incarnation ?? 0, generation: 1, root: root,
            identity: identity, home: home,
            epochs: epochs, roster: roster, slots: [], handovers: [],
            epochInUse: roster.currentEpoch, isOrdered: false, formerIdentities: [])
        for secret in secrets {
            state.slots.append(try state.newSlot(for: secret, cost: cost, time: time))
        }
        return state
    }
}
