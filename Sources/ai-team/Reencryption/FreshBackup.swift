import ArgumentParser
import Backup
import Vault

/// What `--re-encrypt now` does about backups. Packs and manifests never change, so instead of writing them
/// anew there is another backup, which leans on none before it: what is under the old epochs then is no
/// longer needed, and goes when a person says so.
struct FreshBackup {
    /// Its id.
    let id: String
    /// Whether it is at the remote.
    let isShipped: Bool
    /// Backups that stay under the epochs of their time.
    let older: Int

    /// Makes one and reads it back; ships it where there is a remote.
    ///
    /// - Returns: nil where the home has no backups.
    /// - Throws: what kept it from being made, after saying that the keys are new.
    static func make(_ context: Context) throws -> FreshBackup? {
        do { return try made(context) } catch {
            guard let failure = Failure(describing: error) else { throw error }
            throw Failure(
                failure.code,
                "the keys are new and what is here is under them, but the backup failed: \(failure.message)",
                hint: failure.hint ?? "make it with `ai-team backup create --full`")
        }
    }

    private static func made(_ context: Context) throws -> FreshBackup? {
        let known = try context.backups().list().backups
        guard !known.isEmpty else { return nil }
        var options = VaultBackups.CreateOptions()
        options.isFull = true
        let configured = try ConfiguredPaths(context)
        options.paths = configured.paths
        options.include = configured.include
        options.exclude = configured.exclude
        options.skipsMissing = true
        let id = try BackupCreate.make(options, context).backup.id
        try verify(id, context)
        let configuration = try CloudConfiguration(
            home: context.existingHome(), variable: Secrets.storageVariable)
        let hasRemote = try configuration.remoteIfAny() != nil
        if hasRemote { try ship(id, context) }
        return FreshBackup(id: id, isShipped: hasRemote, older: known.count)
    }

    private static func verify(_ id: String, _ context: Context) throws {
        let bar = BackupBar("verifying", context.console)
        defer { bar.finish() }
        let found = try context.backups().verify(id, data: true, progress: bar.show)
        guard found.problems.isEmpty else {
            context.report(found.problems)
            throw Failure(
                .integrityFailure, "the backup under the new keys is not whole",
                hint: "the older ones are untouched; see `ai-team backup verify`")
        }
    }

    private static func ship(_ id: String, _ context: Context) throws {
        let bar = BackupBar("shipping", context.console)
        defer { bar.finish() }
        let cloud = try context.probedCloud(RemoteOption.parse([]))
        let done = try cloud.ship(id, acceptsRollback: false, progress: bar.show)
        context.report(done.problems)
        try RemoteDeed.shipped.note(in: context.location().home)
    }

    /// For a person.
    var lines: [String] {
        let place = isShipped ? "here and at the remote" : "here"
        var lines = ["backup \(id) has everything under the new keys, and was read back"]
        lines.append(
            "\(counted(older, "older backup")) \(place) stay under the keys of their time: remove them, once "
                + "nothing needs them, with `ai-team backup prune --keep-last 1`"
                + (isShipped ? " and `ai-team backup cloud prune --keep-last 1`" : ""))
        return lines
    }
}
