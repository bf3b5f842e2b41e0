import Backup
import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// What a machine that only writes backups, or who holds its spool, may try. Each attack has its twin.
@Suite struct WriterAttackTests {
    private let scene: WriterScene
    /// The spool as it was before the newest offer.
    private let old: String

    init() throws {
        scene = try WriterScene()
        try scene.fill(tasks: 300)
        try scene.offer()
        old = scene.path("old-spool")
        _ = run("/bin/cp", "-r", scene.spool, old)
        try scene.fill(tasks: 20, document: "b.bin", seed: 9)
        try scene.offer(time: 1_700_000_000_500)
    }

    private func expectRefused(
        _ id: String, _ reason: String, at place: SourceLocation = #_sourceLocation
    ) throws {
        let listed = try scene.backups.list()
        #expect(
            listed.problems.contains { $0.reason.contains(reason) && $0.code == .integrity },
            "\(listed.problems)", sourceLocation: place)
        #expect(!listed.backups.contains { $0.id == id }, sourceLocation: place)
        #expect(try !scene.backups.verify().problems.isEmpty, sourceLocation: place)
        let error = #expect(throws: BackupError.self, sourceLocation: place) {
            try scene.restored(id, as: "refused")
        }
        #expect([.integrity, .notFound].contains(error?.code), "\(error as Any)", sourceLocation: place)
        #expect(try !Files.exists(scene.path("refused")), sourceLocation: place)
        let target = Home(path: scene.path("bare"))
        #expect(throws: BackupError.self, sourceLocation: place) {
            try VaultRecovery(directory: scene.living.home.backupsDirectory, into: target).run(
                with: .code(scene.living.code), time: 3
            ) { found in
                VaultRecovery.Decision(
                    writer: try found.writer(nil), confirmsMembers: true, secret: try LivingHome.secret(9),
                    name: "new")
            }
        }
    }

    private func expectAccepted(_ id: String, at place: SourceLocation = #_sourceLocation) throws {
        let verified = try scene.backups.verify(data: true)
        #expect(verified.problems.isEmpty, "\(verified.problems)", sourceLocation: place)
        #expect(try scene.restored(id) == scene.contents(), sourceLocation: place)
    }

    /// A35, and its twin: the same forger with the pages as they were offered.
    @Test(arguments: [true, false]) func oldPagesAmongNewOnes(_ attacks: Bool) throws {
        let (new, old) = (try OfferedState(in: scene.spool), try OfferedState(in: old))
        // Of the pages that differ, every second one is the old one.
        var differing: [UInt32: PageVersion] = [:]
        try old.pages().versions { differing[$0] = $1 }
        try new.pages().versions { if differing[$0] == $1 { differing[$0] = nil } }
        let swapped = Set(differing.keys.sorted().enumerated().filter { $0.offset % 2 == 0 }.map(\.element))
        #expect(!swapped.isEmpty)
        let mixed = try MixedPages(new: new.pages(), old: old.pages()) { attacks && swapped.contains($0) }
        let (store, id) = try scene.forge(mixed, files: new, new.offer.statement)
        scene.deliver(store)
        guard attacks else { return try expectAccepted(id) }
        try expectRefused(id, "not those that \(scene.keys.device) vouched for")
    }

    @Test func oldPagesUnderTheClaimOfTheRightRoot() throws {
        let (new, old) = (try OfferedState(in: scene.spool), try OfferedState(in: old))
        let mixed = try MixedPages(new: new.pages(), old: old.pages()) { $0 > 1 && $0 % 2 == 0 }
        let (store, id) = try scene.forge(mixed, files: new, new.offer.statement, claimsRoot: true)
        scene.deliver(store)
        let verified = try scene.backups.verify(data: true)
        #expect(verified.problems.contains { $0.reason.contains("root") }, "\(verified.problems)")
        let error = #expect(throws: BackupError.self) { try scene.restored(id) }
        #expect(error?.code == .integrity)
    }

    /// The whole old state under the statement of the new one, and the other way round.
    @Test func aStatementOfAnotherState() throws {
        let (new, old) = (try OfferedState(in: scene.spool), try OfferedState(in: old))
        let (store, id) = try scene.forge(
            old.pages(), files: old, new.offer.statement,
            changeSequence: old.offer.statement.changeSequence)
        scene.deliver(store)
        try expectRefused(id, "vouched for")
        // Who insists gets the old state.
        let wanted = try scene.contents()
        let found = try scene.restored(id, acceptsUnanchored: true)
        #expect(found.count < wanted.count && Set(found).isSubset(of: wanted))
        try Files.removeTree(scene.living.home.backupsDirectory + "/m")
        try Files.removeTree(scene.living.home.keysDirectory + "/backup-heads")
        let (other, otherID) = try scene.forge(new.pages(), files: new, old.offer.statement)
        scene.deliver(other)
        try expectRefused(otherID, "vouched for")
    }

    /// Statements that somebody signed who may not, or that were changed.
    @Test(arguments: ["changed", "backup role", "removed", "unknown", "another roster"])
    func aStatementThatDoesNotCount(_ attack: String) throws {
        let member = try HandMadeIdentity()
        let keys = PublicKeys(signing: member.signing.publicKey, agreement: member.agreement.publicKey)
        try scene.change {
            try KeyRing.addMember(
                keys, as: .writer, name: "second", in: scene.living.home.keysDirectory, keys: $0, time: 3)
        }
        try scene.offer(time: 1_700_000_000_600)
        let state = try OfferedState(in: scene.spool)
        var statement = state.offer.statement
        func sign(as id: [UInt8], _ sign: ([UInt8]) throws -> [UInt8]) throws {
            statement.deviceID = id
            statement.signature = try sign(statement.signedBytes)
        }
        let domain = "ai-team/freshness/v1"
        var reason = "nobody vouches for how fresh it is"
        switch attack {
        case "changed":
            statement.time += 1
            reason = "signature"
        case "backup role":
            try sign(as: scene.identity.device.bytes) { try scene.identity.sign($0, domain: domain) }
            reason = "role (backup) vouches for nothing"
        case "removed":
            try sign(as: member.id) { try member.signing.sign($0, domain: domain) }
            reason = "removed"
        case "unknown":
            let stranger = try HandMadeIdentity()
            try sign(as: stranger.id) { try stranger.signing.sign($0, domain: domain) }
            reason = "unknown device"
        default:
            statement.rosterSequence -= 1
            try sign(as: scene.keys.device.bytes) { try scene.keys.sign($0, domain: domain) }
            reason = "another roster"
        }
        let (store, id) = try scene.forge(state.pages(), files: state, statement)
        scene.deliver(store)
        if attack == "removed" {
            // The twin: until it is removed, the second member's word counts.
            #expect(try scene.backups.verify(data: true).problems.isEmpty)
            #expect(try scene.backups.list().backups.first?.statement?.device == keys.id.description)
            try scene.change {
                try KeyRing.removeMember(
                    keys.id, pins: [], in: scene.living.home.keysDirectory, keys: $0, time: 5)
            }
        }
        let listed = try scene.backups.list()
        #expect(listed.problems.contains { $0.reason.contains(reason) }, "\(listed.problems)")
        #expect(listed.backups.isEmpty)
        let error = #expect(throws: BackupError.self) { try scene.restored(id, as: "refused") }
        #expect(error?.code == .notFound || error?.code == .integrity)
        #expect(try scene.restored(id, acceptsUnanchored: true) == scene.contents())
    }

    /// When the device that offered is removed, its statements end; the chain of the uploader goes on.
    @Test func theChainOutlivesWhoVouched() throws {
        let member = try HandMadeIdentity()
        let keys = PublicKeys(signing: member.signing.publicKey, agreement: member.agreement.publicKey)
        try scene.change {
            try KeyRing.addMember(
                keys, as: .writer, name: "second", in: scene.living.home.keysDirectory, keys: $0, time: 3)
        }
        try scene.offer(time: 1_700_000_000_600)
        let state = try OfferedState(in: scene.spool)
        var statement = state.offer.statement
        statement.deviceID = member.id
        statement.signature = try member.signing.sign(
            statement.signedBytes, domain: "ai-team/freshness/v1")
        let (store, first) = try scene.forge(state.pages(), files: state, statement)
        _ = run("/bin/cp", "-r", store + "/.", scene.uploader.backupsDirectory)
        try scene.upload(time: 1_760_000_000_000)
        scene.deliver()
        #expect(try scene.backups.list().backups.count == 2)
        try scene.change {
            try KeyRing.removeMember(
                keys.id, pins: [], in: scene.living.home.keysDirectory, keys: $0, time: 5)
        }
        try scene.offer(time: 1_700_000_000_700)
        let last = try scene.upload(time: 1_760_000_004_000)
        scene.deliver()
        var backups = scene.backups
        let listed = try backups.list()
        #expect(listed.backups.count == 2 && listed.backups.last?.id == last.id)
        #expect(listed.problems.map(\.code) == [.integrity], "\(listed.problems)")
        #expect(try scene.restored(last.id) == scene.contents())
        // A rule may have what nobody vouches for when it is told so.
        var policy = RetentionPolicy()
        policy.last = 1
        var options = VaultBackups.PruneOptions(policy)
        options.allowsMassDeletion = true
        #expect(try backups.planPrune(options, time: 1_760_000_005_000).rows.count == 2)
        backups.acceptsUnanchored = true
        let plan = try backups.planPrune(options, time: 1_760_000_005_000)
        #expect(plan.rows.count == 3 && plan.removed.contains { $0.id == first })
        _ = try backups.prune(plan, options, time: 1_760_000_005_000)
        backups.acceptsUnanchored = false
        #expect(try backups.list().problems.isEmpty)
        #expect(try backups.verify(data: true).problems.isEmpty)
    }

    /// Links in a spool lead nowhere.
    @Test func aLinkInASpoolIsNotFollowed() throws {
        let file = try #require(OfferedState(in: scene.spool).offer.files.first)
        let folder = try #require(Path.parent(scene.spool + "/" + file.path))
        let elsewhere = scene.path("elsewhere")
        try Durable.rename(folder, to: elsewhere)
        #expect(run("/bin/ln", "-s", elsewhere, folder).status == 0)
        let error = #expect(throws: BackupError.self) { try scene.upload() }
        #expect(error?.code == .integrity)
        try Durable.remove(folder)
        try Durable.rename(elsewhere, to: folder)
        try scene.upload()
    }

    /// An uploader that signs a backup of the ordinary kind, as if it had keys.
    @Test func aBackupWithoutAStatement() throws {
        let state = try OfferedState(in: scene.spool)
        let keys = scene.blindKeys(state)
        let store = BackupStore(scene.path("plain-store"))
        var random = Seeded(4)
        try store.add(
            Manifest(
                id: random.bytes(16), body: sampleBody(&random), packs: [], previous: nil, created: 1,
                keys: keys))
        scene.deliver(store.directory)
        let listed = try scene.backups.list()
        #expect(listed.problems.contains { $0.reason.contains("role (backup) makes no backups") })
        #expect(listed.backups.isEmpty)
    }

    // MARK: - What the spool is changed to

    @Test func anOlderSpoolIsRefused() throws {
        try scene.upload()
        try Files.removeTree(scene.spool)
        _ = run("/bin/cp", "-r", old, scene.spool)
        let error = #expect(throws: BackupError.self) { try scene.upload(time: 1_700_000_002_000) }
        #expect(error?.code == .rollback && error?.message.contains("state") == true)
        // Who insists makes one that members take only if they insist, too.
        let wanted = try scene.contents()
        let forced = try scene.upload(time: 1_700_000_003_000, acceptsRollback: true)
        #expect(forced.isUnanchored)
        scene.deliver()
        let listed = try scene.backups.list()
        #expect(listed.backups.count == 1)
        #expect(listed.problems.contains { $0.reason.contains("older than the one that was backed up") })
        #expect(throws: BackupError.self) { try scene.restored(forced.id) }
        let found = try scene.restored(forced.id, acceptsUnanchored: true)
        #expect(found.count < wanted.count && Set(found).isSubset(of: wanted))
        // The twins: the next offer goes on as if nothing had been; who saw nothing newer takes any.
        try scene.offer(time: 1_700_000_000_900)
        let next = try scene.upload(time: 1_700_000_004_000)
        scene.deliver()
        #expect(try scene.restored(next.id, as: "next") == wanted)
        let fresh = try WriterScene()
        try fresh.fill()
        try fresh.offer()
        try fresh.upload()
    }

    @Test func anOlderRosterIsRefused() throws {
        try scene.upload()
        try scene.change {
            try KeyRing.addBackupRecipient(
                AgreementKey.random().publicKey, name: "x", in: scene.living.home.keysDirectory, keys: $0,
                time: 3)
        }
        _ = run("/bin/cp", "-r", scene.spool, scene.path("before"))
        try scene.offer(time: 1_700_000_000_700)
        try scene.upload(time: 1_700_000_002_000)
        try Files.removeTree(scene.spool)
        _ = run("/bin/cp", "-r", scene.path("before"), scene.spool)
        for accepts in [false, true] {
            let error = #expect(throws: BackupError.self) {
                try scene.upload(time: 1_700_000_003_000, acceptsRollback: accepts)
            }
            #expect(error?.code == .rollback && error?.message.contains("roster") == true)
        }
    }

    /// Pages of the old offer beside the new one's statement.
    @Test func pagesThatDoNotFitTheStatementAreNotUploaded() throws {
        let (new, old) = (try OfferedState(in: scene.spool), try OfferedState(in: old))
        let target = scene.spool + "/" + new.offer.pagesName
        let bytes = try #require(contents(target))
        var changed = try #require(contents(self.old + "/" + old.offer.pagesName))
        changed += bytes.dropFirst(changed.count)
        put(Array(changed.prefix(bytes.count)), target)
        let error = #expect(throws: BackupError.self) { try scene.upload() }
        #expect(error?.code == .integrity && error?.object == "pages")
        #expect(run("/usr/bin/find", scene.uploader.backupsDirectory + "/m", "-type", "f").output.isEmpty)
        put(bytes, target)
        try scene.upload()
    }

    @Test func everyByteOfAnOfferCounts() throws {
        let path = scene.spool + "/offer"
        let bytes = try #require(contents(path))
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        for _ in 0..<120 {
            var changed = bytes
            changed[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 << (random.next() % 8))
            put(changed, path)
            let error = #expect(throws: BackupError.self) { try scene.upload() }
            #expect([.integrity, .newerFormat].contains(error?.code), "\(error as Any)")
        }
        for count in [0, 7, 100, bytes.count - 1] {
            put(Array(bytes.prefix(count)), path)
            #expect(throws: BackupError.self) { try scene.upload() }
        }
        put(bytes, path)
        try scene.upload()
    }

    /// Two documents in each other's place: who can't read them ships them, and no member takes them.
    @Test func aSwappedDocumentIsFoundByMembers() throws {
        for seed in 1...2 {
            // Nothing that compresses, so that two files of one length have blobs of one length.
            var random = SplitMix64(seed: UInt64(seed))
            let bytes = (0..<5_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            put(bytes, scene.path("random-\(seed)"))
            try scene.use { try scene.living.upload("random-\(seed)", to: $0) }
        }
        try scene.offer(time: 1_700_000_000_900)
        let offered = try OfferedState(in: scene.spool).offer.files
        let files = offered.filter { file in offered.filter { $0.length == file.length }.count == 2 }
        try #require(files.count == 2)
        let paths = files.map { scene.spool + "/" + $0.path }
        let (first, second) = (try #require(contents(paths[0])), try #require(contents(paths[1])))
        put(second, paths[0])
        put(first, paths[1])
        let made = try scene.upload()
        scene.deliver()
        let verified = try scene.backups.verify(data: true)
        #expect(verified.problems.contains { $0.object == files[0].path }, "\(verified.problems)")
        let error = #expect(throws: BackupError.self) { try scene.restored(made.id) }
        #expect(error?.code == .integrity && files.map(\.path).contains(error?.object ?? ""))
    }

    @Test func aMissingOrCutDocumentIsNotUploaded() throws {
        let file = try #require(OfferedState(in: scene.spool).offer.files.first)
        let path = scene.spool + "/" + file.path
        let bytes = try #require(contents(path))
        put(Array(bytes.dropLast()), path)
        #expect(throws: BackupError.self) { try scene.upload() }
        try Files.removeTree(path)
        #expect(throws: BackupError.self) { try scene.upload() }
        // The next offer puts it right.
        try scene.offer(time: 1_700_000_000_800)
        let made = try scene.upload()
        scene.deliver()
        try expectAccepted(made.id)
    }

    /// A manifest that lists other files than the statement.
    @Test func aDroppedDocumentIsFoundByMembers() throws {
        let (new, old) = (try OfferedState(in: scene.spool), try OfferedState(in: old))
        let (store, id) = try scene.forge(new.pages(), files: old, new.offer.statement)
        scene.deliver(store)
        let error = #expect(throws: BackupError.self) { try scene.restored(id) }
        #expect(error?.code == .integrity && error?.message.contains("documents") == true)
        #expect(try !scene.backups.verify(data: true).problems.isEmpty)
    }
}
