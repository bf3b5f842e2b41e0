package import ObjectStorage

/// A store in which somebody else may come first: what is given runs just before or after each put. For one
/// thread.
// SAFETY: whoever makes it uses it on one thread alone.
package final class RacedStore: ObjectStore, @unchecked Sendable {
    private let store: any ObjectStore
    private let honours: Bool
    /// Runs before a put, with its name; what it throws is the put's answer.
    package var beforePut: (ObjectName) throws -> Void = { _ in }
    /// Runs after a put: what it throws is the put's answer.
    package var afterPut: (ObjectName) throws -> Void = { _ in }

    /// - Parameter honours: whether conditions on a put are.
    package init(_ store: any ObjectStore, honours: Bool = true) {
        self.store = store
        self.honours = honours
    }

    package func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try beforePut(name)
        let etag = try store.put(name, body, honours ? condition : .none)
        try afterPut(name)
        return etag
    }

    package func head(_ name: ObjectName) throws -> ObjectInfo? { try store.head(name) }

    package func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        try store.get(name, range: range, unless: unless, sink)
    }

    package func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        try store.list(prefix: prefix, after: after, limit: limit)
    }

    package func delete(_ name: ObjectName) throws { try store.delete(name) }

    package func beginParts(_ name: ObjectName) throws -> PartsID { try store.beginParts(name) }

    package func putPart(
        _ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody
    ) throws -> ETag {
        try store.putPart(name, id, number: number, body)
    }

    package func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        try store.completeParts(name, id, parts, honours ? condition : .none)
    }

    package func abortParts(_ name: ObjectName, _ id: PartsID) throws { try store.abortParts(name, id) }
}
