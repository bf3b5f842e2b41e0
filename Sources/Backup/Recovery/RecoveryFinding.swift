internal import Cryptography
public import KeyRing

/// What a store shows to who holds a vault's recovery secret, before anything of it is used.
public struct RecoveryFinding: Sendable {
    /// A device of the vault, as the chain of records has it.
    public struct Member: Sendable {
        /// `dev-` and 26 letters.
        public let id: String
        /// What it calls itself.
        public let name: String
        public let role: String
        /// To be compared with what the device itself shows.
        public let fingerprint: String
        /// Whether it was removed.
        public let isFormer: Bool
    }

    /// A device whose backups count, and the newest of them.
    public struct Writer: Sendable {
        public let device: String
        public let name: String
        /// Whether it was removed since.
        public let isFormer: Bool
        /// The newest backup: `backup-` and 26 letters.
        public let backupID: String
        public let incarnation: UInt32
        public let sequence: UInt64
        /// Milliseconds since 1970, by the writer's clock.
        public let createdAt: UInt64
        /// How many of its backups there are.
        public let count: Int
        /// Who vouched for the newest one's state, where the device has no keys; nil where it vouches itself.
        public let statement: VaultBackups.Statement?

        let manifest: BackupStore.Name
    }

    public let vaultID: VaultID
    /// By which people tell chains apart: the first 16 hexadecimal digits of the newest record's hash.
    public let chainHead: String
    /// How many records the chain has.
    public let chainLength: Int
    /// Members, then who was removed.
    public let members: [Member]
    /// In the order in which they joined.
    public let writers: [Writer]
    /// What of the store is not to be believed; it keeps nothing else from being restored.
    public let problems: [VaultBackups.Problem]

    /// The writer that `text` names: its id or name, or at least 4 characters of the id's beginning or end.
    /// Without a name the only one.
    ///
    /// - Throws: `.notFound`; `.ambiguous` where several fit. No clock decides between them.
    public func writer(_ text: String?) throws(BackupError) -> Writer {
        let found = writers.filter { writer in
            guard let text else { return true }
            let id = writer.device.dropFirst("dev-".count)
            let wanted = text.hasPrefix("dev-") ? text.dropFirst("dev-".count) : text[...]
            return writer.name == text || id == wanted
                || (wanted.utf8.count >= 4 && (id.hasPrefix(wanted) || id.hasSuffix(wanted)))
        }
        guard let first = found.first else {
            throw BackupError(
                .notFound, text.map { "no backup of a writer \($0)" } ?? "no backup that counts")
        }
        guard found.count == 1 else {
            let names = found.map { "\($0.device) (\($0.name))" }.joined(separator: ", ")
            throw BackupError(
                .ambiguous, "backups of several devices are there: \(names)",
                hint: "name the one to take with --writer")
        }
        return first
    }
}

extension RecoveryFinding {
    init(_ keys: RecoveredKeys, _ index: BackupIndex, problems: [VaultBackups.Problem]) throws {
        let roster = keys.roster
        vaultID = roster.vaultID
        chainHead = roster.headText
        chainLength = roster.records.count
        self.problems = problems
        var members: [Member] = []
        var writers: [Writer] = []
        for (devices, isFormer) in [(roster.members, false), (roster.former, true)] {
            for device in devices {
                let name = try Self.name(device, keys)
                members.append(
                    Member(
                        id: device.id.description, name: name, role: device.role.name,
                        fingerprint: device.keys.fingerprint, isFormer: isFormer))
                let own = index.entries.filter { $0.head.deviceID == device.id.bytes }
                guard let newest = Self.newest(own, device) else { continue }
                writers.append(
                    Writer(
                        device: device.id.description, name: name, isFormer: isFormer, backupID: newest.id,
                        incarnation: newest.head.incarnation, sequence: newest.head.sequence,
                        createdAt: newest.head.created, count: own.count,
                        statement: newest.statement.map(VaultBackups.Statement.init),
                        manifest: newest.name))
            }
        }
        self.members = members
        self.writers = writers
    }

    /// A name is for people: one that its device has sealed wrongly does not end a recovery.
    private static func name(_ device: Roster.Member, _ keys: RecoveredKeys) throws(KeyError) -> String {
        do {
            return try keys.label(of: device)
        } catch {
            guard error.code == .integrityFailure else { throw error }
            return "?"
        }
    }

    /// The roster orders incarnations, the sequence what is in one.
    private static func newest(
        _ entries: [BackupIndex.Entry], _ device: Roster.Member
    ) -> BackupIndex.Entry? {
        entries.max { a, b in
            func place(_ entry: BackupIndex.Entry) -> (Int, UInt64) {
                (device.incarnations.firstIndex(of: entry.head.incarnation) ?? -1, entry.head.sequence)
            }
            return place(a) < place(b)
        }
    }
}
