internal import Cryptography
internal import KeyRing
public import Vault

/// The operations that a segment carries: transactions of one device's change log, in its order.
///
/// Origins stand once in a table in front; batches and records name them by their place there, so that an
/// operation on a record costs its id, a few numbers and its fields.
public enum OpBatch {
    /// The most transactions in a segment.
    static let batchLimit = 1 << 16
    /// The most records that one transaction changes.
    static let changeLimit = 1 << 20
    private static let originLimit = 1 << 16
    /// Bytes of a record's id or an actor's name.
    private static let nameLimit = 1024

    /// The canonical bytes.
    public static func encode(_ batches: [ChangeBatch]) -> [UInt8] {
        var table = OriginIndex()
        for batch in batches {
            table.add(batch.origin)
            for change in batch.changes { table.add(change.dot.origin) }
        }
        var writer = CanonicalWriter()
        writer.count(table.origins.count)
        for origin in table.origins {
            writer.raw(origin.device)
            writer.u32(origin.incarnation)
        }
        writer.count(batches.count)
        for batch in batches {
            writer.u64(UInt64(bitPattern: batch.stamp.rawValue))
            writer.u32(table[batch.origin])
            writer.string(batch.actor)
            writer.count(batch.changes.count)
            for change in batch.changes {
                writer.u32(change.collection)
                writer.string(change.id)
                writer.u32(table[change.dot.origin])
                writer.u64(UInt64(bitPattern: change.dot.counter))
                writer.blob(FieldCodec.encode(change.fields))
            }
        }
        return writer.bytes
    }

    /// The transactions, all by `author`; their `sequence` is 0.
    ///
    /// - Throws: `integrity` for bytes that `encode` doesn't make, or a transaction by somebody else.
    public static func decode(
        _ bytes: [UInt8], by author: Author, name: String
    ) throws(SyncError) -> [ChangeBatch] {
        let batches: [ChangeBatch]
        do { batches = try read(bytes) } catch {
            throw .integrity(name, "its operations are malformed: \(error)")
        }
        guard encode(batches) == bytes else { throw .integrity(name, "its operations are not canonical") }
        guard batches.allSatisfy({ $0.origin.device == author.device.bytes }) else {
            throw .integrity(name, "it speaks for another device")
        }
        return batches
    }

    private static func read(_ bytes: [UInt8]) throws -> [ChangeBatch] {
        var reader = CanonicalReader(bytes)
        var origins: [Origin] = []
        for _ in 0..<(try reader.count(limit: originLimit, elementCount: 20)) {
            origins.append(Origin(device: try reader.raw(16), incarnation: try reader.u32()))
        }
        func origin(_ index: UInt32) throws -> Origin {
            guard Int(index) < origins.count else {
                throw CryptoError(.malformed, "an origin is not in the table")
            }
            return origins[Int(index)]
        }
        var batches: [ChangeBatch] = []
        for _ in 0..<(try reader.count(limit: batchLimit, elementCount: 20)) {
            let stamp = HybridTime(rawValue: Int64(bitPattern: try reader.u64()))
            let by = try origin(reader.u32())
            let actor = try reader.string(limit: nameLimit)
            var changes: [RecordChange] = []
            for _ in 0..<(try reader.count(limit: changeLimit, elementCount: 24)) {
                let collection = try reader.u32()
                let id = try reader.string(limit: nameLimit)
                let dot = Dot(origin: try origin(reader.u32()), counter: Int64(bitPattern: try reader.u64()))
                let fields = try FieldCodec.decode(reader.blob(limit: PaddedBody.limit))
                changes.append(RecordChange(collection: collection, id: id, dot: dot, fields: fields))
            }
            batches.append(ChangeBatch(sequence: 0, stamp: stamp, origin: by, actor: actor, changes: changes))
        }
        try reader.expectEnd()
        return batches
    }
}

/// Origins in the order in which they first appear.
private struct OriginIndex {
    private(set) var origins: [Origin] = []
    private var places: [Origin: UInt32] = [:]

    mutating func add(_ origin: Origin) {
        guard places[origin] == nil else { return }
        places[origin] = UInt32(origins.count)
        origins.append(origin)
    }

    subscript(origin: Origin) -> UInt32 { places[origin] ?? 0 }
}
