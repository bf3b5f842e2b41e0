internal import Vault

/// What `--only` asks for: patterns over the exported tree, names of tables, ids.
///
/// A word without a slash or a wild card is a table (`tasks`, `projects`, …) when it is called like one, then
/// the id of a task, project or document, or 6 characters of its beginning or end (4 after `task-`, `proj-`
/// or `doc-`); what is none of these is the name of a file or directory at any depth.
struct ExportWishes {
    private(set) var patterns: [PathPattern] = []
    private(set) var tables: Set<ExportedRecords> = []
    private(set) var words: [String] = []
    /// Whether only files from outside the vault can fit.
    let areOutside: Bool
    /// Whether one of the patterns can fit files from outside the vault.
    let mayBeOutside: Bool

    /// - Parameter only: the wishes as bytes; none means everything.
    init(_ only: [[UInt8]]) {
        let roots = only.map(ExportTree.root)
        areOutside = !only.isEmpty && roots.allSatisfy { $0 == "files" }
        var mayBeOutside = only.isEmpty
        for (wish, root) in zip(only, roots) {
            let text = String(decoding: wish, as: UTF8.self)
            // `documents` is the directory: their records are records/documents.jsonl.
            if let table = ExportedRecords(rawValue: text), table != .documents {
                tables.insert(table)
            } else if isForeignID(text), !ExportTree.roots.contains(text) {
                words.append(text)
            } else {
                patterns.append(PathPattern(wish))
                if root == nil || root == "files" { mayBeOutside = true }
            }
        }
        self.mayBeOutside = mayBeOutside
    }

    var isEmpty: Bool { patterns.isEmpty && tables.isEmpty && words.isEmpty }

    /// Whether the backup's database has to be looked at.
    var needDatabase: Bool {
        isEmpty || !tables.isEmpty || words.contains { !$0.hasPrefix(Self.prefix(.document)) }
            || patterns.contains { pattern in ExportTree.fromDatabase.contains { pattern.matches($0.bytes) } }
    }

    /// The same where a word means documents and files only.
    var needRecords: Bool {
        isEmpty || !tables.isEmpty
            || words.contains { $0.hasPrefix(Self.prefix(.task)) || $0.hasPrefix(Self.prefix(.project)) }
            || patterns.contains { pattern in ExportTree.fromDatabase.contains { pattern.matches($0.bytes) } }
    }

    static func prefix(_ kind: IDKind) -> String { kind.rawValue + "-" }
    /// The fewest characters of an id whose kind is not said.
    static let fewest = 6
}

/// What is taken of an exported tree.
struct ExportChoice {
    private var patterns: [PathPattern]
    private let tables: Set<[UInt8]>
    private let isEverything: Bool
    /// Whether there may be something to take of the files from outside the vault.
    private(set) var mayTakeOutside: Bool
    private var tasks: Set<String> = []
    private var projects: Set<String> = []
    private var documents: Set<[UInt8]> = []

    private init(_ wishes: ExportWishes) {
        patterns = wishes.patterns
        tables = Set(wishes.tables.map { ExportTree.records($0.rawValue).bytes })
        isEverything = wishes.isEmpty
        mayTakeOutside = wishes.mayBeOutside
    }

    /// A word that is no id is a name.
    private mutating func addName(_ word: String) {
        patterns.append(PathPattern(word))
        mayTakeOutside = true
    }

    /// Looks words up among documents alone.
    ///
    /// - Parameter catalogue: in the order of documents and numbers.
    /// - Throws: `.ambiguous`.
    init(_ wishes: ExportWishes, among catalogue: [CatalogueDocuments.Item]) throws {
        self.init(wishes)
        guard !wishes.words.isEmpty else { return }
        var newest: [String: RelativePath] = [:]
        for item in catalogue { newest[item.version.documentID] = item.path }
        for word in wishes.words {
            let found =
                newest[word].map { [(key: word, value: $0)] }
                ?? newest.filter { Self.fits(word, $0.key) }.sorted { $0.key < $1.key }
            guard found.count <= 1 else { throw Self.ambiguous(word, found.map(\.key)) }
            if let path = found.first?.value { documents.insert(path.bytes) } else { addName(word) }
        }
    }

    /// Whether a word is the beginning or end of a document's id.
    private static func fits(_ word: String, _ id: String) -> Bool {
        let kind = ExportWishes.prefix(.document)
        let isNamed = word.hasPrefix(kind)
        let part = (isNamed ? word.dropFirst(kind.count) : word[...]).lowercased()
        guard part.utf8.count >= (isNamed ? 4 : ExportWishes.fewest) else { return false }
        let rest = id.hasPrefix(kind) ? id.dropFirst(kind.count) : id[...]
        return rest.hasPrefix(part) || rest.hasSuffix(part)
    }

    /// Looks words up in the backup's own state.
    ///
    /// - Throws: `.ambiguous`; `VaultError` with code `ambiguous_id`.
    init(_ wishes: ExportWishes, in vault: Vault) throws {
        self.init(wishes)
        var wanted: Set<String> = []
        try vault.read { tx in
            for word in wishes.words {
                let found = try Self.find(word, tx)
                guard found.count <= 1 else { throw Self.ambiguous(word, found.map(\.id)) }
                switch found.first {
                case (.task, let id)?: tasks.insert(id)
                case (.project, let id)?: projects.insert(id)
                case (_, let id)?: wanted.insert(id)
                case nil: addName(word)
                }
            }
        }
        if !projects.isEmpty { try addTasks(of: vault) }
        guard !wanted.isEmpty else { return }
        let versions = try vault.storedVersions()
        var newest: [String: RelativePath] = [:]
        // In the order of numbers: the last one stays.
        for (version, path) in zip(versions, ExportTree.paths(of: versions.map { ExportTree.Version($0) }))
        where wanted.contains(version.documentID) { newest[version.documentID] = path }
        documents = Set(newest.values.map(\.bytes))
    }

    private static func find(_ word: String, _ tx: ReadTransaction) throws -> [(kind: IDKind, id: String)] {
        var found: [(kind: IDKind, id: String)] = []
        for kind in [IDKind.task, .project, .document] {
            let isNamed = word.hasPrefix(ExportWishes.prefix(kind))
            do {
                let id = try tx.resolve(word, kind, inTrash: true)
                if id == word || isNamed || word.utf8.count >= ExportWishes.fewest {
                    found.append((kind, id))
                }
            } catch let error as VaultError {
                guard
                    error.code == .notFound
                        || error.code == .ambiguousID && !isNamed && word.utf8.count < ExportWishes.fewest
                else { throw error }
            }
        }
        return found
    }

    private static func ambiguous(_ word: String, _ ids: [String]) -> BackupError {
        BackupError(
            .ambiguous, "\(word) could be any of several ids",
            hint: "give more characters: " + ids.prefix(10).joined(separator: ", "))
    }

    /// A project comes with its tasks.
    private mutating func addTasks(of vault: Vault) throws {
        let projects = projects
        var found: Set<String> = []
        try vault.read { tx in
            try tx.export(.tasks) { line in
                guard let task = try JSONValue(parsing: line).object, let id = task["id"]?.string else {
                    return
                }
                if let project = task["project_id"]?.string, projects.contains(project) { found.insert(id) }
            }
        }
        tasks.formUnion(found)
    }

    /// Whether what stands at this place is taken whole.
    func takes(_ path: RelativePath) -> Bool {
        if isEverything { return true }
        let bytes = path.bytes
        return patterns.contains { $0.matches(bytes) } || tables.contains(bytes)
            || documents.contains(bytes)
    }

    /// Which records of a kind are taken where the table is not; nil for none. A task comes with its
    /// comments.
    func records(_ kind: ExportedRecords) -> ((JSONObject) -> Bool)? {
        let (name, ids): (String, Set<String>) =
            switch kind {
            case .projects: ("id", projects)
            case .tasks: ("id", tasks)
            case .comments: ("task_id", tasks)
            case .documents, .history, .logs: ("", [])
            }
        return ids.isEmpty ? nil : { record in record[name]?.string.map(ids.contains) ?? false }
    }
}
