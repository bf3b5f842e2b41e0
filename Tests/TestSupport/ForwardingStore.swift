package import ObjectStorage

/// A store in front of another one, for tests that change a part of what it does.
package protocol ForwardingStore: ObjectStore {
    /// The one behind.
    var store: any ObjectStore { get }
}

extension ForwardingStore {
    package func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try store.put(name, body, condition)
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
        try store.completeParts(name, id, parts, condition)
    }

    package func abortParts(_ name: ObjectName, _ id: PartsID) throws { try store.abortParts(name, id) }
}
