import ArgumentParser
import Backup
import ObjectStorage
import Vault

/// `backup cloud …`.
struct CloudGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cloud", abstract: "Ship backups to a bucket, look at them there, bring them back.",
        discussion: """
            Where the bucket is stands in config/cloud.yaml; a key comes from AI_TEAM_S3_ACCESS_KEY_ID and \
            AI_TEAM_S3_SECRET_ACCESS_KEY, from a file of mode 0600, or from `backup cloud login`. Everything \
            that leaves is encrypted and signed.

            EXAMPLES:
              ai-team config cloud.endpoint https://ACCOUNT.r2.cloudflarestorage.com
              ai-team config cloud.bucket my-vault
              ai-team backup cloud login --access-key-id ID
              ai-team backup cloud init
              ai-team backup cloud
              ai-team backup cloud verify --subset 1/10
            """,
        subcommands: [
            CloudShip.self, CloudInit.self, CloudLogin.self, CloudList.self, CloudPull.self, CloudVerify.self,
            CloudPrune.self,
        ], defaultSubcommand: CloudShip.self)
}

/// `--remote URL`.
struct RemoteOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Another remote than the configured one: file:///path or s3://bucket/prefix.", valueName: "url"))
    var remote: String?
}

extension Context {
    /// The home's backups at the remote.
    ///
    /// - Parameter tune: changes how the store is reached.
    func cloud(
        _ option: RemoteOption, tune: (inout StoreSettings) -> Void = { _ in }
    ) throws -> CloudBackups {
        let home = try existingHome()
        let configuration = try CloudConfiguration(home: home, variable: Secrets.storageVariable)
        let url = try configuration.url(option.remote)
        // Opening the vault asks whether what the files say was confirmed; what the user says needs no word.
        let vault = try configuration.usesFiles(option.remote) ? self.vault() : unguardedVault()
        let stored = try vault.read { try CloudConfiguration.login($0) }
        var settings = try configuration.settings(url, stored: stored)
        tune(&settings)
        let remote = try Stores.open(url, settings)
        let keys = try unlock()
        let id = CloudBackups(home: home, keys: keys, remote: remote, record: nil).remoteID
        let record = try vault.read { try CloudConfiguration.probe(id, $0) }
        return CloudBackups(home: home, keys: keys, remote: remote, record: record)
    }

    /// The same, and what the remote honours is known: it is tried when that was long ago.
    func probedCloud(
        _ option: RemoteOption, tune: (inout StoreSettings) -> Void = { _ in }
    ) throws -> CloudBackups {
        var cloud = try cloud(option, tune: tune)
        if cloud.needsProbe { _ = try probe(&cloud) }
        return cloud
    }

    /// Tries what the remote honours and keeps the signed answer.
    func probe(_ cloud: inout CloudBackups) throws -> RemoteProbe {
        let (probe, record) = try cloud.initialise()
        let id = cloud.remoteID
        try unguardedVault().write { try CloudConfiguration.setProbe(record, id, $0) }
        return probe
    }
}
