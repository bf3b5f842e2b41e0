import Backup
import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// A home that backs up, and a directory that is to be made from its backups.
final class RecoveryBucket {
    let living: LivingHome

    init() throws { living = try LivingHome() }

    /// The store that the recovery reads.
    var path: String { living.home.backupsDirectory }
    var target: Home { home("recovered/home") }

    func home(_ name: String) -> Home { Home(path: living.scratch.path + "/" + name) }

    /// Two backups, the second with a document more; returns what is in the vault.
    func fill(outside: String? = nil) throws -> [String] {
        put(Array("手冊".utf8), living.scratch.path + "/a.md")
        put(madeBytes(seed: 7, count: 300_000), living.scratch.path + "/b.bin")
        var options = VaultBackups.CreateOptions()
        options.paths = outside.map { [Array($0.utf8)] } ?? []
        try living.use { vault in
            try living.addTasks(40, to: vault)
            try living.upload("a.md", to: vault)
            _ = try living.backups.create(vault, time: 1_700_000_000_000)
            try living.upload("b.bin", to: vault)
            _ = try living.backups.create(vault, options, time: 1_700_000_001_000)
        }
        return try living.contents()
    }

    /// The bytes of the code, from its 56 letters.
    var codeBytes: [UInt8] {
        Array(Crockford32.decode(living.code.reveal().filter { $0 != "-" })?.prefix(32) ?? [])
    }

    /// The files of the store's packs.
    func packs() throws -> [String] {
        run("/usr/bin/find", path + "/p", "-type", "f").output.split(separator: "\n").map(String.init)
    }

    func recover(
        with code: RecoveryCode? = nil, confirms: Bool = false, writer: String? = nil, chain: String? = nil
    ) throws -> VaultRecovery.Report {
        try VaultRecovery(directory: path, into: target).run(
            with: .code(code ?? living.code), chain: chain, time: 3,
            decide: { try self.decide($0, writer: writer, confirms: confirms) })
    }

    func decide(_ finding: RecoveryFinding) throws -> VaultRecovery.Decision {
        try decide(finding, writer: nil, confirms: false)
    }

    private func decide(
        _ finding: RecoveryFinding, writer: String?, confirms: Bool
    ) throws -> VaultRecovery.Decision {
        VaultRecovery.Decision(
            writer: try finding.writer(writer), confirmsMembers: confirms,
            secret: try LivingHome.secret(9), name: "new")
    }
}

/// A second device of a vault, which signs whatever a test likes.
struct MemberKeys: BackupKeys {
    let identity: HandMadeIdentity
    /// The roster that its manifests claim to know.
    let roster: Roster

    var vaultID: [UInt8] { roster.vaultID.bytes }
    var deviceID: [UInt8] { identity.id }
    var incarnation: UInt32 { 0 }
    var currentEpoch: UInt32 { roster.currentEpoch }
    var rosterRecords: [[UInt8]] { roster.chain }
    var recipients: [(id: [UInt8], key: [UInt8])] { [] }

    func backupPublicKey(epoch: UInt32) throws -> [UInt8] {
        try #require(roster.backupPublicKey(epoch: epoch))
    }

    func openBackupBox(
        _ box: [UInt8], ephemeral: [UInt8], info: [UInt8], epoch: UInt32
    ) throws -> SecretBytes { throw BackupError(.locked, "this device reads nothing") }

    func sign(_ bytes: [UInt8], domain: String) throws -> [UInt8] {
        try identity.signing.sign(bytes, domain: domain)
    }

    var publicKeys: PublicKeys {
        PublicKeys(signing: identity.signing.publicKey, agreement: identity.agreement.publicKey)
    }

    /// Puts a manifest over nothing into a store.
    @discardableResult
    func addManifest(to path: String, after previous: ManifestHead? = nil) throws -> ManifestHead {
        var random = Seeded(UInt64(previous?.sequence ?? 0) + 3)
        let manifest = try Manifest(
            id: random.bytes(16), body: sampleBody(&random), packs: [], previous: previous,
            created: 1_900_000_000_000, keys: self)
        try BackupStore(path).add(manifest)
        return manifest.head
    }
}

extension RecoveryBucket {
    /// Lets a passphrase recover the vault, and makes a backup that says so.
    func turnOnPassphrase(_ text: String) throws {
        let opened = try KeyRing.open(in: living.home.keysDirectory, with: LivingHome.secret())
        let keys = try KeyRing.setPassphraseRecovery(
            .passphrase(SecretBytes(copying: Array(text.utf8))), in: living.home.keysDirectory, keys: opened,
            time: 2)
        let vault = try Vault.open(home: living.home, keys: keys)
        _ = try VaultBackups(home: living.home, keys: keys).create(vault, time: 3)
        try vault.close()
    }
}
