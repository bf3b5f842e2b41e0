/// A stamp of the hybrid logical clock: 48 bits of milliseconds and 16 bits that count within one.
/// Stamps of one device always rise, whatever its wall clock does.
public struct HybridTime: Sendable, Hashable, Comparable {
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The first stamp at or after `now` that is later than `last`.
    public init(now: Timestamp, after last: HybridTime?) {
        let wall = min(max(now.milliseconds, 0), 1 << 47 - 1) << 16
        rawValue = max(wall, last.map { $0.rawValue + 1 } ?? wall)
    }

    public var time: Timestamp { Timestamp(milliseconds: rawValue >> 16) }

    public static func < (a: HybridTime, b: HybridTime) -> Bool { a.rawValue < b.rawValue }
}

/// Which device wrote, in which of its incarnations. They sort by the device's bytes, then by incarnation.
public struct Origin: Sendable, Hashable, Comparable {
    /// 16 bytes.
    public let device: [UInt8]
    public let incarnation: UInt32

    public init(device: [UInt8], incarnation: UInt32) {
        self.device = device
        self.incarnation = incarnation
    }

    public static func < (a: Origin, b: Origin) -> Bool {
        if a.device != b.device { return a.device.lexicographicallyPrecedes(b.device) }
        return a.incarnation < b.incarnation
    }
}

/// The birth certificate of a record: nothing else was ever created with this origin and counter.
public struct Dot: Sendable, Hashable, Comparable {
    public let origin: Origin
    public let counter: Int64

    public init(origin: Origin, counter: Int64) {
        self.origin = origin
        self.counter = counter
    }

    public static func < (a: Dot, b: Dot) -> Bool {
        (a.origin, a.counter) < (b.origin, b.counter)
    }
}

/// The changes that one transaction made, as sync ships them.
public struct ChangeBatch: Sendable, Equatable {
    /// The position in this vault's own log.
    public var sequence: Int64
    public var stamp: HybridTime
    public var origin: Origin
    /// Who did it: a person's or an agent's name.
    public var actor: String
    public var changes: [RecordChange]

    /// A transaction; `sequence` is 0 where the log is not this vault's own.
    public init(
        sequence: Int64, stamp: HybridTime, origin: Origin, actor: String, changes: [RecordChange]
    ) {
        self.sequence = sequence
        self.stamp = stamp
        self.origin = origin
        self.actor = actor
        self.changes = changes
    }
}

/// What a transaction changed in one record.
public struct RecordChange: Sendable, Equatable {
    /// The number of its collection; unknown ones are kept.
    public var collection: UInt32
    public var id: String
    public var dot: Dot
    public var fields: [FieldChange]

    /// What changed in the record `id` of a collection, whose birth `dot` is.
    public init(collection: UInt32, id: String, dot: Dot, fields: [FieldChange]) {
        self.collection = collection
        self.id = id
        self.dot = dot
        self.fields = fields
    }
}
