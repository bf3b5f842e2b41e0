extension VaultBackups {
    /// What a restore would need.
    public struct Preview: Sendable {
        public let backup: Summary
        /// `database` (pages), `documents` (versions), `outside` (files).
        public let parts: [Details.Part]
        /// Packs that it needs, and their bytes.
        public let packs: Int
        public let packBytes: UInt64
        /// Packs that are missing or have another length than their signed record says.
        public let failures: [Problem]
    }

    /// Looks whether every pack that a backup names is there, and reads none of them.
    ///
    /// - Throws: `.notFound`, `.ambiguous`, `.integrity`; `.rollback` where a restore would.
    public func preview(_ id: String, acceptsRollback: Bool = false) throws -> Preview {
        let (index, memory) = try judged(acceptsRollback: acceptsRollback)
        if let gone = memory.first { throw Self.rollback(gone) }
        let backup = try open(id, in: index)
        let failures = try BackupCheck(store: store, keys: backupKeys)
            .failures(backup.manifest, backup.body, backup.packs, .presence)
            .map { Problem($0, in: backup.id) }
        let packs = backup.manifest.clear.packs
        return Preview(
            backup: backup.summary, parts: backup.parts, packs: packs.count,
            packBytes: packs.reduce(0) { $0 + $1.length }, failures: failures)
    }
}
