import ArgumentParser
import KeyRing
import Vault

/// What becomes of the data that is there when the vault gets new keys.
enum ReencryptionTime: String, ExpressibleByArgument, CaseIterable { case now, background, never }

extension Context {
    /// Notes that what is here is to be under `epoch`, whoever goes on with that. The keys are new whatever
    /// comes of this.
    func noteReencryption(_ epoch: UInt32) {
        do {
            try Reencryption(vault: unguardedVault(), home: existingHome()).begin(epoch)
        } catch {
            console.warn(
                "what is there stays under the old keys, since the vault can't be opened: "
                    + "\(Failure(describing: error)?.message ?? "\(error)")")
        }
    }

    /// Encrypts anew what is noted, and reads it back.
    ///
    /// - Returns: the job as it ended.
    /// - Throws: `busy` when another process is at it.
    func finishReencryption() throws -> ReencryptionJob {
        let bar = ReencryptionBar(console)
        defer { bar.finish() }
        let vault = try vault()
        let work = Reencryption(vault: vault, home: try existingHome())
        let job = try work.run(report: bar.show)
        guard let job = try job ?? vault.read({ try $0.reencryptionJob() }), !job.isPending else {
            throw Failure(
                .busy, "another process encrypts the data under the new keys already",
                hint: "ai-team key status shows how far it is")
        }
        return job
    }
}
