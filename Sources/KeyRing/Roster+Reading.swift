extension Roster {
    /// Reads and verifies a chain record by record, so that nothing is fetched behind one that is wrong.
    ///
    /// - Parameters:
    ///   - vault: which vault's chain it must be.
    ///   - next: the record of a number; nil behind the last.
    /// - Throws: `notFound` without a genesis, `integrityFailure` for another vault's, `invalidRoster` and
    ///   `newerFormat` as `init(verifying:)`; what `next` throws.
    public init(of vault: VaultID, reading next: (UInt64) throws -> [UInt8]?) throws {
        guard let first = try next(0) else {
            throw KeyError(.notFound, "there is no vault there: the first record of the roster is missing")
        }
        var roster = try Roster(genesis: RosterRecord(first))
        guard roster.vaultID == vault else {
            throw KeyError(
                .integrityFailure, "another vault is there: \(roster.vaultID) instead of \(vault)")
        }
        while roster.records.count < Roster.recordLimit, let bytes = try next(roster.headSequence + 1) {
            try roster.append(RosterRecord(bytes))
        }
        self = roster
    }

    /// Whether one of the records has a hash that begins so.
    public func contains(recordHash beginning: [UInt8]) -> Bool {
        records.contains { $0.hash.starts(with: beginning) }
    }
}
