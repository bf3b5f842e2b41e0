internal import FileSystem

extension BlobStore {
    /// Moves staged blobs to their places: one sync of all their bytes, the renames, one sync of the names.
    func settle(_ staged: [StagedBlob]) throws {
        guard let first = staged.first?.temporary else { return }
        if staged.count > 2 {
            try File.open(first, .read).syncFileSystem()
        } else {
            for path in staged.compactMap(\.temporary) { try File.open(path, .read).sync() }
        }
        var touched: Set<String> = []
        var hasNewDirectory = false
        for blob in staged {
            guard let temporary = blob.temporary else { continue }
            let target = path(blob.name)
            let parent = "\(directory)/\(blob.name.prefix(2))"
            if try !Files.exists(parent) {
                try Files.createDirectory(parent)
                hasNewDirectory = true
            }
            if try Files.exists(target) {
                try Durable.remove(temporary)
            } else {
                try Durable.rename(temporary, to: target)
                touched.insert(parent)
            }
        }
        if touched.count > 8, let any = staged.first {
            try File.open(path(any.name), .read).syncFileSystem()
        } else {
            for parent in touched { try Durable.syncDirectory(parent) }
            if hasNewDirectory { try Durable.syncDirectory(directory) }
        }
    }
}
