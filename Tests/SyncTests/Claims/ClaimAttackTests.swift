import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// What stands under the name of a claim and is none, or is by nobody who may claim: it holds no task.
struct ClaimAttackTests {
    private let scene: ClaimScene
    private let first: SyncDevice
    private let second: SyncDevice

    init() throws {
        scene = try ClaimScene()
        first = scene.first
        second = scene.second
    }

    private func name(round: Int) throws -> ObjectName {
        let first = try #require(try scene.objects().first).text
        return try #require(ObjectName(first.dropLast() + "\(round)"))
    }

    private func put(_ bytes: [UInt8], round: Int) throws {
        _ = try scene.scene.remote.put(name(round: round), .bytes(bytes), .none)
    }

    private func claimed() throws -> (claim: TaskClaim, bytes: [UInt8]) {
        try scene.make(["one"])
        let claim = try #require(try first.claim("qa"))
        return (claim, try scene.scene.remote.read(name(round: 1), limit: 1 << 16))
    }

    /// A changed bit, another round's claim and plain garbage hold nothing, and are named. The twin: the
    /// honest object holds the task.
    @Test func whatIsForgedIsNamedAndHoldsNothing() throws {
        let (claim, honest) = try claimed()
        #expect(throws: SyncError.self) { try second.claim("devops") }
        var forged: [[UInt8]] = [[], [1, 2, 3], [UInt8](repeating: 0, count: 1 << 17)]
        for place in [5, 60, 75, 90, 119, 130, 200, 300, honest.count - 1] {
            var changed = honest
            changed[place] ^= 1
            forged.append(changed)
        }
        for bytes in forged {
            try put(bytes, round: 1)
            let alarms = try second.claiming { claims in
                let taken = try claims.claim(agent: "devops")
                #expect(taken?.task.id == claim.task.id)
                return claims.alarms
            }
            #expect(alarms.map(\.kind) == [.tampered])
            let lease = try #require(try second.held().first)
            _ = try second.vault.write { try $0.releaseTask(lease.task) }
            try scene.scene.remote.delete(name(round: 2))
        }
        // The claim of another round, shown as the next one.
        try put(honest, round: 1)
        try put(honest, round: 2)
        #expect(throws: SyncError.self) { try second.claim("devops") }
    }

    /// A row of garbage that does not end is an honest error, and hides no other task.
    @Test func garbageWithoutEndIsAnError() throws {
        try scene.make(["one", "two"])
        _ = try #require(try first.claim("qa"))
        for round in 1...256 { try put([1], round: round) }
        let taken = try second.claim("devops")
        #expect(taken?.task.title == "two")
        let error = #expect(throws: SyncError.self) { try second.claim("devops") }
        #expect(error?.code == .integrityFailure && error?.message.contains("256 rounds") == true)
    }

    /// A device that was removed holds nothing any more.
    @Test func aRemovedDeviceHoldsNothing() throws {
        // Of what a removed device wrote nothing counts here, so the task is another one's.
        try second.makeTasks(["one"])
        try second.sync()
        try first.sync()
        let claim = try #require(try first.claim("qa"))
        #expect(throws: SyncError.self) { try second.claim("devops") }
        try second.change {
            try KeyRing.removeMember(first.keys.device, pins: [], in: $0, keys: $1, time: 4)
        }
        try second.sync()
        let taken = try second.claiming { claims in
            let taken = try claims.claim(agent: "devops")
            #expect(claims.alarms.isEmpty)
            return taken
        }
        #expect(taken?.task.id == claim.task.id)
    }

    /// A reader claims nothing, neither by the remote nor here.
    @Test func aReaderClaimsNothing() throws {
        let reader = try scene.scene.join("reader", as: .reader, by: first)
        try scene.make(["one"])
        try reader.sync()
        let error = #expect(throws: SyncError.self) { try reader.claim("qa") }
        #expect(error?.code == .conflict)
        let local = #expect(throws: VaultError.self) { try reader.vault.claimTask(agent: "qa") }
        #expect(local?.code == .guardRefused)
        try reader.sync()
        #expect(try scene.objects().isEmpty)
    }

    /// Where the store does not honour conditions no claim goes there. The twin: where it does, one goes.
    @Test func claimsStayLocalWhereTheStoreCantReferee() throws {
        try scene.make(["one"])
        #expect(try first.vault.claimTask(agent: "qa") != nil)
        try first.sync(registrar: first.keys.device)
        #expect(try scene.objects().isEmpty)
        try first.sync()
        #expect(try scene.objects().count == 1)
    }
}
