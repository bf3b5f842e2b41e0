package import ObjectStorage

/// A store in which somebody else may come first: what is given runs just before or after each put. For one
/// thread.
// SAFETY: whoever makes it uses it on one thread alone.
package final class RacedStore: ForwardingStore, @unchecked Sendable {
    package let store: any ObjectStore
    /// Runs before a put, with its name; what it throws is the put's answer.
    package var beforePut: (ObjectName) throws -> Void = { _ in }
    /// Runs after a put: what it throws is the put's answer.
    package var afterPut: (ObjectName) throws -> Void = { _ in }

    package init(_ store: any ObjectStore) { self.store = store }

    package func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try beforePut(name)
        let etag = try store.put(name, body, condition)
        try afterPut(name)
        return etag
    }
}
