import Backup
import KeyRing
import ObjectStorage
import Vault

/// Homes that `init --backup-only` made: keys that sign, and nothing that opens a vault.
extension Context {
    /// Whether the home is one of those.
    func isWriterHome() throws -> Bool {
        try WriterIdentity.exists(in: location().home.keysDirectory)
    }

    /// The backups of such a home, with its keys by whichever secret is at hand.
    /// - Throws: `locked` when there is none.
    func writer() throws -> WriterBackups {
        let home = try location().home
        return WriterBackups(
            home: home, identity: try WriterIdentity.open(in: home.keysDirectory, with: writerSecret(home)))
    }

    private func writerSecret(_ home: Home) throws -> SlotSecret {
        if let secret = try SecretSource.option(options) { return secret }
        let keyFile = try HomeConfiguration(of: home).keyFile
        return try SecretSource.surroundings(keyFile, home: home) ?? SecretSource.terminal()
    }

    /// Its remote, and what it honours is known: it is tried when that was long ago.
    func writerCloud(_ option: RemoteOption, probing: Bool = true) throws -> WriterCloud {
        let writer = try writer()
        let configuration = try CloudConfiguration(home: location().home, variable: Secrets.storageVariable)
        let url = try configuration.url(option.remote)
        let remote = try Stores.open(url, configuration.settings(url, stored: nil))
        var cloud = try WriterCloud(writer, remote: remote)
        if probing, cloud.needsProbe { try cloud.initialise() }
        return cloud
    }

    /// What every command says that needs a vault.
    static let onlyWrites = Failure(
        .conflict, "this home only writes backups: it has no vault, and no keys to read one",
        hint: "it does: backup create --from DIR, backup list, backup cloud; else name another home")
}
