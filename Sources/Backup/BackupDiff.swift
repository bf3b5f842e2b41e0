public import Vault

/// What is different between two states of a vault, in records and not in pages.
public struct BackupDiff {
    /// What happened to a record.
    public enum Kind: String, Sendable { case created, changed, removed }

    /// One record that is not the same in both.
    public struct Change: Sendable {
        /// `projects`, `tasks`, `comments`, `documents`.
        public let collection: String
        public let id: String
        /// Its title or name, if it has one.
        public let title: String?
        public let kind: Kind
        /// The fields that differ, where it was changed.
        public let fields: [Field]
    }

    /// A field's two values; nil is none.
    public struct Field: Sendable {
        public let name: String
        public let before: JSONValue?
        public let after: JSONValue?
    }

    public internal(set) var changes: [Change] = []
    /// Files from outside the vault; nil where a backup is compared with the vault.
    public internal(set) var outside: OutsideDiff?

    /// What is compared, in this order.
    static let collections: [ExportedRecords] = [.projects, .tasks, .comments, .documents]
    /// What follows from other fields or from the time, and says nothing by itself.
    private static func isDerived(_ field: String, of collection: ExportedRecords) -> Bool {
        ["ready", "blocked", "tries", "lease_expires_at", "updated_at"].contains(field)
            || (field == "version" && collection != .documents)
    }

    /// Compares two opened states. Memory holds a hash for each record of the first, and the records that
    /// differ.
    init(from old: Vault, to new: Vault) throws {
        for collection in Self.collections {
            changes += try Self.changes(of: collection, old, new)
        }
    }

    private static func changes(
        of collection: ExportedRecords, _ old: Vault, _ new: Vault
    ) throws -> [Change] {
        var hashes: [String: Int] = [:]
        try each(collection, of: old) { id, line, _ in hashes[id] = line.hashValue }
        var differing: Set<String> = []
        var created: [String: JSONObject] = [:]
        var order: [String] = []
        try each(collection, of: new) { id, line, object in
            guard let hash = hashes.removeValue(forKey: id) else {
                created[id] = object
                return order.append(id)
            }
            guard hash != line.hashValue else { return }
            differing.insert(id)
            created[id] = object
            order.append(id)
        }
        let removed = Set(hashes.keys)
        var before: [String: JSONObject] = [:]
        if !removed.isEmpty || !differing.isEmpty {
            try each(collection, of: old) { id, _, object in
                if removed.contains(id) { order.append(id) }
                if removed.contains(id) || differing.contains(id) { before[id] = object }
            }
        }
        return order.compactMap { id in change(collection, id, before[id], created[id]) }
    }

    private static func change(
        _ collection: ExportedRecords, _ id: String, _ before: JSONObject?, _ after: JSONObject?
    ) -> Change? {
        guard let shown = after ?? before else { return nil }
        let title = (shown["title"] ?? shown["name"])?.string
        let kind: Kind = before == nil ? .created : after == nil ? .removed : .changed
        var fields: [Field] = []
        if let before, let after {
            for name in after.keys + before.keys.filter({ after[$0] == nil })
            where !isDerived(name, of: collection) && before[name] != after[name] {
                fields.append(Field(name: name, before: before[name], after: after[name]))
            }
            guard !fields.isEmpty else { return nil }
        }
        return Change(collection: collection.rawValue, id: id, title: title, kind: kind, fields: fields)
    }

    /// Hands out the records of a collection, one at a time.
    private static func each(
        _ collection: ExportedRecords, of vault: Vault,
        _ body: (_ id: String, _ line: [UInt8], _ object: JSONObject) throws -> Void
    ) throws {
        try vault.read { tx in
            try tx.export(collection) { line in
                guard let object = try JSONValue(parsing: line).object, let id = object["id"]?.string else {
                    return
                }
                try body(id, line, object)
            }
        }
    }
}
