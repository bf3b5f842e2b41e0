import FileSystem

/// Keys that come from elsewhere, and looking at a ring without opening it.
extension KeyRing {
    /// Puts the ring and roster of an open home into another directory: the same device, the same slots, in a
    /// new incarnation. For a restore beside the running home; `conflict` when there is a ring already.
    public static func copy(
        _ keys: UnlockedKeys, to keysDirectory: String, pins: [Pin] = [], time: UInt64
    ) throws(KeyError) -> UnlockedKeys {
        var state = keys.state
        try state.reincarnate(pins: pins, time: time)
        state.generation += 1
        return try storeFirst(state, in: keysDirectory, time: time, opener: keys.opener)
    }

    static func storeFirst(
        _ state: RingState, in keysDirectory: String, time: UInt64, opener: Opener
    ) throws(KeyError) -> UnlockedKeys {
        let directory = KeyDirectory(path: keysDirectory)
        try directory.make()
        let lock = try directory.lock()
        try refuseExisting(directory)
        try directory.storeFirst(state, time: time)
        lock.release()
        return UnlockedKeys(state, opener: opener)
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
