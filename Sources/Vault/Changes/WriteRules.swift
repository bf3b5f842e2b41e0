public import KeyRing

/// What a member may change of the records that travel: each replica holds what it gets from others against
/// these, and a vault refuses what its own device may not.
public struct WriteRules: Sendable, Hashable {
    private let role: MemberRole
    private let rights: AgentRights?

    /// What a role allows.
    ///
    /// - Parameter rights: of an agent; nil in other roles.
    public init(role: MemberRole, rights: AgentRights?) {
        self.role = role
        self.rights = rights
    }

    /// Why a change is not allowed, to go behind "its role"; nil when it is.
    public func objection(to change: RecordChange) -> String? {
        objection(collection: change.collection, fields: change.fields)
    }

    func objection(collection: UInt32, fields: [FieldChange]) -> String? {
        if role.backsUp { return nil }
        guard let rights, role == .agent else { return "writes nothing" }
        // What it has seen is its own to say; what counts of others' values is not.
        if collection == SeenNote.collection { return nil }
        guard !Collection.control.contains(collection) else { return "judges no values" }
        let name = Collection.name(collection)
        guard !fields.contains(where: { $0.field == Collection.purgedField }) else {
            return "removes no \(name) for good"
        }
        if fields.contains(where: { $0.field == Collection.deletedField }) {
            guard rights.allows(.delete, of: collection) else {
                return "does not delete or restore a \(name)"
            }
        }
        let writes = fields.contains { $0.field != Collection.deletedField }
        guard !writes || rights.allows(.write, of: collection) else { return "does not write a \(name)" }
        return nil
    }

    /// Throws `guard` for a change that is not allowed: every other device would set it aside.
    func require(_ collection: UInt32, _ fields: [FieldChange]) throws(VaultError) {
        guard let reason = objection(collection: collection, fields: fields) else { return }
        throw VaultError(
            .guardRefused, "this device's role (\(role.name)) \(reason)",
            hint: "an owner or admin gives another role: ai-team device role")
    }

    /// Whether records may be removed for good.
    var allowsPurge: Bool { role.backsUp }
}

extension WriteRules {
    /// What a name of a collection means in an agent's rights; nil for none.
    public static func collection(named name: String) -> UInt32? {
        Collection.all.first { $0.table == name }?.number
    }

    /// What people call a collection.
    public static func name(of collection: UInt32) -> String { Collection.name(collection) }

    /// The names of collections, for a person who gives rights.
    public static var collectionNames: [String] { Collection.all.map(\.table) }
}
