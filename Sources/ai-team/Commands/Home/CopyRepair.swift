import ArgumentParser
import Backup
import EncryptedSQLite
import KeyRing
import Sync
import Vault

/// Brings damaged pages and documents back from where the same version is: the backups in the home, and where
/// the mode allows it the remote. Nothing older is put anywhere.
struct CopyRepair {
    private let context: Context
    private let home: Home
    private let keys: UnlockedKeys

    init(_ context: Context, _ home: Home, _ keys: UnlockedKeys) {
        self.context = context
        self.home = home
        self.keys = keys
    }

    // MARK: - Pages

    /// Says what was brought back. Pages that could not be are warned of, and the check of the database,
    /// which follows, fails on them.
    func pages() throws -> [String] {
        var sources: [String: [UInt32]] = [:]
        var left = try repairPages(&sources) { try VaultBackups(home: home, keys: keys).search() }
        if !left.isEmpty, let cloud = remoteBackups() {
            left = try fetchPages(left, cloud, &sources)
        }
        for page in left {
            context.console.warn(
                "page \(page.number): no backup that is at hand has this version; restore the newest backup")
        }
        return sources.sorted { $0.key < $1.key }.map { backup, pages in
            "brought \(counted(pages.count, "page")) back from \(backup): "
                + pages.sorted().prefix(20).map(String.init).joined(separator: ", ")
                + (pages.count > 20 ? ", …" : "")
        }
    }

    private func repairPages(
        _ sources: inout [String: [UInt32]], _ open: () throws -> BackupSearch
    ) throws -> [DamagedPage] {
        let repair = try DatabaseRepair(of: home, keys: keys)
        let result = Result {
            try repair.repairPages { damaged, put in
                var search = try open()
                try search.pages(damaged) { number, copy, backup in
                    guard try put(number, copy) else { return false }
                    sources[backup, default: []].append(number)
                    return true
                }
                tell(search.problems)
            }
        }
        repair.end()
        let found = try result.get()
        return found.damaged.filter { !found.repaired.contains($0.number) }
    }

    /// The vault is open while the remote is asked, since that is where its login is; so the copies are kept
    /// and put in place after it was closed.
    private func fetchPages(
        _ wanted: [DamagedPage], _ cloud: CloudBackups, _ sources: inout [String: [UInt32]]
    ) throws -> [DamagedPage] {
        var copies: [UInt32: (copy: PageCopy, backup: String)] = [:]
        do {
            var search = try cloud.search()
            try search.pages(wanted) { number, copy, backup in
                copies[number] = (copy, backup)
                return true
            }
            tell(search.problems)
        } catch { warn(error, "the remote's backups") }
        try context.cache.vault?.close()
        context.cache.vault = nil
        guard !copies.isEmpty else { return wanted }
        let repair = try DatabaseRepair(of: home, keys: keys)
        let result = Result {
            try repair.repairPages { _, put in
                for (number, found) in copies where try put(number, found.copy) {
                    sources["\(found.backup) at the remote", default: []].append(number)
                }
            }
        }
        repair.end()
        let found = try result.get()
        return found.damaged.filter { !found.repaired.contains($0.number) }
    }

    // MARK: - Blobs

    /// The same for the contents of documents.
    func blobs() throws -> [String] {
        let vault = try context.unguardedVault()
        var left = Dictionary(
            try vault.verifyDocuments().damaged.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }
        )
        guard !left.isEmpty else { return [] }
        var done: [String] = []
        var search = try VaultBackups(home: home, keys: keys).search()
        try search.blobs(Array(left.values)) { blob, copy, backup in
            guard try vault.repair(blob, from: copy) else { return false }
            left[blob.name] = nil
            done.append("brought the blob \(blob.name) back from \(backup)")
            return true
        }
        tell(search.problems)
        for blob in left.values.sorted(by: { $0.name < $1.name }) {
            do {
                try context.fetch([blob.reference], of: "a document")
                done.append("brought the blob \(blob.name) back from the remote")
            } catch { warn(error, "the blob \(blob.name)") }
        }
        return done
    }

    // MARK: - Remote

    /// The backups of the remote; nil where none is configured, the mode asks none, or the vault does not
    /// open.
    private func remoteBackups() -> CloudBackups? {
        do {
            guard try context.mode() != .local,
                try CloudConfiguration(home: home, variable: Secrets.storageVariable).remoteIfAny() != nil
            else { return nil }
            return try context.cloud(RemoteOption.parse([]))
        } catch {
            warn(error, "the remote")
            return nil
        }
    }

    private func tell(_ problems: [VaultBackups.Problem]) {
        for problem in problems { context.console.warn("\(problem.object): \(problem.reason)") }
    }

    private func warn(_ error: any Error, _ what: String) {
        context.console.warn("\(what): \(Failure(describing: error)?.message ?? "\(error)")")
    }
}
