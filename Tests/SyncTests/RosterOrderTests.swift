import KeyRing
import ObjectStorage
import Sync
import Testing
import Vault

/// The remote orders the roster: what was made elsewhere meanwhile comes first, and nobody needs help.
struct RosterOrderTests {
    private let scene: SyncScene

    init() throws { scene = try SyncScene() }

    /// Both have changed the members while they did not talk.
    private func parted() throws -> (SyncDevice, SyncDevice) {
        let first = try scene.firstDevice().0
        let second = try scene.join("second", by: first)
        try first.rename("laptop")
        try first.change { try KeyRing.newRecoveryCode(in: $0, keys: $1, time: 3).keys }
        try first.makeTasks(["one"])
        try second.rename("desk")
        try second.makeTasks(["two"])
        return (first, second)
    }

    @Test func recordsOfTwoDevicesFindTheirOrder() throws {
        let (first, second) = try parted()
        #expect(first.keys.hasWaitingEpoch && first.keys.currentEpoch == 1)
        try second.sync()
        let report = try first.sync()
        #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
        #expect(report.notices.count == 1 && report.notices[0].contains("key recovery"), "\(report.notices)")
        #expect(try first.vault.read { try $0.logs() }.contains { $0.message == report.notices[0] })
        #expect(!first.keys.hasWaitingEpoch && first.keys.currentEpoch == 2)
        try first.makeTasks(["three"])
        try first.sync()
        #expect(try second.sync().alarms.isEmpty)
        try first.sync()
        #expect(second.keys.roster.chain == first.keys.roster.chain)
        #expect(second.keys.currentEpoch == 2)
        #expect(try first.names() == ["laptop", "desk"] && second.names() == first.names())
        #expect(try first.titles() == ["one", "three", "two"] && second.titles() == first.titles())
        #expect(try first.root() == second.root())
    }

    /// A kill after the ring was written and before the database was: the next round goes on.
    @Test func aKillBetweenKeysAndDatabaseIsMadeGood() throws {
        let (first, second) = try parted()
        try second.sync()
        let tail = Array(second.keys.roster.chain.dropFirst(2))
        try first.change {
            try KeyRing.rebase(onto: tail, from: 2, in: $0, keys: $1, time: 4).keys
        }
        let report = try first.sync()
        #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
        try second.sync()
        #expect(second.keys.roster.chain == first.keys.roster.chain)
        #expect(try first.titles() == ["one", "two"])
        #expect(!first.keys.hasWaitingEpoch)
    }

    /// The twin: who lies about a record gains nothing, and the honest one is taken afterwards.
    @Test func aForgedRecordIsNotMadeRoomFor() throws {
        let (first, second) = try parted()
        try second.sync()
        let name = SyncName.record(2).objectName(vault: first.keys.vaultID)
        let honest = second.keys.roster.chain[2]
        var forged = honest
        forged[forged.count - 1] ^= 1
        _ = try scene.remote.put(name, .bytes(forged), .none)
        let chain = first.keys.roster.chain
        let report = try first.sync()
        #expect(report.alarms.map(\.kind) == [.rosterInvalid])
        #expect(report.pushedSegments == 0 && first.keys.roster.chain == chain)
        _ = try scene.remote.put(name, .bytes(honest), .none)
        #expect(try first.sync().failure == nil)
        #expect(first.keys.roster.extends(second.keys.roster))
    }
}
