internal import FileSystem

extension BlobStore {
    /// Moves staged blobs to their places: one sync of all their bytes, the renames, one sync of the names.
    /// The names of blobs that are there already are synced too: a crash may have come before that.
    func settle(_ staged: [StagedBlob]) throws {
        let written = staged.compactMap(\.temporary)
        guard let any = staged.first else { return }
        if written.count > 2 {
            try File.open(written[0], .read).syncFileSystem()
        } else {
            for path in written { try File.open(path, .read).sync() }
        }
        var touched: Set<String> = []
        var hasNewDirectory = written.count < staged.count
        for blob in staged {
            let target = path(blob.name)
            let parent = "\(directory)/\(blob.name.prefix(2))"
            touched.insert(parent)
            guard let temporary = blob.temporary else { continue }
            if try !Files.exists(parent) {
                try Files.createDirectory(parent)
                hasNewDirectory = true
            }
            if try Files.exists(target) {
                try Durable.remove(temporary)
            } else {
                try Durable.rename(temporary, to: target)
            }
        }
        if touched.count > 8 {
            try File.open(path(any.name), .read).syncFileSystem()
        } else {
            for parent in touched { try Durable.syncDirectory(parent) }
            if hasNewDirectory { try Durable.syncDirectory(directory) }
        }
    }
}
