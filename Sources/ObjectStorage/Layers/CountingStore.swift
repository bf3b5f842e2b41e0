internal import Synchronization

/// What was asked of a store, as it will be billed.
public struct RequestCounts: Sendable, Equatable {
    /// Puts, parts, listings: "Class A" at R2.
    public var writes: UInt64 = 0
    /// Gets and heads: "Class B".
    public var reads: UInt64 = 0
    /// Deletes, which cost nothing.
    public var deletes: UInt64 = 0
    /// Bytes of objects that were sent and got.
    public var bytesSent: UInt64 = 0
    public var bytesReceived: UInt64 = 0

    public init() {}

    /// All requests.
    public var requests: UInt64 { writes + reads + deletes }

    /// What they cost, in millionths of a dollar, at R2's prices of 2026 and beyond its free amount: $4.50 a
    /// million of Class A, $0.36 a million of Class B, nothing for deletes and traffic.
    public var microdollars: Double { Double(writes) * 4.5 + Double(reads) * 0.36 }
}

/// Counts every request that goes to `store`.
public final class CountingStore: ObjectStore {
    private let store: any ObjectStore
    private let counted = Mutex(RequestCounts())

    public init(_ store: any ObjectStore) { self.store = store }

    /// What was counted so far.
    public var counts: RequestCounts { counted.withLock(\.self) }

    public func head(_ name: ObjectName) throws -> ObjectInfo? {
        counted.withLock { $0.reads += 1 }
        return try store.head(name)
    }

    public func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        counted.withLock { $0.reads += 1 }
        return try store.get(name, range: range, unless: unless) { bytes in
            counted.withLock { $0.bytesReceived += UInt64(bytes.count) }
            try sink(bytes)
        }
    }

    public func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        counted.withLock { $0.writes += 1 }
        let etag = try store.put(name, body, condition)
        counted.withLock { $0.bytesSent += body.size }
        return etag
    }

    public func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        counted.withLock { $0.writes += 1 }
        return try store.list(prefix: prefix, after: after, limit: limit)
    }

    public func delete(_ name: ObjectName) throws {
        counted.withLock { $0.deletes += 1 }
        try store.delete(name)
    }

    public func beginParts(_ name: ObjectName) throws -> PartsID {
        counted.withLock { $0.writes += 1 }
        return try store.beginParts(name)
    }

    public func putPart(_ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody) throws -> ETag {
        counted.withLock { $0.writes += 1 }
        let etag = try store.putPart(name, id, number: number, body)
        counted.withLock { $0.bytesSent += body.size }
        return etag
    }

    public func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        counted.withLock { $0.writes += 1 }
        return try store.completeParts(name, id, parts, condition)
    }

    public func abortParts(_ name: ObjectName, _ id: PartsID) throws {
        counted.withLock { $0.deletes += 1 }
        try store.abortParts(name, id)
    }
}
