/// What an import did.
public struct ImportReport: Sendable, Equatable, JSONEncodable {
    public var created = 0
    public var updated = 0
    public var unchanged = 0
    /// The ids, in the order of the lines.
    public var ids: [String] = []

    public init() {}

    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("created", created)
            writer.field("updated", updated)
            writer.field("unchanged", unchanged)
            writer.field("ids", ids)
        }
    }
}

extension WriteTransaction {
    /// Takes tasks from JSON Lines, all or none. Each line is an object with at least `title`; an `id` that
    /// exists is updated; keys that the vault doesn't know go into `metadata`. Lines may depend on later
    /// ones.
    /// - Throws: `VaultError` with code `invalid` that names the line.
    public func importTasks(jsonLines text: [UInt8]) throws -> ImportReport {
        var report = ImportReport()
        var links: [(line: Int, id: String, link: TaskLink)] = []
        var number = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            try Self.naming(line: number) {
                let item = try ImportedTask(JSONValue(parsing: Array(line)))
                let id = try take(item, &report)
                report.ids.append(id)
                links += item.links.map { (number, id, $0) }
            }
        }
        for (number, id, link) in links { try Self.naming(line: number) { try addLink(id, link) } }
        return report
    }

    private static func naming(line: Int, _ body: () throws -> Void) throws {
        do { try body() } catch let error as VaultError {
            throw VaultError(
                error.code, "line \(line): \(error.message)", hint: error.hint, candidates: error.candidates)
        }
    }

    private func take(_ item: ImportedTask, _ report: inout ImportReport) throws -> String {
        var item = item
        if let name = item.project { item.draft.projectID = try importProject(name) }
        if let id = item.draft.id, try exists(.task, id, inTrash: true) {
            let old = try task(id)
            if old.deletedAt != nil { try restoreTask(id) }
            let fields = item.changes(from: old)
            try update(.task, id: id, fields)
            if fields.isEmpty && old.deletedAt == nil { report.unchanged += 1 } else { report.updated += 1 }
            return id
        }
        let id = try createTask(item.draft).id
        try update(.task, id: id, item.states)
        report.created += 1
        return id
    }

    /// A project by id or name; a name that is new makes one.
    private func importProject(_ text: String) throws -> String {
        do { return try resolveProject(text) } catch let error as VaultError where error.code == .notFound {
            return try createProject(name: text).id
        }
    }
}

extension ReadTransaction {
    /// All tasks that are not in the trash as JSON Lines, in the order they were made.
    public func exportTasks(_ emit: ([UInt8]) throws -> Void) throws {
        var writer = JSONWriter()
        for task in try tasks().items.sorted(by: { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }) {
            writer.reset()
            task.encode(to: &writer)
            try emit(writer.bytes + [0x0A])
        }
    }
}
