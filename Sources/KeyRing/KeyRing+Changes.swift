public import Cryptography
import FileSystem

/// Changes that keep the root. They are atomic, and others may have the vault open (`LiveKeys`).
extension KeyRing {
    /// Adds a slot for `secret`. Returns the keys of the new ring generation.
    public static func addSlot(
        _ secret: SlotSecret, in keysDirectory: String, keys: UnlockedKeys,
        cost: ScryptParameters = .standard, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        guard secret.kind != .recoveryCode else {
            throw KeyError(.guardRefused, "a vault has one recovery code", hint: "run ai-team key recovery")
        }
        return try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            guard state.slots.count < RingFile.slotLimit else {
                throw KeyError(.guardRefused, "a vault has at most \(RingFile.slotLimit) slots")
            }
            state.slots.append(try state.newSlot(for: secret, cost: cost, time: time))
        }
    }

    /// Begins a new incarnation of this device, pinning what the ended ones wrote.
    ///
    /// - Parameter incarnation: a number that this device never had; nil: a random one.
    public static func reincarnate(
        in keysDirectory: String, keys: UnlockedKeys, as incarnation: UInt32? = nil, pins: [Pin] = [],
        time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            try state.reincarnate(as: incarnation, pins: pins, time: time)
        }
    }

    /// Records in the roster that this device was restored from a backup.
    public static func recordRestored(
        from origin: BackupOrigin, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (state) throws(KeyError) in
            try state.append(.restored(device: state.device, from: origin), time: time)
        }
    }

    /// Writes both copies of the ring anew, where one is missing or damaged.
    public static func repair(
        in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try change(keysDirectory, keys, time) { (_) throws(KeyError) in }
    }

    /// Applies `edit` to the ring as it is now and stores the result under the next generation.
    static func change(
        _ keysDirectory: String, _ keys: UnlockedKeys, _ time: UInt64,
        _ edit: (inout RingState) throws(KeyError) -> Void
    ) throws(KeyError) -> UnlockedKeys {
        let directory = KeyDirectory(path: keysDirectory)
        let lock = try directory.lock()
        let rings = try directory.readRings()
        guard rings.newest.generation >= keys.ringGeneration else {
            throw wasPutBack(keysDirectory)
        }
        let roster = try directory.readRoster(for: rings.newest)
        var state = try keys.reopened(rings.newest, roster).state
        try edit(&state)
        state.generation += 1
        try directory.store(state, time: time, after: rings, roster)
        lock.release()
        return UnlockedKeys(state, opener: keys.opener)
    }
}

/// Changes after which an old ring with an old secret leads to nothing new: they make a new root, a new epoch
/// and new key pairs of this device, and need the home to themselves (`busy` while any process has it open).
///
/// The caller hands the new root to the key agent (`KeyAgentClient.replaceRoot`).
extension KeyRing {
    /// Removes a slot. `guardRefused` for the last one that is no recovery code, and for the recovery code.
    public static func removeSlot(
        _ id: SlotID, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            guard let slot = state.slots.first(where: { $0.id == id }) else {
                throw KeyError(.notFound, "there is no slot \(id)")
            }
            guard slot.kind != .recoveryCode else {
                throw KeyError(
                    .guardRefused, "the recovery code can be replaced, not removed",
                    hint: "run ai-team key recovery")
            }
            guard state.slots.filter({ $0.kind != .recoveryCode }).count > 1 else {
                throw KeyError(
                    .guardRefused, "this is the last slot beside the recovery code",
                    hint: "add another one first: ai-team key slots add")
            }
            state.slots.removeAll { $0.id == id }
            try state.replaceRoot(time: time)
        }
    }

    /// Replaces a passphrase.
    ///
    /// Plainly, the same root is sealed to the new passphrase: copies of the old ring (snapshots, a disk's
    /// spare cells) still open with the old one. With `isCompromised` the root, the epoch and this device's
    /// keys are new as well. Where a passphrase recovers the vault, the new one does so from now on, which
    /// makes a new epoch.
    ///
    /// - Parameters:
    ///   - slot: which passphrase slot; nil means the one that opened the ring, or else the only one.
    ///   - code: the recovery code, which has to agree where the passphrase recovers the vault and that takes
    ///     two (`Roster.takesTwo`).
    public static func changePassphrase(
        to secret: SlotSecret, slot: SlotID? = nil, isCompromised: Bool = false,
        approvedBy code: RecoveryCode? = nil, in keysDirectory: String,
        keys: UnlockedKeys, cost: ScryptParameters = .standard, time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        let replace = { (state: inout RingState) throws(KeyError) -> Void in
            let index = try passphraseSlot(slot ?? keys.openedSlot, in: state)
            // Before the root, so that its epoch is not sealed to what the old passphrase leads to.
            if state.roster.hasPassphraseRecovery {
                try state.changeRecovery(passphrase: secret, approvedBy: code, time: time)
            }
            if isCompromised { try state.replaceRoot(time: time) }
            state.slots[index] = try state.newSlot(for: secret, cost: cost, time: time)
        }
        guard secret.kind == .passphrase else {
            throw KeyError(.guardRefused, "a passphrase is replaced by a passphrase")
        }
        return isCompromised || keys.roster.hasPassphraseRecovery
            ? try changeKeys(keysDirectory, keys, time, replace)
            : try change(keysDirectory, keys, time, replace)
    }

    /// Makes a new recovery code and forgets the old one: it opens nothing that is written from now on.
    ///
    /// - Parameter old: the recovery code so far, which has to agree where it takes two (`Roster.takesTwo`).
    /// - Throws: `guardRefused` where it takes two and no code is given; `wrongKey` for one that does not
    ///   recover the vault.
    public static func newRecoveryCode(
        approvedBy old: RecoveryCode? = nil, in keysDirectory: String, keys: UnlockedKeys, time: UInt64
    ) throws(KeyError) -> NewVault {
        let code = try RecoveryCode.random()
        let recovery = try code.recoveryKeys()
        let changed = try changeKeys(keysDirectory, keys, time) { (state) throws(KeyError) in
            let pairs = state.roster.recovery.filter { $0.kind != .code } + [code.pair(recovery)]
            try state.changeRecovery(to: pairs, new: recovery, approvedBy: old, time: time)
            try state.takeCode(code, time: time)
        }
        return NewVault(keys: changed, recoveryCode: code)
    }

    /// A change that is not to meet a restore: who restores has the home to itself.
    static func changeKeys(
        _ keysDirectory: String, _ keys: UnlockedKeys, _ time: UInt64,
        _ edit: (inout RingState) throws(KeyError) -> Void
    ) throws(KeyError) -> UnlockedKeys {
        let home = try HomeLock.shared(in: keysDirectory)
        let changed = try change(keysDirectory, keys, time, edit)
        home.release()
        return changed
    }

    private static func passphraseSlot(_ id: SlotID?, in state: RingState) throws(KeyError) -> Int {
        let all = state.slots.indices.filter { state.slots[$0].kind == .passphrase }
        if let index = all.first(where: { state.slots[$0].id == id }) { return index }
        guard let only = all.first else {
            throw KeyError(
                .notFound, "this vault has no passphrase", hint: "add one: ai-team key slots add")
        }
        guard all.count == 1 else {
            throw KeyError(.guardRefused, "this vault has several passphrases", hint: "name the slot")
        }
        return only
    }
}

extension RingState {
    /// Adds the record of a new incarnation; nil: a random number that this device never had.
    mutating func reincarnate(
        as chosen: UInt32? = nil, pins: [Pin], time: UInt64
    ) throws(KeyError) {
        let used = roster.member(device)?.incarnations ?? []
        var next = chosen ?? 0
        while chosen == nil, next == 0 || used.contains(next) {
            let bytes = try orKeyError(.failed, "incarnation") { () throws(CryptoError) in
                try RandomBytes.bytes(4)
            }
            next = bytes.reduce(0) { $0 << 8 | UInt32($1) }
        }
        try append(.reincarnate(device: device, incarnation: next, pins: pins), time: time)
        incarnation = next
    }
}
