internal import Cryptography

/// A store around one that does not honour conditions on a put: it looks before each write whether the
/// condition holds, and afterwards whether what it wrote is there.
///
/// Two who write under one name within moments may still both believe that they did. So it serves names under
/// which one device alone writes, and there another's bytes are noticed: by the look before, the look after,
/// or the next one.
public struct LookingStore: ObjectStore {
    private let store: any ObjectStore
    /// So much is read at a time to compare it.
    private static let pieceSize: UInt64 = 8 << 20

    /// A store that ignores or refuses conditions.
    public init(_ store: any ObjectStore) { self.store = store }

    public func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        guard condition != .none else { return try store.put(name, body, .none) }
        try require(condition, name)
        _ = try store.put(name, body, .none)
        guard let etag = try stored(name, body) else {
            throw StorageError(.preconditionFailed, "\(name) was written by somebody else at the same time")
        }
        return etag
    }

    private func require(_ condition: PutCondition, _ name: ObjectName) throws {
        let found = try store.head(name)?.etag
        switch condition {
        case .none: return
        case .ifAbsent where found == nil: return
        case .ifMatches(let etag) where found == etag: return
        default: throw StorageError(.preconditionFailed, "\(name) is not what the condition says")
        }
    }

    /// The version that is there, if it is `body`.
    private func stored(_ name: ObjectName, _ body: ObjectBody) throws -> ETag? {
        guard let info = try store.head(name), info.size == body.size else { return nil }
        var hasher = Hasher(.sha256)
        var offset: UInt64 = 0
        while offset < info.size {
            let end = min(info.size, offset + Self.pieceSize)
            hasher.update(try store.read(name, range: offset..<end))
            offset = end
        }
        let expected =
            switch body {
            case .bytes(let bytes): Hash.digest(.sha256, bytes)
            case .file(_, _, let sha256, _): sha256
            }
        return hasher.finalize() == expected ? info.etag : nil
    }

    public func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        try require(condition, name)
        return try store.completeParts(name, id, parts, .none)
    }

    public func head(_ name: ObjectName) throws -> ObjectInfo? { try store.head(name) }

    public func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        try store.get(name, range: range, unless: unless, sink)
    }

    public func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        try store.list(prefix: prefix, after: after, limit: limit)
    }

    public func delete(_ name: ObjectName) throws { try store.delete(name) }

    public func beginParts(_ name: ObjectName) throws -> PartsID { try store.beginParts(name) }

    public func putPart(
        _ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody
    ) throws -> ETag {
        try store.putPart(name, id, number: number, body)
    }

    public func abortParts(_ name: ObjectName, _ id: PartsID) throws { try store.abortParts(name, id) }
}
