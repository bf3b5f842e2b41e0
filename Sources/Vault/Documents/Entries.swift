extension Vault {
    /// Stores a text that comes from no file as a document.
    ///
    /// - Parameters:
    ///   - title: nil takes the first heading, else the category.
    ///   - options: the category must be given.
    public func addDocument(
        _ text: [UInt8], title: String? = nil, category: String, options: UploadOptions = UploadOptions()
    ) throws -> UploadResult {
        guard !text.isEmpty, String(validating: text, as: UTF8.self) != nil else {
            throw VaultError(.invalid, "an entry is UTF-8 text, and not empty")
        }
        let category = try Text.line(category, "the category")
        let type = "text/markdown"
        let found = ContentType.title(name: Array(category.utf8), type: type, head: text)
        let title = try title.map { try Text.line($0, "the title") } ?? found
        let name = category + "/" + title.replacing("/", with: "-") + ".md"
        let tags = try options.tags.map(Text.tags)
        return try keepingTemporaries {
            let writer = BlobWriter(store: blobs, random: surroundings.random)
            let blob = try writer.stage(SourceBytes(bytes: text)) { _ in false }
            let index = options.indexer.map {
                PreparedIndex(
                    state: .indexed, pieces: $0.pieces(of: text, contentType: type), version: $0.version)
            }
            let file = ReadyFile(
                item: UploadItem(path: [], name: Array(name.utf8)), blob: blob, text: nil, contentType: type,
                title: title, category: category, tags: tags, projectID: options.projectID, old: nil,
                isUnchanged: false, index: index)
            var added = try settle([file], options)[0]
            added.chunks = try read { try $0.chunkCount(of: added.id) }
            return added
        }
    }
}
