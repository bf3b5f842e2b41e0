/// What the author of a batch had taken over of others when it wrote: with it every vault can tell a change
/// that answers another from one that knew nothing of it. It travels as a change of collection 51 in the
/// first batch after something was taken over, never by itself.
public struct SeenNote: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let origin: Origin
        /// All of the origin's batches up to this stamp.
        public let upTo: HybridTime

        public init(origin: Origin, upTo: HybridTime) {
            self.origin = origin
            self.upTo = upTo
        }
    }

    /// What it speaks of: groups travel apart, so that one may lag behind.
    public let group: SyncGroup
    public let entries: [Entry]

    public init(group: SyncGroup, entries: [Entry]) {
        self.group = group
        self.entries = entries
    }

    /// The collection of these notes; the id is the group's number.
    public static let collection: UInt32 = 51

    private enum Field: UInt32 {
        case device = 1
        case incarnation, upTo
    }

    /// The change that carries it.
    public func change(dot: Dot) -> RecordChange {
        func field(_ field: Field, _ value: FieldValue) -> FieldChange { FieldChange(field.rawValue, value) }
        let fields = entries.flatMap { entry in
            [
                field(.device, .blob(entry.origin.device)),
                field(.incarnation, .integer(Int64(entry.origin.incarnation))),
                field(.upTo, .integer(entry.upTo.rawValue)),
            ]
        }
        return RecordChange(collection: Self.collection, id: "\(group.rawValue)", dot: dot, fields: fields)
    }

    /// - Returns: nil for a change that carries no such note.
    public init?(id: String, _ fields: [FieldChange]) {
        guard let group = UInt8(id).flatMap(SyncGroup.init(rawValue:)) else { return nil }
        self.group = group
        var entries: [Entry] = []
        var (device, incarnation): ([UInt8]?, UInt32?)
        for change in fields {
            switch (Field(rawValue: change.field), change.value) {
            case (.device, .blob(let bytes)): device = bytes
            case (.incarnation, .integer(let number)): incarnation = UInt32(exactly: number)
            case (.upTo, .integer(let stamp)):
                guard let device, let incarnation else { return nil }
                let origin = Origin(device: device, incarnation: incarnation)
                entries.append(Entry(origin: origin, upTo: HybridTime(rawValue: stamp)))
            default: continue
            }
        }
        self.entries = entries
    }
}

extension RecordChange {
    /// The group that it travels with: its collection's, or that of what it speaks of.
    public var group: SyncGroup {
        switch collection {
        case Verdict.collection:
            Verdict(id: id, fields).flatMap { SyncGroup(collection: $0.write.key.collection) } ?? .tasks
        case SeenNote.collection: SeenNote(id: id, fields)?.group ?? .tasks
        default: SyncGroup(collection: collection) ?? .tasks
        }
    }
}
