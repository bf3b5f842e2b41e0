import ObjectStorage
import Synchronization
import TestSupport

/// A store that shows each request to a test first, which may refuse it or change what is got.
final class WatchedStore: ForwardingStore {
    enum Request: Equatable {
        case head(String)
        case get(String, from: UInt64)
        case put(String, PutCondition)

        var name: String {
            switch self {
            case .head(let name), .get(let name, _), .put(let name, _): name
            }
        }
    }

    /// What a test does to requests: throws instead of them, or gives other bytes for what is got.
    struct Hooks: Sendable {
        var before: @Sendable (Request) throws -> Void = { _ in }
        var shown: @Sendable (_ name: String, _ bytes: [UInt8]) throws -> [UInt8] = { $1 }
        /// How much of an object is given before the line breaks; nil for all of it.
        var cut: @Sendable (_ name: String) -> Int? = { _ in nil }
    }

    let store: any ObjectStore
    private let state = Mutex<(hooks: Hooks, requests: [Request])>((Hooks(), []))

    init(_ store: any ObjectStore) { self.store = store }

    var hooks: Hooks {
        get { state.withLock { $0.hooks } }
        set { state.withLock { $0.hooks = newValue } }
    }

    /// What was asked since the last call.
    func takeRequests() -> [Request] {
        state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }

    static let broken = StorageError(.unreachable, "the line was cut by the test")

    private func note(_ request: Request) throws {
        let hooks = state.withLock { state in
            state.requests.append(request)
            return state.hooks
        }
        try hooks.before(request)
    }

    func head(_ name: ObjectName) throws -> ObjectInfo? {
        try note(.head(name.text))
        return try store.head(name)
    }

    func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        try note(.get(name.text, from: range?.lowerBound ?? 0))
        var bytes: [UInt8] = []
        let info = try store.get(name, range: range, unless: unless) { bytes.append(contentsOf: $0) }
        guard info != nil else { return nil }
        bytes = try hooks.shown(name.text, bytes)
        let cut = hooks.cut(name.text).map { min($0, bytes.count) }
        try bytes[..<(cut ?? bytes.count)].withUnsafeBytes { try sink($0) }
        if cut != nil { throw Self.broken }
        return info
    }

    func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try note(.put(name.text, condition))
        return try store.put(name, body, condition)
    }
}
