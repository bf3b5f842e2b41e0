import Backup
import Cryptography
import EncryptedSQLite
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// A home with a vault, a machine that only writes backups, and the spool between the two.
final class WriterScene {
    let living: LivingHome
    /// The vault's keys, with the machine among the members.
    private(set) var keys: UnlockedKeys
    let uploader: Home
    let identity: WriterIdentity

    init() throws {
        living = try LivingHome()
        uploader = Home(path: living.scratch.path + "/uploader")
        try uploader.makeLayout()
        identity = try WriterIdentity.create(
            in: uploader.keysDirectory, name: "uploader", secret: LivingHome.secret(8), time: 1)
        keys = try KeyRing.addMember(
            identity.publicKey.keys, as: .backup, name: "uploader", in: living.home.keysDirectory,
            keys: living.keys, time: 2)
    }

    var spool: String { path("spool") }
    var backups: VaultBackups { VaultBackups(home: living.home, keys: keys) }
    var writer: WriterBackups { WriterBackups(home: uploader, identity: identity) }

    func path(_ name: String) -> String { living.scratch.path + "/" + name }

    /// Changes the roster of the vault.
    func change(_ edit: (UnlockedKeys) throws -> UnlockedKeys) throws { keys = try edit(keys) }

    func use<R>(_ body: (Vault) throws -> R) throws -> R {
        let vault = try Vault.open(home: living.home, keys: keys)
        let result = try body(vault)
        try vault.close()
        return result
    }

    /// Adds tasks and a document.
    func fill(tasks: Int = 30, document: String = "a.bin", seed: UInt64 = 7, count: Int = 90_000) throws {
        put(madeBytes(seed: seed, count: count), path(document))
        try use { vault in
            try living.addTasks(tasks, to: vault)
            try living.upload(document, to: vault)
        }
    }

    @discardableResult
    func offer(time: UInt64 = 1_700_000_000_000) throws -> VaultBackups.OfferReport {
        try use { try backups.offer($0, in: spool, time: time) }
    }

    @discardableResult
    func upload(
        time: UInt64 = 1_700_000_001_000, outside: [String] = [], acceptsRollback: Bool = false
    ) throws -> VaultBackups.Summary {
        var options = VaultBackups.CreateOptions()
        options.paths = outside.map { Array($0.utf8) }
        options.acceptsRollback = acceptsRollback
        return try writer.create(
            from: spool, options, time: time, isRightVault: { $0 == keys.vaultID }
        ).backup
    }

    /// Brings a store's objects to the key holder's home.
    func deliver(_ store: String? = nil) {
        _ = run("/bin/cp", "-r", (store ?? uploader.backupsDirectory) + "/.", living.home.backupsDirectory)
    }

    /// What the vault holds.
    func contents() throws -> [String] { try LivingHome.contents(of: living.home, keys: keys) }

    /// Restores a backup elsewhere and says what is in it.
    func restored(
        _ id: String, as name: String = "restored", acceptsUnanchored: Bool = false
    ) throws -> [String] {
        var backups = backups
        backups.acceptsUnanchored = acceptsUnanchored
        var options = VaultBackups.RestoreOptions()
        options.target = Home(path: path(name))
        let report = try backups.restore(id, options, time: 1_800_000_000_000)
        #expect(report.failures.isEmpty)
        let home = Home(path: path(name))
        return try LivingHome.contents(
            of: home, keys: KeyRing.open(in: home.keysDirectory, with: LivingHome.secret()))
    }

    /// Keys of the uploader as it would use them for what a spool offers.
    func blindKeys(_ state: OfferedState) -> BlindKeys {
        BlindKeys(identity, roster: state.roster, keysDirectory: uploader.keysDirectory)
    }

    /// What an uploader that sticks to no rule makes: `pages` with any statement, in a store of its own.
    ///
    /// - Parameters:
    ///   - claimsRoot: whether the manifest says that the pages have the statement's root.
    ///   - changeSequence: what it says of the change log; what the statement says by default.
    /// - Returns: the store, and the backup's id.
    func forge(
        _ pages: some PageSource, files state: OfferedState, _ statement: FreshnessStatement,
        claimsRoot: Bool = false, changeSequence: UInt64? = nil
    ) throws -> (store: String, id: String) {
        let store = BackupStore(path("forged-\(UInt64.random(in: .min ... .max))"))
        let keys = blindKeys(state)
        var lie = statement
        lie.root = try Self.root(pages)
        var input = BackupRun<BlindKeys>.Input()
        input.relay = Manifest.Relay(statement: lie, secret: try keys.outsideSecret())
        let run = BackupRun(store: store, keys: keys, root: Self.root)
        let made = try run.make(input, running: state.roster, time: 1_750_000_000_000) { use in
            var content = BackupRun<BlindKeys>.Content()
            content.changeSequence = changeSequence ?? statement.changeSequence
            content.files = try state.files()
            try use(pages, content)
        }
        var body = try made.manifest.body(keys: keys, object: "m")
        if claimsRoot { body.database.root = statement.root }
        try Files.removeTree(store.directory + "/m")
        let relay = Manifest.Relay(statement: statement, secret: try keys.outsideSecret())
        let manifest = try Manifest(
            id: made.manifest.clear.id, body: body, packs: made.manifest.clear.packs, previous: nil,
            created: 1_750_000_000_000, relay: relay, keys: keys)
        try store.prepare()
        try store.add(manifest)
        return (store.directory, BackupIndex.idText(manifest.clear.id))
    }

    static func root(_ databaseID: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8] {
        var hasher = PageRootHasher(databaseID: databaseID, counter: counter)
        for page in pages { page.version.encoded.withUnsafeBytes { hasher.add($0) } }
        return hasher.finalize()
    }

    private static func root(_ source: some PageSource) throws -> [UInt8] {
        var pages: [PageEntry] = []
        try source.versions { pages.append(PageEntry(group: 0, version: $1)) }
        return root(source.databaseID, source.counter, pages)
    }
}

/// Pages of which some are taken from another state of the same database.
struct MixedPages<New: PageSource, Old: PageSource>: PageSource {
    let new: New
    let old: Old
    let takesOld: (UInt32) -> Bool

    var databaseID: [UInt8] { new.databaseID }
    var pageCount: UInt32 { new.pageCount }
    var counter: UInt64 { new.counter }
    var isSealed: Bool { true }

    func page(_ number: UInt32) throws -> PlainPage? {
        try takesOld(number) && number <= old.pageCount ? old.page(number) : new.page(number)
    }

    func versions(_ body: (UInt32, PageVersion) throws -> Void) throws {
        for number in 1...pageCount { try body(number, page(number)?.version ?? .none) }
    }
}
