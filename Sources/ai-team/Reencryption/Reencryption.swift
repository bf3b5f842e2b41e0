import EncryptedSQLite
import FileSystem
import Sync
import Vault

/// Works on the re-encryption that the vault notes: one process at a time, which any later one can relieve.
struct Reencryption {
    let vault: Vault
    let home: Home

    /// What is told while it runs, for a bar.
    typealias Report = (_ step: ReencryptionJob.Step, _ done: Int64, _ total: Int64) -> Void

    /// Notes that everything is to be under `epoch`, unless that, or more, is noted already.
    func begin(_ epoch: UInt32) throws {
        try vault.write(actor: "keys") { tx in
            let known = try tx.reencryptionJob()
            guard known.map({ $0.isPending && $0.epoch >= epoch }) != true else { return }
            var job = ReencryptionJob(epoch: epoch, startedAt: tx.now)
            // How fast this machine is does not change with the epoch.
            if let known { (job.pages, job.bytes) = (known.pages, known.bytes) }
            try tx.setReencryptionJob(job)
        }
    }

    /// Whether a process works on it.
    static func isRunning(in home: Home) throws -> Bool {
        guard let lock = try FileLock.attempt(lockPath(home), .exclusive) else { return true }
        lock.release()
        return false
    }

    private static func lockPath(_ home: Home) -> String { home.runDirectory + "/reencryption.lock" }

    /// Does what is left, and reads all of it back.
    ///
    /// - Returns: the job as it ended; nil when another process works on it, or nothing is left.
    /// - Throws: what keeps it from going on; that is noted, and the next run goes on from there.
    func run(report: @escaping Report = { _, _, _ in }) throws -> ReencryptionJob? {
        guard let lock = try FileLock.attempt(Self.lockPath(home), .exclusive) else { return nil }
        let result = Result { try steps(report) }
        lock.release()
        if case .failure(let error) = result, let failure = Failure(describing: error) {
            try note {
                $0.failure = failure.message
                $0.failedAt = Surroundings.system.now()
            }
        }
        return try result.get()
    }

    private func steps(_ report: @escaping Report) throws -> ReencryptionJob? {
        guard let job = try vault.read({ try $0.reencryptionJob() }), job.isPending else { return nil }
        // An epoch that waits for the remote is not written under yet.
        guard vault.database.currentEpoch >= job.epoch else { return nil }
        try note {
            $0.failure = nil
            $0.failedAt = nil
        }
        try pages(report)
        try documents(report)
        return try verify(report)
    }

    private func note(_ change: (inout ReencryptionJob) -> Void) throws {
        try vault.write(actor: "keys") { tx in
            guard var job = try tx.reencryptionJob() else { return }
            change(&job)
            try tx.setReencryptionJob(job)
        }
    }

    private func pages(_ report: @escaping Report) throws {
        let began = ContinuousClock.now
        let result = try vault.database.rotatePages { state in
            report(.database, Int64(state.looked), Int64(state.pageCount))
            return true
        }
        guard result.remaining == 0 else {
            throw Failure(
                .busy, "\(result.remaining ?? 0) pages are still under an older epoch",
                hint: "another process writes without pause; the next command goes on")
        }
        try vault.requireEmptiedLog()
        let spent = began.duration(to: .now).milliseconds
        try note { job in
            job.step = .documents
            job.pages.add(Int64(result.rotated), in: spent)
        }
    }

    private func documents(_ report: @escaping Report) throws {
        let total = try vault.read { tx in
            try tx.blobEpochs().reduce(0) { $0 + ($1.epoch < vault.database.currentEpoch ? $1.bytes : 0) }
        }
        let began = ContinuousClock.now
        let done = try vault.reencryptBlobs { state in
            report(.documents, state.bytes, max(total, state.bytes))
            return true
        }
        let spent = began.duration(to: .now).milliseconds
        try note { job in
            job.step = .verification
            job.bytes.add(done.bytes, in: spent)
        }
    }

    /// Reads everything back. Finished is only what was seen to be whole and under the new epoch.
    private func verify(_ report: @escaping Report) throws -> ReencryptionJob? {
        report(.verification, 0, 1)
        let pages = try vault.database.verify()
        let documents = try vault.verifyDocuments()
        guard pages.isIntact else {
            throw Failure(
                .integrityFailure,
                "\(pages.damagedPages.count + pages.damagedFrames.count) pages of the "
                    + "database do not authenticate after they were encrypted anew",
                hint: "ai-team doctor names them; restore from a backup")
        }
        if let failure = documents.failures.first { throw failure }
        let left = try OldEpochs(vault)
        report(.verification, 1, 1)
        guard left.pages == 0 else { return nil }
        let now = Surroundings.system.now()
        try note { job in
            job.step = nil
            job.verifiedPages = Int64(pages.pageCount)
            job.verifiedBlobs = Int64(documents.blobs)
            job.finishedAt = now
        }
        try vault.write(actor: "sync") { try VaultSync.wantCheckpoint($0, now: now) }
        return try vault.read { try $0.reencryptionJob() }
    }
}

extension Vault {
    /// Frames of the log stay under the epoch of their writer until it is emptied.
    ///
    /// - Throws: `busy` when somebody reads or writes without pause.
    func requireEmptiedLog() throws {
        guard try database.checkpoint(empties: true, milliseconds: 10_000) == .complete else {
            throw Failure(
                .busy, "the database's log can't be emptied while another process reads from it",
                hint: "try again when it rests")
        }
    }
}

extension ReencryptionJob {
    /// Whether the next command may start a process for it: after a failure only ten minutes later.
    func isDue(at now: Timestamp) -> Bool {
        guard isPending else { return false }
        guard let failedAt, failedAt <= now else { return true }
        return failedAt.advanced(byMilliseconds: 600_000) <= now
    }
}

/// What is still under epochs before the current one.
struct OldEpochs {
    /// How many pages and blobs there are under each epoch.
    let pagesByEpoch: [(epoch: UInt32, count: Int64)]
    let blobs: [BlobEpoch]
    let current: UInt32

    init(_ vault: Vault) throws {
        let counted = try vault.database.pageEpochs().sorted { $0.key < $1.key }
        pagesByEpoch = counted.map { ($0.key, Int64($0.value)) }
        blobs = try vault.read { try $0.blobEpochs() }
        current = vault.database.currentEpoch
    }

    /// Pages, and blobs with their bytes.
    var pages: Int64 { pagesByEpoch.reduce(0) { $0 + ($1.epoch == current ? 0 : $1.count) } }
    var objects: Int { blobs.reduce(0) { $0 + ($1.epoch < current ? $1.count : 0) } }
    var bytes: Int64 { blobs.reduce(0) { $0 + ($1.epoch < current ? $1.bytes : 0) } }
}

extension ReencryptionJob {
    /// About how long the rest takes; nil before anything was measured.
    func remainingMilliseconds(_ left: OldEpochs) -> Int64? {
        guard isPending else { return nil }
        let pages = left.pages > 0 ? self.pages.milliseconds(for: left.pages) : 0
        let bytes = left.bytes > 0 ? self.bytes.milliseconds(for: left.bytes) : 0
        guard let pages, let bytes else { return nil }
        return pages + bytes
    }
}

extension ReencryptionJob.Speed {
    /// What was too little to be measured says nothing.
    fileprivate mutating func add(_ done: Int64, in spent: Int64) {
        guard done > 0 else { return }
        count += done
        milliseconds += max(spent, 1)
    }
}

extension Duration {
    /// Whole milliseconds.
    fileprivate var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
