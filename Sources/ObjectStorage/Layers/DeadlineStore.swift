internal import Synchronization

/// Sends nothing any more once its time is over: for those who would rather go on without the store than
/// wait. A request that is under way then is not cut off.
public final class DeadlineStore: ObjectStore {
    private let store: any ObjectStore
    private let left: Mutex<UInt64>
    private let began: Mutex<UInt64>
    private let uptime: @Sendable () -> UInt64

    /// - Parameter milliseconds: from now on, as long as it is not paused.
    public init(
        _ store: any ObjectStore, milliseconds: UInt64, surroundings: StoreSurroundings = .system
    ) {
        self.store = store
        uptime = surroundings.uptime
        left = Mutex(milliseconds * 1_000_000)
        began = Mutex(surroundings.uptime())
    }

    /// Runs `body`, which has nothing to do with the store, without counting its time.
    public func pausing<R>(_ body: () throws -> R) rethrows -> R {
        let spent = uptime() - began.withLock(\.self)
        left.withLock { $0 -= min($0, spent) }
        defer { began.withLock { $0 = uptime() } }
        return try body()
    }

    /// Runs `body`, in the midst of what pauses, with its time counted again.
    public func resuming<R>(_ body: () throws -> R) rethrows -> R {
        began.withLock { $0 = uptime() }
        defer {
            let spent = uptime() - began.withLock(\.self)
            left.withLock { $0 -= min($0, spent) }
        }
        return try body()
    }

    private func check() throws {
        guard uptime() - began.withLock(\.self) < left.withLock(\.self) else {
            throw StorageError(.unreachable, "the store takes longer than there is time for")
        }
    }

    public func head(_ name: ObjectName) throws -> ObjectInfo? {
        try check()
        return try store.head(name)
    }

    public func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        try check()
        return try store.get(name, range: range, unless: unless) { bytes in
            // What is long comes in pieces.
            try check()
            try sink(bytes)
        }
    }

    public func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try check()
        return try store.put(name, body, condition)
    }

    public func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        try check()
        return try store.list(prefix: prefix, after: after, limit: limit)
    }

    public func delete(_ name: ObjectName) throws {
        try check()
        try store.delete(name)
    }

    public func beginParts(_ name: ObjectName) throws -> PartsID {
        try check()
        return try store.beginParts(name)
    }

    public func putPart(_ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody) throws -> ETag {
        try check()
        return try store.putPart(name, id, number: number, body)
    }

    public func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        try check()
        return try store.completeParts(name, id, parts, condition)
    }

    public func abortParts(_ name: ObjectName, _ id: PartsID) throws { try store.abortParts(name, id) }
}
