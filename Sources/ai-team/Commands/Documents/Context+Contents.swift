import Backup
import ObjectStorage
import Sync
import Vault

/// Contents of documents that other devices have uploaded.
extension Context {
    /// When contents travel, by the configuration.
    func blobPolicy() throws -> BlobPolicy {
        BlobPolicy(rawValue: try configuration().blobs) ?? .eager
    }

    /// Gets contents that are not on this device, if this command may use the network.
    ///
    /// - Parameters:
    ///   - document: for messages.
    ///   - inEveryMode: the command's job is the network.
    /// - Throws: `not_found` where mode or configuration keep it from asking the remote.
    func fetch(_ missing: [BlobReference], of document: String, inEveryMode: Bool = false) throws {
        guard !missing.isEmpty else { return }
        let what = "the content of \(document) is not on this device yet"
        guard try inEveryMode || mode() != .local else {
            throw Failure(
                .notFound, "\(what), and mode local asks no remote for it",
                hint: "run `ai-team sync pull`, or this command with --mode auto")
        }
        guard try blobPolicy() != .off else {
            throw Failure(
                .notFound, "\(what), and sync_config.blobs is off",
                hint: "run `ai-team config sync_config.blobs lazy` to get contents when they are asked for")
        }
        console.detail("\(what): getting it from the remote")
        var option = RemoteOption()
        option.remote = nil
        let remote = try cloud(option).store.store
        let bar = BlobBar(console)
        defer { bar.finish() }
        try BlobFetching(vault: vault(), store: remote).fetch(missing, progress: bar.show)
    }

    /// The same for commands that can do without; why there is nothing is told.
    ///
    /// - Returns: whether all of it is here now.
    func tryToFetch(_ missing: [BlobReference], of document: String, inEveryMode: Bool = false) -> Bool {
        do {
            try fetch(missing, of: document, inEveryMode: inEveryMode)
            return true
        } catch {
            let failure = Failure(describing: error)
            console.warn(
                [failure?.message ?? "\(error)", failure?.hint].compactMap(\.self).joined(separator: "; "))
            return false
        }
    }
}
