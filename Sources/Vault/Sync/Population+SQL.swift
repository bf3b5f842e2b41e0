internal import FoundationEssentials
internal import GRDB

/// The collections whose records people count. Links, comments and versions come and go with these.
public enum CountedCollection: String, Sendable, Hashable, CaseIterable {
    case tasks, projects, documents

    /// Nil for a collection of other records.
    public init?(number: UInt32) {
        switch number {
        case Collection.task.number: self = .tasks
        case Collection.project.number: self = .projects
        case Collection.document.number: self = .documents
        default: return nil
        }
    }

    fileprivate var collection: Collection {
        switch self {
        case .tasks: .task
        case .projects: .project
        case .documents: .document
        }
    }
}

/// Whether a record can be had.
public enum Standing: Int, Sendable, Comparable {
    /// It is not there, or in the trash for so long that it goes anyway.
    case gone
    case trash
    case live

    /// By what is left of it.
    public static func < (a: Standing, b: Standing) -> Bool { a.rawValue < b.rawValue }
}

extension RecordChange {
    /// What people call the records of its collection, in the plural; nil for what is about changes.
    public var recordsName: String? {
        Collection.control.contains(collection) ? nil : Collection.name(collection) + "s"
    }

    /// The record that it is about.
    public var key: RecordKey { RecordKey(collection, id) }

    /// Whether it puts its record into the trash, takes it out of there, or removes it for good.
    public var isAboutDeletion: Bool { Self.deletes(fields) }

    fileprivate static func deletes(_ fields: [FieldChange]) -> Bool {
        fields.contains { $0.field == Collection.deletedField || $0.field == Collection.purgedField }
    }
}

extension ReadTransaction {
    /// Records of a collection: those that show, and those together with what can be taken out of the trash.
    public func population(_ counted: CountedCollection) throws -> (live: Int, kept: Int) {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT ifnull(sum(deleted_at IS NULL), 0), count(*) FROM \(counted.collection.table)
                WHERE deleted_at IS NULL OR deleted_at > ?
                """, arguments: [endOfTrash])
        return row.map { ($0[0], $0[1]) } ?? (0, 0)
    }

    /// Whether a record of a counted collection can be had.
    public func standing(_ counted: CountedCollection, _ id: String) throws -> Standing {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT deleted_at FROM \(counted.collection.table) WHERE id = ?"),
            arguments: [id])
        guard let row else { return .gone }
        guard let deleted = row[0] as Int64? else { return .live }
        return deleted > endOfTrash ? .trash : .gone
    }

    /// What was in the trash then is emptied by each vault itself; a day less, since clocks differ.
    private var endOfTrash: Int64 { now.advanced(byMilliseconds: -(trashDays - 1) * 86_400_000).milliseconds }

    /// The records of a collection that changes of this device take away which no segment of a stream carries
    /// yet, as far as others can know of them.
    ///
    /// - Parameter device: 16 bytes.
    public func unsealedDeletions(
        of counted: CountedCollection, by device: [UInt8], in stream: UInt16
    ) throws -> [String] {
        // What was born behind the last change that is sealed was never sent.
        let sealed =
            try Int64.fetchOne(
                db,
                sql: """
                    SELECT max(seq) FROM change WHERE batch <=
                        (SELECT ifnull(max(last_batch), 0) FROM sync_segment WHERE is_own AND stream = ?)
                    """, arguments: [Int64(stream)]) ?? 0
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT c.record, c.fields FROM change c JOIN change_batch b ON b.seq = c.batch
                JOIN origin o ON o.id = b.origin JOIN origin birth ON birth.id = c.origin
                LEFT JOIN \(counted.collection.table) t ON t.id = c.record
                WHERE \(Self.isUnsealed) AND c.collection = ?3 AND (birth.device <> ?1 OR c.counter <= ?4)
                    AND (t.id IS NULL OR t.deleted_at IS NOT NULL)
                ORDER BY c.seq
                """,
            arguments: [Data(device), Int64(stream), counted.collection.number, sealed])
        var found: [String] = []
        var seen: Set<String> = []
        for row in rows where RecordChange.deletes(try FieldCodec.decode(Array(row[1] as Data))) {
            if seen.insert(row[0]).inserted { found.append(row[0]) }
        }
        return found
    }
}
