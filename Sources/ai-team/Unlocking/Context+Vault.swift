import KeyRing
import Vault

extension Context {
    /// The open vault; the first call opens it.
    /// - Throws: `guard` when a setting that matters was edited from outside and not confirmed.
    func vault() throws -> Vault {
        let vault = try unguardedVault()
        if !cache.isGuarded {
            let configuration = try configuration()
            try vault.read { try configuration.checkGuards($0) }
            cache.isGuarded = true
        }
        return vault
    }

    /// The open vault, for the commands that look at settings or confirm them.
    func unguardedVault() throws -> Vault {
        if let vault = cache.vault { return vault }
        let home = try existingHome()
        let keys = try unlock()
        let vault = try Vault.open(home: home, keys: keys)
        cache.vault = vault
        return vault
    }

    /// Tidies the vault up when a day has passed and this command has written. What goes wrong there is not
    /// the command's failure.
    func maintain() {
        do {
            guard let report = try cache.vault?.maintain() else { return }
            try rotateByAge()
            console.detail(
                "tidied up: \(report.records) records of the trash, \(report.logLines) log lines, "
                    + "\(report.blobs.files) files")
        } catch {
            console.detail("tidying up: \(Failure(describing: error)?.message ?? "\(error)")")
        }
    }

    /// Closes what was opened. The last process that closes a vault empties its log.
    func close() throws {
        defer { cache = Cache() }
        try cache.vault?.close()
    }
}
