/// A kind of record that travels: its number in the change log, its table, and its fields.
/// Numbers are for ever; a field that is dropped leaves its number unused.
struct Collection: Sendable {
    let number: UInt32
    let table: String
    /// By field number less one.
    let columns: [Column]

    /// Field numbers below are positions here plus one; the last two of every collection are these.
    static let deletedField: UInt32 = 100
    static let purgedField: UInt32 = 101

    static let task = Collection(
        number: 1, table: "task",
        columns: [
            .text("type", "implement_feature"), .text("title", ""), .text("description", ""),
            .text("status", "pending"), .integer("priority", 1), .text("assigned_to"), .text("project_id"),
            .text("created_by", ""), .integer("created_at", 0), .integer("started_at"),
            .integer("completed_at"), .integer("deadline"), .text("output"), .text("error"),
            .text("review", "none"), .list("tags"), .object("metadata"),
        ])
    static let link = Collection(
        number: 2, table: "link",
        columns: [.text("task_id", ""), .text("kind", "related"), .text("target_id", "")])
    static let comment = Collection(
        number: 3, table: "comment",
        columns: [.text("task_id", ""), .text("author", ""), .text("body", ""), .integer("created_at", 0)])
    static let project = Collection(
        number: 4, table: "project",
        columns: [
            .text("name", ""), .text("description", ""), .text("status", "active"), .integer("created_at", 0),
        ])
    static let document = Collection(
        number: 5, table: "document",
        columns: [
            .blob("name", []), .blob("path", []), .text("title", ""), .text("category", ""), .list("tags"),
            .text("created_by", ""), .integer("created_at", 0), .text("project_id"),
        ])
    static let documentVersion = Collection(
        number: 6, table: "document_version",
        columns: [
            .text("document_id", ""), .integer("number", 1),
            .text("content_type", "application/octet-stream"), .integer("size", 0, in: 0 ... .max),
            .blob("sha256", []), .integer("epoch", 1, in: 0...Int64(UInt32.max)),
            .integer("text_size", in: 0 ... .max), .blob("text_sha256"), .list("parents"),
            .integer("created_at", 0),
        ])

    /// The numbers of what is about changes, and no record by itself.
    static let control: ClosedRange<UInt32> = 50...59

    static let all = [task, link, comment, project, document, documentVersion]

    /// What shows, column by column, of fields that have these values.
    func shown(_ value: (UInt32) -> FieldValue?) -> [(column: String, value: FieldValue)] {
        var shown: [(column: String, value: FieldValue)] = []
        shown.reserveCapacity(columns.count + 1)
        for (index, column) in columns.enumerated() {
            shown.append((column.name, column.shown(value(UInt32(index + 1)))))
        }
        shown.append(("deleted_at", Self.deletion.shown(value(Self.deletedField))))
        return shown
    }

    /// What shows of one field's value, and where; nil for one that this program doesn't know.
    func shown(_ field: UInt32, _ value: FieldValue?) -> (column: String, value: FieldValue)? {
        if field == Self.deletedField { return ("deleted_at", Self.deletion.shown(value)) }
        guard field >= 1, Int(field) <= columns.count else { return nil }
        let column = columns[Int(field) - 1]
        return (column.name, column.shown(value))
    }

    private static let deletion = Column.integer("deleted_at")

    static func numbered(_ number: UInt32) -> Collection? { all.first { $0.number == number } }

    /// A collection, without columns when this program doesn't know it.
    static func named(_ number: UInt32) -> Collection {
        numbered(number) ?? Collection(number: number, table: name(number), columns: [])
    }

    /// What people call a collection.
    static func name(_ number: UInt32) -> String { numbered(number)?.table ?? "collection_\(number)" }

    /// The column that holds a field; nil for one that this program doesn't know.
    func column(_ field: UInt32) -> String? {
        if field == Self.deletedField { return "deleted_at" }
        return field >= 1 && Int(field) <= columns.count ? columns[Int(field) - 1].name : nil
    }

    func field(_ column: String) -> UInt32? {
        if column == "deleted_at" { return Self.deletedField }
        return columns.firstIndex { $0.name == column }.map { UInt32($0 + 1) }
    }
}
