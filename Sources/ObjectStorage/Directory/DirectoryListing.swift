internal import FileSystem

/// A walk over a directory that meets names in the order of their bytes and leaves out what can't count.
struct DirectoryListing {
    private let store: DirectoryStore
    private let prefix: [UInt8]
    private let after: [UInt8]
    private let limit: Int
    private(set) var page = ObjectPage()

    init(store: DirectoryStore, prefix: String, after: String?, limit: Int) {
        self.store = store
        self.prefix = Array(prefix.utf8)
        self.after = Array((after ?? "").utf8)
        self.limit = limit
    }

    mutating func run() throws { try walk("") }

    /// - Parameter directory: empty, or ending with a slash.
    private mutating func walk(_ directory: String) throws {
        // A directory's names all begin with its name and a slash, and sort so.
        var entries: [String] = []
        for name in try names(directory)
        where !(directory.isEmpty && name.hasPrefix(DirectoryStore.ownPrefix)) {
            guard let status = try Files.status(store.root + "/" + directory + name) else { continue }
            entries.append(directory + name + (status.kind == .directory ? "/" : ""))
        }
        entries.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for entry in entries {
            if page.next != nil { return }
            let bytes = Array(entry.utf8)
            let isDirectory = entry.hasSuffix("/")
            guard bytes.starts(with: prefix) || (isDirectory && prefix.starts(with: bytes)) else { continue }
            if isDirectory {
                // All below is behind `after`, or some may be, or none is.
                let isBehind = after.lexicographicallyPrecedes(bytes)
                if isBehind || after.starts(with: bytes) { try walk(entry) }
            } else if after.lexicographicallyPrecedes(bytes) {
                try add(entry)
            }
        }
    }

    private mutating func add(_ text: String) throws {
        guard page.objects.count + page.foreign.count < limit else {
            page.next = [page.objects.last?.name.text, page.foreign.last].compactMap(\.self)
                .max { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            return
        }
        guard let name = ObjectName(text), let info = try store.info(name) else {
            page.foreign.append(text)
            return
        }
        page.objects.append(info)
    }

    private func names(_ directory: String) throws -> [String] {
        do throws(FileError) {
            return try Files.list(directory.isEmpty ? store.root : "\(store.root)/\(directory.dropLast())")
        } catch {
            // Removed since its parent was read.
            guard error.isNotFound else { throw error }
            return []
        }
    }
}
