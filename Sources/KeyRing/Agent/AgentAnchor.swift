import Cryptography

/// How far a home's database had come, as the key agent remembers it while it runs: in no file, so that a
/// home that is put back whole does not bring it back.
public struct AgentAnchor: Sendable, Hashable {
    /// The database's id, 16 bytes.
    public let databaseID: [UInt8]
    /// A counter of its seal and the root that belongs to it, 32 bytes.
    public let counter: UInt64
    public let root: [UInt8]

    /// A state of a database.
    public init(databaseID: [UInt8], counter: UInt64, root: [UInt8]) {
        self.databaseID = databaseID
        self.counter = counter
        self.root = root
    }

    func encode(into writer: inout CanonicalWriter) {
        writer.raw(databaseID)
        writer.u64(counter)
        writer.raw(root)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        databaseID = try reader.raw(16)
        counter = try reader.u64()
        root = try reader.raw(32)
    }
}

extension KeyAgentClient {
    /// What the agent remembers of the database of `vault`; nil when no agent runs, or when it was told
    /// nothing yet.
    public func anchor(of vault: VaultID) throws(KeyError) -> AgentAnchor? {
        guard case .anchor(let anchor) = try ask(.anchor(vault)) else { return nil }
        return anchor
    }

    /// Tells the agent of a state of the database of `vault`; it keeps the one with the highest counter.
    public func note(_ anchor: AgentAnchor, of vault: VaultID) throws(KeyError) {
        _ = try ask(.noteAnchor(vault, anchor))
    }

    /// Has the agent remember nothing of the database of `vault`: a person took an older state for the
    /// newest.
    public func forgetAnchor(of vault: VaultID) throws(KeyError) { _ = try ask(.forgetAnchor(vault)) }
}
