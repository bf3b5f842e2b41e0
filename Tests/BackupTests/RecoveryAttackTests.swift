import Backup
import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// What somebody who holds the bucket, or who was a member once, may try against a bare machine. Each attack
/// is named, and the vault comes back all the same; without the attack nothing is named.
@Suite struct RecoveryAttackTests {
    let bucket: RecoveryBucket
    private let wanted: [String]
    private var living: LivingHome { bucket.living }

    init() throws {
        bucket = try RecoveryBucket()
        wanted = try bucket.fill()
    }

    /// The vault is back, as its own device backed it up.
    private func comesBack(
        naming reason: String?, writer: String? = nil, at place: SourceLocation = #_sourceLocation
    ) throws {
        let report = try bucket.recover(writer: writer)
        let reasons = report.finding.problems.map { "\($0.object): \($0.reason)" }
        if let reason {
            #expect(reasons.contains { $0.contains(reason) }, "\(reasons)", sourceLocation: place)
            #expect(
                report.finding.problems.allSatisfy { [.integrity, .rollback].contains($0.code) },
                sourceLocation: place)
        } else {
            #expect(reasons.isEmpty, "\(reasons)", sourceLocation: place)
        }
        let keys = try KeyRing.open(in: bucket.target.keysDirectory, with: LivingHome.secret(9))
        #expect(
            try LivingHome.contents(of: bucket.target, keys: keys) == wanted, sourceLocation: place)
    }

    private func manifest(_ sequence: Int) -> String {
        let found = run("/usr/bin/find", bucket.path + "/m", "-name", "*\(sequence)", "-type", "f")
        return String(found.output.split(separator: "\n").first ?? "")
    }

    @Test func withoutAnAttackNothingIsNamed() throws { try comesBack(naming: nil) }

    /// A31: a vault built around the recovery public keys that stand in every backup.
    @Test func aGenesisForgedAroundTheRecoveryKeysIsNamed() throws {
        let holder = try RecoveryHolder(code: bucket.codeBytes)
        let forged = try ForgedGenesis(around: holder)
        let forger = try SigningKey(seed: .random(count: 32))
        for (device, genesis) in [
            (7, forged.uncountersigned), (8, try forged.countersigned(for: holder, with: forger)),
        ] {
            var random = Seeded(1)
            let keys = try FakeKeys(vault: 3, device: UInt8(device), roster: [genesis])
            try BackupStore(bucket.path).add(
                Manifest(
                    id: random.bytes(16), body: sampleBody(&random), packs: [], previous: nil, created: 1,
                    keys: keys))
        }
        try comesBack(naming: "built around the recovery keys")
        // Alone, it is refused and not mistaken for a wrong code.
        _ = run("/bin/rm", "-r", (manifest(2) as String).split(separator: "/").dropLast(2)
            .reduce("") { $0 + "/" + $1 })
        let other = bucket.home("other")
        let error = #expect(throws: KeyError.self) {
            try VaultRecovery(directory: bucket.path, into: other).run(
                with: .code(living.code), time: 3, decide: bucket.decide)
        }
        #expect(error?.code == .integrityFailure)
        #expect(try !Files.exists(other.path))
    }

    @Test func anotherVaultsBackupsAreNamed() throws {
        let other = try LivingHome()
        _ = try other.use { try other.backups.create($0, time: 2) }
        _ = run("/bin/cp", "-r", other.home.backupsDirectory + "/.", bucket.path)
        try comesBack(naming: "another vault")
    }

    @Test(arguments: ["cut", "extended", "flipped", "garbage", "older under the newest name", "stranger"])
    func aBrokenManifestIsNamed(_ attack: String) throws {
        let newest = manifest(2)
        let next = newest.dropLast() + "3"
        let bytes = try #require(contents(newest))
        switch attack {
        case "cut": put(Array(bytes.dropLast()), String(next))
        case "extended": put(bytes + [0], String(next))
        case "flipped":
            var bytes = bytes
            bytes[107] ^= 1
            put(bytes, String(next))
        case "garbage": put(madeBytes(seed: 1, count: 5_000), String(next))
        case "older under the newest name": put(try #require(contents(manifest(1))), String(next))
        default: put(bytes, newest + "x")
        }
        try comesBack(naming: newest.split(separator: "/").suffix(4).dropLast().joined(separator: "/"))
    }

    @Test func amissingManifestIsNamed() throws {
        _ = run("/bin/rm", manifest(1))
        try comesBack(naming: "missing")
    }

    /// A21, A35: a member that may read, or only push, signs the newest manifest.
    @Test(arguments: [MemberRole.reader, .backup])
    func aMemberThatMayNotBackUpIsNamed(_ role: MemberRole) throws {
        let keys = try member(role)
        try MemberKeys(identity: keys.identity, roster: keys.roster).addManifest(to: bucket.path)
        try comesBack(naming: "role (\(role.name)) makes no backups")
    }

    /// The twin: a writer's manifest counts, and then a person has to choose.
    @Test func aWriterThatMayIsAChoice() throws {
        let keys = try member(.writer)
        try keys.addManifest(to: bucket.path)
        let error = #expect(throws: BackupError.self) { try bucket.recover() }
        #expect(error?.code == .ambiguous)
        #expect(try !Files.exists(bucket.target.path))
        try comesBack(naming: nil, writer: living.keys.device.description)
    }

    /// A19, A38: who was removed signs a newest manifest under the roster that it still knows.
    @Test func aRemovedMembersLaterManifestIsNamed() throws {
        let keys = try member(.writer)
        let first = try keys.addManifest(to: bucket.path)
        let pin = Pin(incarnation: 0, kind: .manifests, stream: 0, sequence: 1, hash: first.hash)
        let removed = try KeyRing.removeMember(
            keys.publicKeys.id, pins: [pin], in: living.home.keysDirectory, keys: opened(), time: 2)
        try keys.addManifest(to: bucket.path, after: first)
        // Nobody knows of the removal before a manifest that does is there.
        #expect(throws: BackupError.self) { try bucket.recover() }
        let vault = try Vault.open(home: living.home, keys: removed)
        _ = try VaultBackups(home: living.home, keys: removed).create(vault, time: 4)
        try vault.close()
        try comesBack(naming: "after it was removed", writer: living.keys.device.description)
        // And it stays removed, whichever backup is taken.
        let after = try KeyRing.open(in: bucket.target.keysDirectory, with: LivingHome.secret(9))
        #expect(after.roster.former.map(\.id) == [keys.publicKeys.id])
        #expect(after.roster.member(keys.publicKeys.id) == nil)
        let finding = try bucket.recover(into: "once more")
        #expect(finding.writers.first { $0.isFormer }?.sequence == 1)
    }

    /// A removed admin goes on from before its removal, and the store shows that chain too.
    @Test func aForkWaitsForAPerson() throws {
        let keys = try member(.admin)
        let forged = try KeyRing.copy(opened(), to: living.scratch.directory("fork"), time: 2)
        let removed = try KeyRing.removeMember(
            keys.publicKeys.id, pins: [], in: living.home.keysDirectory, keys: opened(), time: 2)
        try MemberKeys(identity: keys.identity, roster: forged.roster).addManifest(to: bucket.path)
        let vault = try Vault.open(home: living.home, keys: removed)
        _ = try VaultBackups(home: living.home, keys: removed).create(vault, time: 4)
        try vault.close()
        let error = #expect(throws: KeyError.self) { try bucket.recover() }
        #expect(error?.code == .integrityFailure && error?.message.contains("forked") == true)
        #expect(try !Files.exists(bucket.target.path))
        let report = try bucket.recover(chain: removed.roster.headText)
        #expect(report.finding.problems.contains { $0.reason.contains("fork") })
        #expect(report.keys.roster.extends(removed.roster))
    }

    private func opened() throws -> UnlockedKeys {
        try KeyRing.open(in: living.home.keysDirectory, with: LivingHome.secret())
    }

    /// A second device, known to a backup of the first.
    private func member(_ role: MemberRole) throws -> MemberKeys {
        let identity = try HandMadeIdentity()
        let publicKeys = PublicKeys(
            signing: identity.signing.publicKey, agreement: identity.agreement.publicKey)
        let keys = try KeyRing.addMember(
            publicKeys, as: role, name: "second", in: living.home.keysDirectory, keys: opened(), time: 2)
        let vault = try Vault.open(home: living.home, keys: keys)
        _ = try VaultBackups(home: living.home, keys: keys).create(vault, time: 2)
        try vault.close()
        return MemberKeys(identity: identity, roster: keys.roster)
    }
}

extension RecoveryBucket {
    /// What the store shows, without restoring anything.
    func recover(into name: String) throws -> RecoveryFinding {
        struct Seen: Error { let finding: RecoveryFinding }
        do {
            _ = try VaultRecovery(directory: path, into: home(name)).run(
                with: .code(living.code), time: 3, decide: { throw Seen(finding: $0) })
        } catch let seen as Seen {
            return seen.finding
        }
        throw BackupError(.failed, "nothing was shown")
    }
}
