import Glibc

/// What a crash left of a batch of pages that were being encrypted anew.
///
/// The order that makes it safe: the journal with the new pages is synced, the seal names it, the pages are
/// written in place and synced, the seal forgets it. Old and new pages have the same plaintext and both
/// authenticate, so a process that dies in between leaves nothing to mend; a power cut may tear pages, and
/// these stand in the journal.
extension RegisteredDatabase {
    static let noJournal = [UInt8](repeating: 0, count: 32)

    var journalPath: String { path + RotationJournal.suffix }

    /// Writes the pages of a journal that the seal names again, and has the seal forget it. The caller holds
    /// the snapshot lock, so no rotation is under way.
    func settleRotation() throws(EncryptedDatabaseError) {
        guard try seal.read().rotationJournal != Self.noJournal else { return }
        guard let journal = try namedJournal() else {
            throw EncryptedDatabaseError(
                .tampered, "\(journalPath), which the seal names, is gone or was changed",
                hint: "put it back, or restore from a backup")
        }
        let file = try RawFiles.writable(path)
        for index in 0..<journal.count {
            let offset = Int64(journal.number(index) - 1) * Int64(Layout.page)
            try file.write(Array(journal.page(index)), at: offset)
        }
        try file.sync()
        try forget(journal)
    }

    /// At opening: settles what a crash left, unless somebody holds the snapshot lock. Then either a rotation
    /// is under way, or whoever holds it settles first, and torn pages are read from the journal meanwhile.
    func settleRotationIfLeft() throws(EncryptedDatabaseError) {
        guard try seal.read().rotationJournal != Self.noJournal else { return }
        let lock = try ConnectionLocks.snapshot(base: lockBase)
        guard try lock.lock(LOCK_EX | LOCK_NB) else { return }
        defer { lock.unlock() }
        try settleRotation()
    }

    /// Has the seal forget a journal whose pages are written and synced, and stand for them instead of those
    /// before.
    func forget(_ journal: RotationJournal) throws(EncryptedDatabaseError) {
        var changes = PageChanges()
        for index in 0..<journal.count {
            journal.page(index).withUnsafeBytes { page in
                guard let start = page.baseAddress else { return }
                changes.set(journal.number(index), trailer: start + Layout.body)
            }
        }
        try replaceTags(changes) { $0.rotationJournal = Self.noJournal }
    }

    /// The journal that the seal names, by the tags of its pages, which are not compared with the pages
    /// themselves; nil when there is none such.
    private func hashedJournal() throws(EncryptedDatabaseError) -> RotationJournal? {
        guard let size = try Paths.size(journalPath) else { return nil }
        let bytes = try Descriptor(journalPath, readOnly: true).read(Int(size), at: 0)
        guard let journal = RotationJournal(bytes, databaseID: databaseID),
            journal.hash() == (try seal.read().rotationJournal)
        else { return nil }
        return journal
    }

    /// The same with every page authenticated.
    private func namedJournal() throws(EncryptedDatabaseError) -> RotationJournal? {
        guard let journal = try hashedJournal() else { return nil }
        let sealer = PageSealer(keys: source, databaseID: databaseID)
        do throws(EncryptedDatabaseError) {
            for index in 0..<journal.count {
                _ = try sealer.open(Array(journal.page(index)), number: journal.number(index))
            }
        } catch {
            guard error.code == .tampered else { throw error }
            return nil
        }
        return journal
    }

    /// The page as the named journal has it, for a reader who met it half written and authenticates it; nil
    /// when no journal has it.
    func journaled(_ number: UInt32) throws(EncryptedDatabaseError) -> [UInt8]? {
        guard try seal.read().rotationJournal != Self.noJournal, let journal = try hashedJournal() else {
            return nil
        }
        return (0..<journal.count).first { journal.number($0) == number }.map { Array(journal.page($0)) }
    }
}
