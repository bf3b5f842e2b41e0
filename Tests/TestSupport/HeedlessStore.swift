package import ObjectStorage
import Synchronization

/// A store that ignores conditions on a put, as rclone's server does, and tells what was written.
package final class HeedlessStore: ForwardingStore {
    package let store: any ObjectStore
    private let names = Mutex<[String]>([])
    private let before = Mutex<[String: @Sendable () throws -> Void]>([:])

    package init(_ store: any ObjectStore) { self.store = store }

    /// The names that were put, in order.
    package var written: [String] { names.withLock { $0 } }

    /// Runs `body` once just before the next put of `name`: what somebody else does in that moment.
    package func beforePut(of name: String, _ body: @escaping @Sendable () throws -> Void) {
        before.withLock { $0[name] = body }
    }

    package func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try before.withLock { $0.removeValue(forKey: name.text) }?()
        names.withLock { $0.append(name.text) }
        return try store.put(name, body, .none)
    }

    package func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        try store.completeParts(name, id, parts, .none)
    }
}
