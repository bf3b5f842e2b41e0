import ArgumentParser
import EncryptedSQLite
import FileSystem
import KeyRing
import Knowledge
import Vault

/// `doctor`: looks at everything and says what is wrong.
struct Doctor: Command {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check permissions, keys, configuration, database and documents.",
        discussion: """
            Exits 6 when anything fails authentication, 1 when another check fails. A check that \
            does not apply \
            is ok and says "skipped".

            EXAMPLES:
              ai-team doctor
              ai-team doctor --json
              ai-team doctor --repair
            """)

    @Flag(
        help: """
            Write a damaged copy of the key ring anew, cut a damaged log after showing what goes, bring \
            damaged pages and documents back from a backup or the remote that has the same version.
            """)
    var repair = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        var report = CheckReport()
        if repair { report.repairs = try Repair(context: context, home: home, yes: yes).run() }
        report.run("permissions") { try Permissions.check(home) }
        report.run("configuration") { try Self.configuration(home) }
        report.run("key_agent") { try Agent.keys(of: home) == nil ? "skipped: not running" : "running" }
        report.run("keys") { try Self.keys(context) }
        report.run("database") { try Self.database(context) }
        report.run("guards") {
            let configuration = try HomeConfiguration(of: home)
            try context.unguardedVault().read { try configuration.checkGuards($0) }
            return "no setting was changed from outside"
        }
        report.run("documents") { try Self.documents(context) }
        report.run("search_index") { try Self.searchIndex(context) }
        report.run("revoked_devices") { try Self.revoked(context) }
        report.run("clock") { try Self.clock() }
        report.run("remote") { try RemoteCheck(context, home).run() }
        context.exitStatus = report.exitStatus
        context.console.emit({ report.write(&$0) }) { report.lines(context.console.style) }
    }

    private static func configuration(_ home: Home) throws -> String {
        let configuration = try HomeConfiguration(of: home)
        return "mode \(configuration.mode.rawValue), \(configuration.entries.count) settings"
    }

    private static func keys(_ context: Context) throws -> String {
        let home = try context.existingHome()
        let damaged = try KeyRing.summary(in: home.keysDirectory).damagedCopies
        let keys = try context.unlock()
        guard damaged.isEmpty else {
            throw Failure(
                .integrityFailure, "damaged or missing: \(damaged.joined(separator: ", "))",
                hint: "the other copy is whole; ai-team doctor --repair writes both anew")
        }
        return "epoch \(keys.currentEpoch), \(keys.slots.count) slots, roster of "
            + "\(keys.roster.records.count) verified"
    }

    private static func database(_ context: Context) throws -> String {
        let vault = try context.unguardedVault()
        let found = try vault.database.verify()
        guard found.damagedPages.isEmpty, found.damagedFrames.isEmpty else {
            let pages = found.damagedPages.prefix(10).map { "page \($0)" }
            let frames = found.damagedFrames.prefix(10).map { "log frame \($0)" }
            throw Failure(
                .integrityFailure, "does not authenticate: \((pages + frames).joined(separator: ", "))",
                hint: "ai-team doctor --repair looks for them in the backups; else restore one")
        }
        guard found.isIntact else {
            let pages = found.replacedPages.prefix(10).map { "page \($0)" }.joined(separator: ", ")
            let more = found.replacedPages.count > 10 ? " and \(found.replacedPages.count - 10) more" : ""
            throw Failure(
                .rollback,
                pages.isEmpty
                    ? "the pages are authentic, but not those of the newest state"
                    : "authentic, but not of the newest state: \(pages)\(more)",
                hint: "older pages or an older file were put back: restore from a backup")
        }
        _ = try vault.read { try $0.checkIntegrity() }
        return
            "\(found.pageCount) pages and \(found.frameCount) log frames authentic, tables and indexes whole"
    }

    private static func searchIndex(_ context: Context) throws -> String {
        let vault = try context.unguardedVault()
        var problems = try vault.checkSearchIndex()
        let misfits = try vault.documentsThatMisfit(ChunkIndexer())
        if !misfits.isEmpty {
            problems.append(
                "\(counted(misfits.count, "document")) whose passages are not what the text makes: "
                    + misfits.prefix(5).joined(separator: ", "))
        }
        let vectors = try vault.read { tx in
            try tx.vectorProblems() + tx.vectorGaps()
                + tx.vectorSpaces().compactMap { space in
                    let misfits = try CodeCheck.misfits(tx, space)
                    return misfits == 0
                        ? nil : "\(misfits) codes of \(space.identity.model) are not those of its vectors"
                }
        }
        guard vectors.isEmpty else {
            throw Failure(
                .failed, vectors.joined(separator: "; "), hint: "run `ai-team kb embed --reembed`")
        }
        guard problems.isEmpty else {
            throw Failure(
                .failed, problems.joined(separator: "; "), hint: "run `ai-team kb reindex`")
        }
        let (counts, missing) = try vault.read {
            (try $0.indexCounts(), try $0.unindexedCount(version: ChunkIndexer().version))
        }
        let left = missing == 0 ? "" : ", \(counted(missing, "document")) not in it yet"
        let damaged = counts.unreadable == 0 ? "" : ", \(counts.unreadable) could not be read"
        return "\(counted(counts.chunks, "passage")) of \(counted(counts.documents, "document"))"
            + left + damaged
    }

    private static func documents(_ context: Context) throws -> String {
        let vault = try context.unguardedVault()
        let found = try vault.verifyDocuments()
        guard let first = found.failures.first else {
            let missing = try vault.read { try $0.missingBlobs().count }
            return "\(found.blobs) blobs authentic" + (missing > 0 ? ", \(missing) not here yet" : "")
        }
        let damaged = found.failures.first { $0.code == .integrityFailure } ?? first
        let more = found.failures.count > 1 ? ", and \(found.failures.count - 1) more" : ""
        throw VaultError(damaged.code, damaged.message + more, hint: damaged.hint)
    }

    /// Devices that were removed and may still reach the storage.
    private static func revoked(_ context: Context) throws -> String {
        let pending = try context.unguardedVault().read { try RevokedCredentials.pending($0) }
        guard let (device, what) = pending.min(by: { $0.key < $1.key }) else {
            return "none may still reach the storage"
        }
        let more = pending.count > 1 ? ", and \(pending.count - 1) more" : ""
        throw Failure(
            .failed, "\(device) is removed, and \(what) may still be good\(more)",
            hint: "revoke it at the storage, then run `ai-team device revoke \(device) "
                + "--credentials-revoked`")
    }

    /// A clock before the day on which this program was built is wrong.
    private static func clock() throws -> String {
        let now = Surroundings.system.now()
        guard let built = Timestamp(BuildInfo.date), now < built else { return now.short }
        throw Failure(
            .failed, "it is \(now.short), but this program was built on \(BuildInfo.date)",
            hint: "set the system's clock")
    }
}

/// What the checks found.
struct CheckReport {
    private struct Result {
        let name: String
        let detail: String
        let code: Failure.Code?
    }

    private var results: [Result] = []
    /// What `--repair` did; nil without it.
    var repairs: [String]?

    /// Runs a check; one that throws is a failed check, and the next ones run all the same.
    mutating func run(_ name: String, _ check: () throws -> String) {
        do {
            results.append(Result(name: name, detail: try check(), code: nil))
        } catch {
            let failure = Failure(describing: error) ?? Failure(.failed, "\(error)")
            let detail = failure.message + (failure.hint.map { " (\($0))" } ?? "")
            results.append(Result(name: name, detail: detail, code: failure.code))
        }
    }

    /// 6 when something failed authentication, 4 when nothing failed but a key was missing, else 1 or 0.
    var exitStatus: Int32 {
        let codes = Set(results.compactMap { $0.code?.exitStatus })
        if codes.contains(Failure.Code.integrityFailure.exitStatus) { return 6 }
        return codes.isEmpty ? 0 : codes == [4] ? 4 : 1
    }

    func write(_ writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("checks")
            writer.array { writer in
                for result in results {
                    writer.object {
                        $0.field("name", result.name)
                        $0.field("ok", result.code == nil)
                        $0.field("detail", result.detail)
                    }
                }
            }
            if let repairs { writer.field("repaired", repairs) }
        }
    }

    func lines(_ style: Style) -> [String] {
        let width = results.map(\.name.count).max() ?? 0
        let done = repairs.map { $0.isEmpty ? ["nothing to repair"] : $0.map { "repaired: \($0)" } } ?? []
        return done
            + results.map { result in
                let mark = result.code == nil ? style.green("ok    ") : style.red("FAILED")
                let name = result.name + String(repeating: " ", count: width - result.name.count)
                return "\(mark) \(name)  \(result.detail.printable)"
            }
    }
}

/// Nobody but the owner may read what is in a home; `config/` holds no secret.
enum Permissions {
    static func check(_ home: Home) throws -> String {
        var open: [String] = []
        var count = 0
        for folder in [home.keysDirectory, home.path + "/data", home.runDirectory] {
            try walk(folder, &open, &count)
        }
        guard open.isEmpty else {
            throw Failure(
                .failed, "others can get at \(open.prefix(5).joined(separator: ", "))",
                hint: "chmod -R go-rwx \(home.path)/keys \(home.path)/data \(home.path)/run")
        }
        return "\(count) files and directories are the owner's alone"
    }

    private static func walk(_ path: String, _ open: inout [String], _ count: inout Int) throws {
        guard let status = try Files.status(path) else { return }
        count += 1
        if status.permissions & 0o077 != 0, status.kind != .symbolicLink { open.append(path) }
        guard status.kind == .directory else { return }
        for name in try Files.list(path) where !name.hasPrefix(".git") && name != "README.md" {
            try walk("\(path)/\(name)", &open, &count)
        }
    }
}
