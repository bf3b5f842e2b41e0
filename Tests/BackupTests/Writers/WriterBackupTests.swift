import Backup
import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import TestSupport
import Testing
import Vault

/// Backups by a machine that has no keys: what it makes comes back whole, and it reads nothing of it.
@Suite struct WriterBackupTests {
    private let scene: WriterScene

    init() throws { scene = try WriterScene() }

    @Test func whatWasOfferedComesBack() throws {
        try scene.fill()
        let offered = try scene.offer()
        let outside = scene.living.scratch.directory("outside")
        put(madeBytes(seed: 3, count: 200_000), outside + "/big")
        put(Array("small".utf8), outside + "/small")
        let made = try scene.upload(outside: [outside])
        #expect(made.statement == .some(try #require(made.statement)) && !made.isUnanchored)
        #expect(made.statement?.device == scene.keys.device.description)
        #expect(made.statement?.time == offered.time && made.device == scene.identity.device.description)
        scene.deliver()
        let listed = try scene.backups.list()
        #expect(listed.problems.isEmpty && listed.backups.map(\.id) == [made.id])
        #expect(listed.backups.first?.statement == made.statement)
        let verified = try scene.backups.verify(data: true)
        #expect(verified.problems.isEmpty && verified.checked == 1, "\(verified.problems)")
        #expect(try scene.restored(made.id) == scene.contents())
        let copy = scene.path("restored/files") + outside
        #expect(contents(copy + "/big") == contents(outside + "/big"))
        #expect(contents(copy + "/small") == contents(outside + "/small"))
    }

    @Test func theNextOneIsIncremental() throws {
        let outside = scene.living.scratch.directory("outside")
        put(madeBytes(seed: 3, count: 3_000_000), outside + "/big")
        try scene.fill(tasks: 2_000, count: 3_000_000)
        let firstOffer = try scene.offer()
        let first = try scene.upload(outside: [outside])
        try scene.fill(tasks: 3, document: "b.bin", seed: 8, count: 50_000)
        put(Array("new".utf8), outside + "/new")
        let secondOffer = try scene.offer()
        // Pages are copied anew; of the documents only what is not there yet.
        #expect(secondOffer.bytes < firstOffer.bytes - 1_000_000)
        let second = try scene.upload(time: 1_700_000_002_000, outside: [outside])
        #expect(second.parent == first.id)
        #expect(second.bytesAdded * 4 < first.bytesAdded, "\(first.bytesAdded) \(second.bytesAdded)")
        // Nothing new at all costs next to nothing.
        let third = try scene.upload(time: 1_700_000_003_000, outside: [outside])
        #expect(third.bytesAdded <= 65_536 * 2)
        scene.deliver()
        let verified = try scene.backups.verify(data: true)
        #expect(verified.problems.isEmpty && verified.checked == 3, "\(verified.problems)")
        #expect(try scene.restored(second.id) == scene.contents())
        #expect(try scene.writer.list().backups.map(\.id) == [first.id, second.id, third.id])
        // Keys are kept of lists and manifests alone.
        let kept = try Files.list(scene.uploader.keysDirectory + "/kept")
        let store = BackupStore(scene.uploader.backupsDirectory)
        let packs = try Set(store.manifestNames().flatMap { try store.manifest($0).clear.packs.map(\.name) })
        #expect(kept.filter { $0.hasPrefix("backup-") }.count == 3)
        #expect(kept.filter { $0.hasPrefix("pack-") }.count < packs.count)
    }

    @Test func aNewRecipientGetsAWholeBackup() throws {
        try scene.fill(count: 500_000)
        try scene.offer()
        let first = try scene.upload()
        let auditor = try AgreementKey.random()
        try scene.change {
            try KeyRing.addBackupRecipient(
                auditor.publicKey, name: "auditor", in: scene.living.home.keysDirectory, keys: $0, time: 3)
        }
        try scene.offer()
        let second = try scene.upload(time: 1_700_000_002_000)
        #expect(second.parent == nil && second.bytesAdded * 10 > first.bytesAdded * 9)
        let third = try scene.upload(time: 1_700_000_003_000)
        #expect(third.parent == second.id)
        scene.deliver()
        #expect(try scene.backups.verify(data: true).problems.isEmpty)
        let store = BackupStore(scene.uploader.backupsDirectory)
        let newest = try store.manifest(try #require(store.manifestNames().last))
        #expect(newest.clear.packs.allSatisfy { $0.wraps.count == 2 } && newest.clear.bodyWraps.count == 2)
    }

    @Test func itShipsToARemoteAndMembersPullFromThere() throws {
        try scene.fill()
        try scene.offer()
        let made = try scene.upload()
        func open() throws -> OpenStore {
            try Stores.open(StoreURL("file://" + scene.path("remote")), StoreSettings())
        }
        var cloud = try WriterCloud(scene.writer, remote: open())
        #expect(cloud.needsProbe)
        try cloud.initialise()
        let shipped = try cloud.ship()
        #expect(shipped.problems.isEmpty && shipped.uploaded >= 3)
        #expect(try WriterCloud(scene.writer, remote: open()).needsProbe == false)
        #expect(try cloud.ship().uploaded == 0)
        let members = CloudBackups(
            home: scene.living.home, keys: scene.keys, remote: try open(), record: nil)
        let listed = try members.list()
        #expect(listed.problems.isEmpty && listed.backups.first?.summary.statement == made.statement)
        #expect(try members.verify(nil, .data).problems.isEmpty)
        #expect(try members.pull().problems.isEmpty)
        #expect(try scene.restored(made.id) == scene.contents())
    }

    @Test func aBareMachineRecoversFromNothingElse() throws {
        try scene.fill()
        let wanted = try scene.contents()
        try scene.offer()
        let made = try scene.upload()
        let target = Home(path: scene.path("recovered"))
        var finding: RecoveryFinding?
        let report = try VaultRecovery(directory: scene.uploader.backupsDirectory, into: target).run(
            with: .code(scene.living.code), time: 3
        ) { found in
            finding = found
            return VaultRecovery.Decision(
                writer: try found.writer(nil), confirmsMembers: true, secret: try LivingHome.secret(9),
                name: "new")
        }
        #expect(report.backup.id == made.id && report.finding.problems.isEmpty)
        let writer = try #require(finding?.writers.first)
        #expect(writer.device == scene.identity.device.description && writer.name == "uploader")
        #expect(writer.statement == made.statement)
        let keys = try KeyRing.open(in: target.keysDirectory, with: LivingHome.secret(9))
        #expect(try LivingHome.contents(of: target, keys: keys) == wanted)
    }

    /// Every byte that the machine holds, opened with every key that it has, shows nothing of the vault.
    @Test func itReadsNothing() throws {
        let canary = "KANARIENVOGEL-4711"
        put(Array(repeating: Array(canary.utf8), count: 5_000).flatMap(\.self), scene.path("\(canary).md"))
        let outside = scene.living.scratch.directory("outside-\(canary)")
        put(Array("its own file".utf8), outside + "/file")
        try scene.use { vault in
            try vault.write { _ = try $0.createTask(TaskDraft(title: canary)) }
            try scene.living.upload("\(canary).md", to: vault)
        }
        try scene.offer()
        try scene.upload()
        var seen: [[UInt8]] = []
        for directory in [scene.uploader.path, scene.spool] {
            for path in run("/usr/bin/find", directory, "-type", "f").output.split(separator: "\n") {
                seen.append(Array(path.utf8))
                seen.append(try #require(contents(String(path))))
            }
        }
        #expect(seen.count > 10)
        let keys = scene.blindKeys(try OfferedState(in: scene.spool))
        seen += try opened(keys)
        func finds(_ text: String) -> Bool {
            let wanted = Array(text.utf8)
            return seen.contains { bytes in
                bytes.indices.contains { bytes[$0...].starts(with: wanted) }
            }
        }
        #expect(!finds(canary))
        // The twin: what it backs up of its own is found by the same search.
        _ = try scene.upload(time: 1_700_000_002_000, outside: [outside])
        seen = try opened(keys)
        #expect(finds("outside-\(canary)/file"))
        #expect(!finds("its own file"))
    }

    /// Manifests and lists, opened with the keys that were kept; nothing else opens.
    private func opened(_ keys: BlindKeys) throws -> [[UInt8]] {
        let store = BackupStore(scene.uploader.backupsDirectory)
        var plain: [[UInt8]] = []
        var closed = 0
        for name in try store.manifestNames() {
            let manifest = try store.manifest(name)
            let body = try manifest.body(keys: keys, object: "m")
            plain.append(body.bytes)
            let set = PackSet(manifest.clear.packs, from: store, keys: keys)
            let lists = body.database.full + body.database.deltas + body.documents + body.files
            for segment in lists { plain.append(try segment.plain("list", set.read)) }
            for pack in manifest.clear.packs {
                do {
                    let reader = try PackReader(pack, keys: keys, fetch: store.open(pack))
                    let members = try reader.members()
                    #expect(members.allSatisfy { !$0.name.hasPrefix("pages/") })
                    for member in members {
                        plain.append(try reader.read(offset: member.offset, length: UInt32(member.length)))
                    }
                } catch let error as BackupError {
                    #expect(error.code == .locked)
                    closed += 1
                }
            }
        }
        #expect(closed > 0)
        return plain
    }

    @Test func onlyAnEnrolledMachineOfTheRightVaultWrites() throws {
        try scene.fill()
        try scene.offer()
        func refused(_ code: BackupError.Code, _ body: () throws -> Void) {
            let error = #expect(throws: BackupError.self) { try body() }
            #expect(error?.code == code, "\(error as Any)")
        }
        // Nobody said that this is the vault.
        refused(.guardRefused) {
            _ = try scene.writer.create(from: scene.spool, time: 1, isRightVault: { _ in false })
        }
        let other = Home(path: scene.path("other"))
        try other.makeLayout()
        let stranger = try WriterIdentity.create(
            in: other.keysDirectory, name: "stranger", secret: LivingHome.secret(8), time: 1)
        refused(.guardRefused) {
            _ = try WriterBackups(home: other, identity: stranger).create(
                from: scene.spool, time: 1, isRightVault: { _ in true })
        }
        try scene.upload()
        // From now on it is this vault and no other.
        let foreign = try WriterScene()
        try foreign.change {
            try KeyRing.addMember(
                scene.identity.publicKey.keys, as: .backup, name: "x",
                in: foreign.living.home.keysDirectory, keys: $0, time: 3)
        }
        try foreign.fill()
        try foreign.offer()
        refused(.integrity) {
            _ = try scene.writer.create(from: foreign.spool, time: 1, isRightVault: { _ in true })
        }
        refused(.notFound) {
            _ = try scene.writer.create(from: scene.path("nowhere"), time: 1, isRightVault: { _ in true })
        }
    }

    @Test func whatItWroteUntilItsRemovalCounts() throws {
        try scene.fill()
        try scene.offer()
        let first = try scene.upload()
        scene.deliver()
        #expect(try scene.backups.list().backups.count == 1)
        let pins = try scene.backups.pins(of: scene.identity.device)
        #expect(pins.count == 1 && pins.first?.sequence == 1)
        try scene.change {
            try KeyRing.removeMember(
                scene.identity.device, pins: pins, in: scene.living.home.keysDirectory, keys: $0, time: 4)
        }
        #expect(try scene.backups.list().problems.isEmpty)
        #expect(try scene.restored(first.id) == scene.contents())
        // It goes on with what it had, as if it had not heard.
        try scene.upload(time: 1_700_000_005_000)
        scene.deliver()
        let listed = try scene.backups.list()
        #expect(listed.backups.map(\.id) == [first.id])
        #expect(listed.problems.contains { $0.reason.contains("after it was removed") })
        // And hears of it with the next offer.
        try scene.offer()
        let error = #expect(throws: BackupError.self) { try scene.upload(time: 1_700_000_006_000) }
        #expect(error?.code == .guardRefused)
    }
}
