/// The documents of a backup as its lists name them: where each stands in the exported tree, and in which
/// blob. Nobody needs the database for it.
struct CatalogueDocuments {
    /// One version.
    struct Item {
        let path: RelativePath
        let version: DocumentVersion
        let file: DocumentFile
    }

    /// In the order of documents and numbers.
    let items: [Item]

    /// - Throws: `.integrity` for a list that does not hold.
    init(of backup: OpenBackup) throws {
        backup.plan(backup.body.documents.flatMap(\.parts).map(\.place))
        var found: [(version: DocumentVersion, file: DocumentFile)] = []
        try backup.documents.each { file in
            for version in file.versions { found.append((version, file)) }
        }
        found.sort { ($0.version.documentID, $0.version.number) < ($1.version.documentID, $1.version.number) }
        let paths = ExportTree.paths(
            of: found.map {
                ExportTree.Version(
                    documentID: $0.version.documentID, number: Int($0.version.number), name: $0.version.name)
            })
        items = zip(found, paths).map { Item(path: $1, version: $0.version, file: $0.file) }
    }
}
