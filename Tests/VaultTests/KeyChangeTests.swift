import EncryptedSQLite
import FileSystem
import Foundation
import KeyRing
import TestSupport
import Testing
import Vault

/// Keys that change while other processes have the vault open.
@Suite(.serialized) struct KeyChangeTests {
    /// A home with key files `key` and `key2`, and a third slot to be taken out.
    private struct Scene {
        let made: VaultHome
        let agent: KeyAgentClient
        let socket: String
        var keys: UnlockedKeys

        init() throws {
            made = try VaultHome()
            keys = try made.keys()
            socket = made.directory("agent.sock")
            agent = KeyAgentClient(path: socket)
            for name in ["key2", "key3"] {
                keys = try KeyRing.addSlot(
                    KeyFile.create(made.directory(name)), in: made.home.keysDirectory, keys: keys, time: 2)
            }
        }

        func startAgent() {
            let (keys, path) = (keys, socket)
            let listening = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                do {
                    try KeyAgent.serve(
                        keys, at: path, lifetime: .standard, now: { 1 }, peer: { _ in getuid() },
                        isListening: { _ = listening.signal() })
                } catch { Issue.record(error) }
            }
            listening.wait()
        }

        func worker(_ name: String, _ kind: String, _ path: String) throws -> WorkerProcess {
            try WorkerProcess(["vault-follow", made.root, name, kind, path])
        }

        mutating func removeSlot(_ name: String) throws {
            let secret = try KeyFile.read(made.directory(name))
            let opened = try KeyRing.open(in: made.home.keysDirectory, with: secret)
            let old = keys
            keys = try KeyRing.removeSlot(
                #require(opened.openedSlot), in: made.home.keysDirectory, keys: keys, time: 3)
            try agent.replaceRoot(from: old, to: keys)
        }

        func stop() throws { try Durable.replace(made.directory("stop"), with: []) }
    }

    /// Waits until a worker has gone a round under an epoch; false when it ended before.
    private func reaches(_ epoch: UInt32, _ worker: WorkerProcess) -> Bool {
        let wanted = "epoch \(epoch)"
        return worker.lines { $0.contains { $0 == wanted } }.contains { $0 == wanted }
    }

    @Test func whoHasTheVaultOpenGoesOnUnderTheNewKeys() throws {
        var scene = try Scene()
        scene.startAgent()
        let workers = try [
            scene.worker("a", "key", scene.made.directory("key")),
            scene.worker("b", "key", scene.made.directory("key")),
            scene.worker("c", "agent", scene.socket),
        ]
        for worker in workers { #expect(reaches(1, worker)) }
        try scene.removeSlot("key3")
        #expect(scene.keys.currentEpoch == 2)
        for worker in workers { #expect(reaches(2, worker)) }
        let old = scene.keys
        scene.keys =
            try KeyRing.newRecoveryCode(in: scene.made.home.keysDirectory, keys: old, time: 4).keys
        try scene.agent.replaceRoot(from: old, to: scene.keys)
        for worker in workers { #expect(reaches(scene.keys.currentEpoch, worker)) }
        try scene.stop()
        for worker in workers {
            #expect(worker.lines().last == "closed")
            #expect(worker.wait() == 0)
        }
        let vault = try scene.made.open()
        #expect(try vault.database.verify().isIntact)
        #expect(try vault.verifyDocuments().failures.isEmpty)
        try vault.close()
        try scene.agent.lock()
    }

    @Test func whoWasOpenedByARemovedSlotSaysLocked() throws {
        var scene = try Scene()
        let removed = try scene.worker("a", "key", scene.made.directory("key2"))
        let kept = try scene.worker("b", "key", scene.made.directory("key"))
        for worker in [removed, kept] { #expect(reaches(1, worker)) }
        try scene.removeSlot("key2")
        #expect(reaches(2, kept))
        #expect(removed.lines().suffix(2) == ["locked", "closed"])
        #expect(removed.wait() == 0)
        // What it had acknowledged is there, and the other goes on.
        try scene.stop()
        #expect(kept.lines().last == "closed")
        let vault = try scene.made.open()
        #expect(try vault.database.verify().isIntact)
        let rounds = removed.lines().count { $0.hasPrefix("epoch") }
        let own = try vault.read { try $0.tasks(TaskFilter()).items.count { $0.title.hasPrefix("a ") } }
        #expect(own >= rounds)
        try vault.close()
    }

    @Test func aLockedAgentEndsWhoItUnlocked() throws {
        var scene = try Scene()
        scene.startAgent()
        let worker = try scene.worker("a", "agent", scene.socket)
        #expect(reaches(1, worker))
        try scene.agent.lock()
        try scene.removeSlot("key3")
        #expect(worker.lines().suffix(2) == ["locked", "closed"])
    }

    @Test func anOldRingThatIsPutBackIsRollbackToWhoHasTheVaultOpen() throws {
        let scene = try Scene()
        let directory = scene.made.home.keysDirectory
        let vault = try scene.made.open()
        let old = try ["ring.a", "ring.b"].map { try Files.readAll("\(directory)/\($0)", limit: 1 << 20) }
        _ = try KeyRing.repair(in: directory, keys: scene.keys, time: 5)
        try vault.write { try $0.createTask(TaskDraft(title: "under the new ring")) }
        for (name, bytes) in zip(["ring.a", "ring.b"], old) {
            try Durable.replace("\(directory)/\(name)", with: bytes)
        }
        #expect(throws: (any Error).self) {
            try vault.write { try $0.createTask(TaskDraft(title: "under the old one")) }
        }
        // The twin: with the newer ring back it writes again.
        _ = try KeyRing.repair(in: directory, keys: scene.made.keys(), time: 6)
        try vault.write { try $0.createTask(TaskDraft(title: "again")) }
        try vault.close()
    }
}
