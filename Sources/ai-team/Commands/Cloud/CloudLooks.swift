import ArgumentParser
import Backup
import Vault

/// `backup cloud list`.
struct CloudList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the backups in the bucket, oldest first.",
        discussion: """
            Backups that can't be believed are named on standard error; the exit status is then 6.

            EXAMPLES:
              ai-team backup cloud list --json
            """)

    @OptionGroup var remote: RemoteOption
    @OptionGroup var rollback: RollbackOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let found = try context.cloud(remote).list(acceptsRollback: rollback.isAccepted)
        context.report(found.problems)
        let rows = try found.backups.map { (backup: $0, name: try context.makers(of: $0.summary)) }
        context.console.emit({ writer in
            writer.array { writer in
                for (backup, name) in rows {
                    backup.summary.write(
                        to: &writer, name: name, at: backup.isLocal ? ["local", "cloud"] : ["cloud"])
                }
            }
        }) {
            if rows.isEmpty { return ["no backups there; `ai-team backup cloud` ships them"] }
            var table = Table(["ID", "CREATED", "DEVICE", "SIZE", "STORED", "HERE", "TAGS"], flexible: 6)
            for (backup, name) in rows {
                let summary = backup.summary
                table.add([
                    summary.id.shortID, Timestamp(milliseconds: Int64(clamping: summary.createdAt)).short,
                    name ?? summary.device.shortID, sizeText(Int64(clamping: summary.bytesLogical)),
                    sizeText(Int64(clamping: summary.bytesAdded)), backup.isLocal ? "yes" : "no",
                    summary.tags.joined(separator: ", "),
                ])
            }
            return table.lines(width: context.console.width, style: context.console.style)
        }
    }
}

/// `backup cloud verify [ID]`.
struct CloudVerify: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check the backups in the bucket.",
        discussion: """
            By itself: one listing, whose sizes and checksums are compared with what the manifests signed. \
            --subset 3/10 also reads the third of ten parts of all packs; --data reads everything into the \
            home's run/ and tries a restore. Exits 6 when anything is wrong.

            EXAMPLES:
              ai-team backup cloud verify
              ai-team backup cloud verify --subset 3/10
              ai-team backup cloud verify 7f3k2q --data
            """)

    @Argument(help: "The backup's id, or at least 4 characters of its beginning or end.") var id: String?
    @Option(help: ArgumentHelp("Read this part of the packs, such as 3/10.", valueName: "part")) var subset:
        String?
    @Flag(help: "Read and decrypt everything, and try a restore.") var data = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup var rollback: RollbackOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let depth = try depth()
        let cloud = try context.probedCloud(remote)
        let bar = BackupBar("verifying", context.console)
        defer { bar.finish() }
        let found = try cloud.verify(
            id, depth, acceptsRollback: rollback.isAccepted, progress: bar.show)
        bar.finish()
        context.tell(found, requests: cloud.requests)
    }

    private func depth() throws -> CloudBackups.Depth {
        guard let subset else { return data ? .data : .listing }
        let numbers = subset.split(separator: "/").map { UInt64($0) }
        guard !data, numbers.count == 2, let part = numbers[0], let parts = numbers[1],
            1...10_000 ~= parts, 1...parts ~= part
        else {
            throw Failure(
                .usage, data ? "--data reads every part" : "'\(subset)' is no part",
                hint: "write it like 3/10")
        }
        return .subset(part: part, of: parts)
    }
}

extension Context {
    private func ending(_ isFine: Bool) -> String { isFine ? "all is well" : "NOT ok" }

    /// What a check of a remote found.
    func tell(_ found: VaultBackups.Verification, requests: UInt64) {
        let isFine = found.problems.isEmpty
        if !isFine { exitStatus = Failure.Code.integrityFailure.exitStatus }
        if !console.json { report(found.problems) }
        console.emit({ writer in
            writer.object { writer in
                writer.field("ok", isFine)
                writer.field("checked", found.checked)
                writer.failures(found.problems)
                writer.field("bytes", Int64(clamping: found.bytes))
                writer.field("requests", Int64(clamping: requests))
            }
        }) {
            let read = found.bytes > 0 ? ", \(sizeText(Int64(clamping: found.bytes))) read" : ""
            return ["\(counted(found.checked, "backup")) checked\(read): \(ending(isFine))"]
        }
    }
}
