/// Keeps the number of requests at a time, and the bytes a second, below a limit.
public final class LimitedStore: ObjectStore {
    private let store: any ObjectStore
    private let places: Places
    private let rate: RateLimit?

    /// - Parameters:
    ///   - concurrency: requests at a time.
    ///   - rate: bytes a second in both directions together; nil for no limit.
    public init(
        _ store: any ObjectStore, concurrency: Int, rate: UInt64? = nil,
        surroundings: StoreSurroundings = .system
    ) {
        self.store = store
        places = Places(max(1, concurrency))
        self.rate = rate.map { RateLimit(bytesPerSecond: $0, surroundings: surroundings) }
    }

    public func head(_ name: ObjectName) throws -> ObjectInfo? {
        try places.take { try store.head(name) }
    }

    public func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        try places.take {
            try store.get(name, range: range, unless: unless) { bytes in
                rate?.spend(UInt64(bytes.count))
                try sink(bytes)
            }
        }
    }

    public func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try places.take {
            rate?.spend(body.size)
            return try store.put(name, body, condition)
        }
    }

    public func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        try places.take { try store.list(prefix: prefix, after: after, limit: limit) }
    }

    public func delete(_ name: ObjectName) throws { try places.take { try store.delete(name) } }

    public func beginParts(_ name: ObjectName) throws -> PartsID {
        try places.take { try store.beginParts(name) }
    }

    public func putPart(_ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody) throws -> ETag {
        try places.take {
            rate?.spend(body.size)
            return try store.putPart(name, id, number: number, body)
        }
    }

    public func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        try places.take { try store.completeParts(name, id, parts, condition) }
    }

    public func abortParts(_ name: ObjectName, _ id: PartsID) throws {
        try places.take { try store.abortParts(name, id) }
    }
}
