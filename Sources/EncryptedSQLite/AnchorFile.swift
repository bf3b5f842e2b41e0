import Cryptography
import Synchronization

/// How far a database had come, as something outside of its own files says.
public struct DatabaseAnchor: Sendable, Hashable {
    /// The database's id, 16 bytes.
    public var databaseID: [UInt8]
    /// A counter of the seal and the root that belongs to it, 32 bytes.
    public var counter: UInt64
    public var root: [UInt8]
    /// A transaction of the change log that the database holds for certain.
    public var lastChange: UInt64

    /// An anchor of this state.
    public init(databaseID: [UInt8], counter: UInt64, root: [UInt8], lastChange: UInt64) {
        self.databaseID = databaseID
        self.counter = counter
        self.root = root
        self.lastChange = lastChange
    }
}

/// The anchor of a home's database in a directory of its own, so that the database's files put back together
/// to an older state are noticed. docs/FORMAT.md, "Anchor".
///
/// Whoever is about to write pages brings it up to the seal first: so the seal is of the anchor's state or of
/// the one right after it, whenever a crash comes.
public final class AnchorFile: Sendable {
    private let path: String
    private let keys: any DatabaseKeySource
    private let lastChange = Mutex<UInt64>(0)

    /// The anchor at `path`, which need not be there yet, under a key of the home's own.
    public init(path: String, keys: any DatabaseKeySource) {
        self.path = path
        self.keys = keys
    }

    /// The log of changes has this transaction, on disk: the next anchor will say so.
    public func note(change sequence: UInt64) { lastChange.withLock { $0 = max($0, sequence) } }

    /// What the anchor says; nil when there is none.
    public func read() throws(EncryptedDatabaseError) -> DatabaseAnchor? {
        guard try Paths.size(path) != nil else { return nil }
        return try store().read().anchor
    }

    /// Brings the anchor up to the seal, if the seal is one that may follow it.
    /// - Throws: `rollback`.
    func raise(to seal: Seal, root: [UInt8], counter: UInt64) throws(EncryptedDatabaseError) {
        let known = lastChange.withLock { $0 }
        let new = DatabaseAnchor(databaseID: seal.databaseID, counter: counter, root: root, lastChange: known)
        if try Paths.size(path) == nil {
            try requireNotLost(seal)
            guard try SlotStore.make(AnchorRecord(anchor: new), at: path, key: key()) else {
                throw EncryptedDatabaseError(.busy, "somebody else has just made \(path)", hint: "try again")
            }
            return
        }
        try store().update { (record) throws(EncryptedDatabaseError) in
            try record.anchor.check(seal, path: path)
            var next = new
            next.lastChange = max(known, record.anchor.lastChange)
            guard next != record.anchor else { return false }
            record.anchor = next
            return true
        }
    }

    /// Compares the seal of a database with its anchor.
    /// - Returns: the anchor; nil for a database that has none yet.
    /// - Throws: `rollback` when the seal is not of the anchor's state or the one right after it.
    func check(_ seal: SealStore) throws(EncryptedDatabaseError) -> DatabaseAnchor? {
        var anchor = try read()
        while true {
            let found = try seal.read()
            guard let before = anchor else {
                // Made between the two looks, perhaps.
                anchor = try read()
                guard anchor == nil else { continue }
                try requireNotLost(found)
                return nil
            }
            // Others may be writing: only what did not change around the look at the seal can be compared.
            anchor = try read()
            guard anchor == before else { continue }
            try before.check(found, path: path)
            return before
        }
    }

    private func requireNotLost(_ seal: Seal) throws(EncryptedDatabaseError) {
        guard seal.isAnchored else { return }
        throw EncryptedDatabaseError(
            .rollback, "\(path) is gone: nothing shows that the database is the newest",
            hint: "put it back, restore from a backup, or accept this state with `ai-team doctor --repair`")
    }

    /// Forgets the anchor.
    func remove() throws(EncryptedDatabaseError) { try Paths.remove(path) }

    private func store() throws(EncryptedDatabaseError) -> SlotStore<AnchorRecord> {
        try SlotStore(path: path, key: key())
    }

    private func key() throws(EncryptedDatabaseError) -> SecretBytes {
        do {
            return try keys.homeKey(purpose: AnchorRecord.purpose)
        } catch {
            throw EncryptedDatabaseError(.wrongKey, "the key ring has no key for the anchor")
        }
    }
}

extension DatabaseAnchor {
    /// The seal may be of this state, or of the one right after it.
    func check(_ seal: Seal, path: String) throws(EncryptedDatabaseError) {
        guard databaseID == seal.databaseID else {
            throw Self.failure("the database is not the one that \(path) was made for")
        }
        let both = "the database is of state \(seal.counter), and \(path) has seen state \(counter)"
        guard seal.counter >= counter else { throw Self.failure("\(both): an older database was put back") }
        guard let base = seal.base else {
            // A crash between the first anchor of an old database and the seal's first root.
            guard !seal.isAnchored, seal.counter == counter else {
                throw Self.failure("\(both): the database is one that was never anchored")
            }
            return
        }
        if base.counter == counter {
            guard base.root == root else { throw Self.failure("\(both), which was another one") }
            return
        }
        guard !seal.hasIntent, base.counter == counter + 1 else {
            throw Self.failure("\(both): an older anchor was put back")
        }
    }

    private static func failure(_ message: String) -> EncryptedDatabaseError {
        EncryptedDatabaseError(
            .rollback, message,
            hint: "put the newest files back, restore from a backup, or accept this state with "
                + "`ai-team doctor --repair`")
    }
}

/// The anchor as it is written.
private struct AnchorRecord: SlotRecord {
    static let magic = "ATAN", noun = "anchor", purpose = "anchor"
    static let bodyCount = 80

    var sequence: UInt64 = 0
    var anchor: DatabaseAnchor

    init(anchor: DatabaseAnchor) { self.anchor = anchor }

    func encode() -> [UInt8] {
        var writer = CanonicalWriter()
        writer.u64(sequence)
        writer.raw(anchor.databaseID)
        writer.u64(anchor.counter)
        writer.raw(anchor.root)
        writer.u64(anchor.lastChange)
        return writer.bytes + [UInt8](repeating: 0, count: Self.bodyCount - writer.bytes.count)
    }

    init(decoding bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        sequence = try reader.u64()
        anchor = DatabaseAnchor(
            databaseID: try reader.raw(Layout.databaseID), counter: try reader.u64(),
            root: try reader.raw(PageTree.hash), lastChange: try reader.u64())
    }
}
