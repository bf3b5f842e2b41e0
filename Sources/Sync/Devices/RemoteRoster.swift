public import KeyRing
public import ObjectStorage

/// The chain of roster records in a remote, as inviting and joining need it: `g` and `r/<16 digits>`.
public struct RemoteRoster {
    private let store: any ObjectStore
    private static let recordLimit = 1 << 20

    /// The chain in a store.
    public init(_ store: any ObjectStore) { self.store = store }

    private func name(_ sequence: UInt64, _ vault: VaultID) -> ObjectName {
        (sequence == 0 ? SyncName.genesis : .record(sequence)).objectName(vault: vault)
    }

    private func record(_ sequence: UInt64, _ vault: VaultID) throws -> [UInt8]? {
        do { return try store.read(name(sequence, vault), limit: Self.recordLimit) } catch let error
            as StorageError
        {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// Puts the records that the remote lacks, oldest first, each only where nothing is.
    ///
    /// Records are put in order, so the newest one that is there tells that all before it are.
    ///
    /// - Returns: how many were put.
    /// - Throws: `integrityFailure` when another record stands under a name; `conflict` when the remote knows
    ///   newer records than this device.
    @discardableResult
    public func publish(_ roster: Roster) throws -> Int {
        let vault = roster.vaultID
        var next = Int(roster.headSequence) + 1
        while next > 0, try record(UInt64(next) - 1, vault) == nil { next -= 1 }
        if next > 0 { try requireOwn(UInt64(next) - 1, roster) }
        guard try next < roster.records.count || record(UInt64(next), vault) == nil else {
            throw SyncError(
                .conflict, "the remote knows newer records of the vault's devices than this device",
                hint: "run `ai-team sync both` first")
        }
        for sequence in next..<roster.records.count { try put(UInt64(sequence), roster) }
        return roster.records.count - next
    }

    /// After a lost answer the record may be there already; only its bytes tell whose it is.
    private func put(_ sequence: UInt64, _ roster: Roster) throws {
        let record = roster.records[Int(sequence)]
        do {
            _ = try store.put(name(sequence, roster.vaultID), .bytes(record.bytes), .ifAbsent)
        } catch let error as StorageError {
            guard error.code == .preconditionFailed else { throw error }
            try requireOwn(sequence, roster)
        }
    }

    private func requireOwn(_ sequence: UInt64, _ roster: Roster) throws {
        guard try record(sequence, roster.vaultID) == roster.records[Int(sequence)].bytes else {
            throw SyncError(
                .integrityFailure,
                "the remote has another record \(sequence) of the vault's devices than this device",
                hint: "it is another vault's remote, or another device was faster: run `ai-team sync both`")
        }
    }

    /// The verified chain in the remote.
    ///
    /// - Throws: `KeyError` as `Roster.init(of:reading:)`.
    public func read(of vault: VaultID) throws -> Roster {
        try Roster(of: vault) { try record($0, vault) }
    }
}
