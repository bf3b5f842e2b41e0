/// A kind of record that travels: its number in the change log, its table, and its fields.
/// Numbers are for ever; a field that is dropped leaves its number unused.
struct Collection: Sendable {
    let number: UInt32
    let table: String
    /// Column names by field number less one.
    let columns: [String]

    /// Field numbers below are positions here plus one; the last two of every collection are these.
    static let deletedField: UInt32 = 100
    static let purgedField: UInt32 = 101

    static let task = Collection(
        number: 1, table: "task",
        columns: [
            "type", "title", "description", "status", "priority", "assigned_to", "project_id", "created_by",
            "created_at", "started_at", "completed_at", "deadline", "output", "error", "review", "tags",
            "metadata",
        ])
    static let link = Collection(
        number: 2, table: "link", columns: ["task_id", "kind", "target_id"])
    static let comment = Collection(
        number: 3, table: "comment", columns: ["task_id", "author", "body", "created_at"])
    static let project = Collection(
        number: 4, table: "project", columns: ["name", "description", "status", "created_at"])
    static let document = Collection(
        number: 5, table: "document",
        columns: ["name", "path", "title", "category", "tags", "created_by", "created_at"])
    static let documentVersion = Collection(
        number: 6, table: "document_version",
        columns: [
            "document_id", "number", "content_type", "size", "sha256", "epoch", "text_size", "text_sha256",
            "parents", "created_at",
        ])

    static let all = [task, link, comment, project, document, documentVersion]

    static func numbered(_ number: UInt32) -> Collection? { all.first { $0.number == number } }

    /// The column that holds a field; nil for one that this program doesn't know.
    func column(_ field: UInt32) -> String? {
        if field == Self.deletedField { return "deleted_at" }
        return field >= 1 && Int(field) <= columns.count ? columns[Int(field) - 1] : nil
    }

    func field(_ column: String) -> UInt32? {
        if column == "deleted_at" { return Self.deletedField }
        return columns.firstIndex(of: column).map { UInt32($0 + 1) }
    }
}
