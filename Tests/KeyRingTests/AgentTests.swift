import Cryptography
import Dispatch
import FileSystem
import KeyRing
import Synchronization
import TestSupport
import Testing

/// An agent on a thread of this process, with a clock and a peer check that the test sets.
final class RunningAgent: Sendable {
    let home: Fixture
    let client: KeyAgentClient
    let path: String
    private let clock = Atomic<UInt64>(1_000_000)
    private let peer = Atomic<UInt32>(0)
    private let ended = DispatchSemaphore(value: 0)

    init(lifetime: AgentLifetime = .standard) throws {
        let home = try Fixture()
        self.home = home
        path = home.directory("agent.sock")
        client = KeyAgentClient(path: path)
        peer.store(currentUser(), ordering: .sequentiallyConsistent)
        let listening = DispatchSemaphore(value: 0)
        Thread.start { [self] in
            do {
                try KeyAgent.serve(
                    home.vault.keys, at: path, lifetime: lifetime,
                    now: { self.clock.load(ordering: .sequentiallyConsistent) },
                    peer: { _ in self.peer.load(ordering: .sequentiallyConsistent) },
                    isListening: { _ = listening.signal() })
            } catch { Issue.record(error) }
            ended.signal()
        }
        listening.wait()
    }

    func advance(seconds: UInt64) { clock.add(seconds * 1000, ordering: .sequentiallyConsistent) }
    func setPeer(_ uid: UInt32) { peer.store(uid, ordering: .sequentiallyConsistent) }
    func waitUntilEnded() { ended.wait() }

    func gives(rootOf vault: VaultID) throws -> Bool {
        guard let root = try client.rootKey(of: vault) else { return false }
        return root.count == 32
    }

    /// The root, or an error where the agent gives none.
    func root() throws -> SecretBytes {
        guard let root = try client.rootKey(of: vaultID) else { throw SocketError(code: 0) }
        return root
    }

    var vaultID: VaultID { home.vault.keys.vaultID }
}

@Suite struct AgentTests {
    @Test func theAgentGivesTheRootAndLocks() throws {
        let agent = try RunningAgent()
        let status = try #require(try agent.client.status())
        #expect(status.vaultID == agent.vaultID)
        #expect(status.remainingMilliseconds == 15 * 60 * 1000)
        let root = try agent.root()
        let keys = try KeyRing.open(in: agent.home.path, rootKey: root)
        #expect(try keys.bytes("page", 1) == agent.home.vault.keys.bytes("page", 1))
        let mode = try #require(try Files.status(agent.path)).permissions
        #expect(mode & 0o777 == 0o600)
        #expect(try agent.client.lock())
        agent.waitUntilEnded()
        #expect(try agent.client.status() == nil)
        #expect(try !agent.gives(rootOf: agent.vaultID))
        #expect(try !agent.client.lock())
        #expect(try !Files.exists(agent.path))
    }

    @Test func useProlongsAndStatusDoesNot() throws {
        let agent = try RunningAgent(lifetime: AgentLifetime(idleSeconds: 60))
        agent.advance(seconds: 50)
        _ = try agent.client.rootKey(of: agent.vaultID)
        agent.advance(seconds: 50)
        #expect(try agent.client.status()?.remainingMilliseconds == 10_000)
        agent.advance(seconds: 10)
        agent.waitUntilEnded()
        #expect(try agent.client.status() == nil)
    }

    @Test func afterTwelveHoursItEndsHoweverMuchItIsUsed() throws {
        let agent = try RunningAgent(lifetime: AgentLifetime(idleSeconds: 12 * 3600))
        for _ in 0..<11 {
            agent.advance(seconds: 3600)
            _ = try agent.client.rootKey(of: agent.vaultID)
        }
        #expect(try agent.client.status()?.remainingMilliseconds == 3_600_000)
        agent.advance(seconds: 3600)
        agent.waitUntilEnded()
        expect(.malformed) { _ = try AgentLifetime(idleSeconds: 12 * 3600 + 1) }
        expect(.malformed) { _ = try AgentLifetime(idleSeconds: 0) }
    }

    @Test func anotherUserGetsNothing() throws {
        let agent = try RunningAgent()
        agent.setPeer(currentUser() + 1)
        #expect(try agent.client.status() == nil)
        #expect(try !agent.gives(rootOf: agent.vaultID))
        #expect(try !agent.client.lock())
        // The twin: the same agent answers its own user.
        agent.setPeer(currentUser())
        #expect(try agent.client.status() != nil)
        try agent.client.lock()
        agent.waitUntilEnded()
    }

    @Test func hostileMessagesNeitherStopNorHoldUp() throws {
        let agent = try RunningAgent()
        var random = SplitMix64(seed: 7)
        for round in 0..<200 {
            var bytes = (0..<Int.random(in: 0..<400, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            // Half of them have a plausible beginning.
            if round % 2 == 0 { bytes = [0, 0, 0, UInt8(bytes.count & 127)] + Array("ATA1".utf8) + bytes }
            try sendRaw(bytes, to: agent.path)
        }
        // Peers that connect and say nothing do not keep others from being served.
        let silent = try (0..<8).map { _ in try connectRaw(agent.path) }
        #expect(try agent.client.status() != nil)
        agent.advance(seconds: 3)
        #expect(try agent.client.status() != nil)
        for descriptor in silent { closeRaw(descriptor) }
        try agent.client.lock()
        agent.waitUntilEnded()
    }

    @Test func anotherVaultIsRefusedAndANewRootIsTaken() throws {
        let agent = try RunningAgent()
        #expect(try !agent.gives(rootOf: Fixture().vault.keys.vaultID))
        let old = agent.home.vault.keys
        let more = try KeyRing.addSlot(
            Fixture.keyFile(2), in: agent.home.path, keys: old, time: Fixture.time)
        let new = try KeyRing.removeSlot(
            #require(more.slots.last).id, in: agent.home.path, keys: more, time: Fixture.time)
        let stale = try agent.root()
        expect(.locked) { _ = try KeyRing.open(in: agent.home.path, rootKey: stale.copy()) }
        try agent.client.replaceRoot(from: old, to: new)
        let root = try agent.root()
        #expect(try KeyRing.open(in: agent.home.path, rootKey: root).currentEpoch == 2)
        // Who does not know the root it holds makes it lock.
        try agent.client.replaceRoot(from: old, to: new)
        agent.waitUntilEnded()
    }

    /// What it was told of a database counts until somebody tells more, or takes it back; asking is no use.
    @Test func theAgentRemembersTheNewestStateOfTheDatabase() throws {
        let agent = try RunningAgent()
        let vault = agent.vaultID
        func state(_ counter: UInt64, _ root: UInt8 = 1) -> AgentAnchor {
            let id = [UInt8](repeating: 9, count: 16)
            return AgentAnchor(databaseID: id, counter: counter, root: [UInt8](repeating: root, count: 32))
        }
        #expect(try agent.client.anchor(of: vault) == nil)
        for told in [state(3), state(5), state(4)] { try agent.client.note(told, of: vault) }
        #expect(try agent.client.anchor(of: vault) == state(5))
        let other = try Fixture().vault.keys.vaultID
        try agent.client.note(state(8), of: other)
        try agent.client.forgetAnchor(of: other)
        #expect(try agent.client.anchor(of: vault) == state(5))
        #expect(try agent.client.anchor(of: other) == nil)
        try agent.client.forgetAnchor(of: vault)
        #expect(try agent.client.anchor(of: vault) == nil)
        try agent.client.note(state(2), of: vault)
        #expect(try agent.client.anchor(of: vault) == state(2))
        agent.advance(seconds: 15 * 60 + 1)
        #expect(try agent.client.anchor(of: vault) == nil)
        agent.waitUntilEnded()
    }

    @Test func aLongHomeListensElsewhere() throws {
        let directory = try TemporaryDirectory()
        let long = directory.path + "/" + String(repeating: "x", count: 100)
        let path = try AgentSocket.path(
            runDirectory: long, runtimeDirectory: nil, temporaryDirectory: directory.path)
        #expect(path.utf8.count <= 100)
        #expect(path.hasSuffix("/agent.sock"))
        let short = try AgentSocket.path(
            runDirectory: "/h/run", runtimeDirectory: nil, temporaryDirectory: "/tmp")
        #expect(short == "/h/run/agent.sock")
        // A directory that others can enter is refused.
        let own = try #require(Path.parent(path))
        let parent = try #require(Path.parent(own))
        openToOthers(parent)
        expect(.integrityFailure) {
            _ = try AgentSocket.path(
                runDirectory: long, runtimeDirectory: nil, temporaryDirectory: directory.path)
        }
    }
}
