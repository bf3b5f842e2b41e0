/// What names a record in every vault. Two keys are equal when their bytes are: SQLite compares them so, and
/// Swift's own comparison of texts, which takes é and e with an accent for the same, would not.
public struct RecordKey: Sendable, Hashable, Comparable {
    /// The number of its collection.
    public let collection: UInt32
    public let id: String

    public init(_ collection: UInt32, _ id: String) {
        self.collection = collection
        self.id = id
    }

    /// Whether a record can have this id: 1 to 512 bytes without a zero. Changes of others are ignored by
    /// every replica.
    public var isValid: Bool { (1...512).contains(id.utf8.count) && !id.utf8.contains(0) }

    public static func == (a: RecordKey, b: RecordKey) -> Bool {
        a.collection == b.collection && a.id.hasSameBytes(as: b.id)
    }

    public static func < (a: RecordKey, b: RecordKey) -> Bool {
        if a.collection != b.collection { return a.collection < b.collection }
        return a.id.utf8.lexicographicallyPrecedes(b.id.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(collection)
        // Texts of equal bytes are equal texts.
        hasher.combine(id)
    }
}

/// What one batch wrote into fields of one record: enough to find these values in every vault.
public struct FieldWrite: Sendable, Hashable {
    public let key: RecordKey
    public let origin: Origin
    public let stamp: HybridTime
    /// Field numbers, rising.
    public let fields: [UInt32]

    public init(key: RecordKey, origin: Origin, stamp: HybridTime, fields: [UInt32]) {
        self.key = key
        self.origin = origin
        self.stamp = stamp
        self.fields = Set(fields).sorted()
    }
}
