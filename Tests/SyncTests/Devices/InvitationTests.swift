import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Inviting a device and joining, as both sides see it.
struct InvitationTests {
    private let scene: InvitationScene

    init() throws { scene = try InvitationScene() }

    private func expect(
        _ code: SyncError.Code, at place: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) {
        let error = #expect(throws: SyncError.self, sourceLocation: place) { try body() }
        #expect(error?.code == code, sourceLocation: place)
    }

    private func state(_ joining: Joining, after milliseconds: UInt64 = 0) throws -> String {
        switch try joining.look(in: scene.store, time: scene.time + milliseconds) {
        case .approved: "approved"
        case .waiting: "waiting"
        case .missing: "missing"
        case .expired: "expired"
        }
    }

    @Test func aDeviceThatWasInvitedBecomesAMember() throws {
        let token = try scene.invite(.admin)
        let joining = try scene.begin("desk", token)
        #expect(try state(joining) == "missing")
        try joining.ask(in: scene.store)
        #expect(try state(joining) == "waiting")
        let request = try #require(try scene.look().requests.first)
        #expect(request.name == "desk" && request.keys.id == joining.identity.device)
        #expect(request.invitation.role == .admin && !request.invitation.isAutomatic)
        try scene.approve(request)
        guard case .approved(let roster) = try joining.look(in: scene.store, time: scene.time) else {
            Issue.record("it was not let in")
            return
        }
        let made = try joining.finish(roster, secret: scene.secret("desk"), time: scene.time)
        #expect(made.keys.roster.chain == scene.keys.roster.chain && made.keys.epochs == scene.keys.epochs)
        try made.vault.write { try $0.setSetting("probe", "written") }
        try made.vault.close()
        try joining.forget()
        let home = scene.home("desk")
        #expect(try home.exists() && !JoiningIdentity.exists(in: home.keysDirectory))
        // Nothing of the invitation is left anywhere.
        #expect(try scene.store.list(prefix: "sync/v1/j/", after: nil, limit: 10).objects.isEmpty)
        #expect(try scene.look().waiting == 0)
    }

    @Test func aTokenReadsBackHoweverItIsTyped() throws {
        let token = try scene.invite()
        let text = token.reveal()
        let typed = text.uppercased().enumerated().map { $0 % 5 == 4 ? "\($1)-\n " : "\($1)" }.joined()
        for form in [text, typed, text.replacing("0", with: "o").replacing("1", with: "L")] {
            let read = try InviteToken(form)
            #expect(try read.tag() == token.tag() && read.vaultID == token.vaultID)
            #expect(read.head == token.head && read.hint == "file:///bucket" && read.reveal() == text)
        }
        #expect("\(token)" == "invitation")
        for place in stride(from: 0, to: text.count, by: 3) {
            var letters = Array(text)
            letters[place] = letters[place] == "7" ? "8" : "7"
            #expect(throws: KeyError.self) { try InviteToken(String(letters)) }
            #expect(throws: KeyError.self) { try InviteToken(String(letters.prefix(place))) }
        }
    }

    @Test func anInterruptedJoinGoesOnWithTheSameRequest() throws {
        let token = try scene.invite()
        try scene.begin("desk", token).ask(in: scene.store)
        let first = try scene.store.read(scene.place(of: token), limit: 1000)
        let resumed = try Joining.resume(in: scene.home("desk"), secret: scene.secret("desk"))
        #expect(try resumed.isBy(token) && resumed.remote == "file:///bucket")
        try resumed.ask(in: scene.store)
        #expect(try scene.store.list(prefix: "sync/v1/j/", after: nil, limit: 10).objects.count == 1)
        #expect(try scene.store.read(scene.place(of: token), limit: 1000) == first)
        try scene.approve(#require(try scene.look().requests.first))
        guard case .approved(let roster) = try resumed.look(in: scene.store, time: scene.time) else {
            Issue.record("it was not let in")
            return
        }
        // Killed after the ring, and again after the database.
        for _ in 0..<2 {
            try resumed.finish(roster, secret: scene.secret("desk"), time: scene.time).vault.close()
        }
        #expect(try scene.home("desk").exists())
    }

    @Test func onlyWritersAndReadersAreLetInWithoutAWord() throws {
        for role in [MemberRole.owner, .admin] {
            expect(.guardNeeded) { _ = try scene.invite(role, isAutomatic: true) }
        }
        expect(.guardNeeded) { _ = try scene.invite(.backup) }
        let joining = try scene.begin("desk", try scene.invite(.reader, isAutomatic: true))
        let other = try scene.begin("phone", try scene.invite(.owner))
        try joining.ask(in: scene.store)
        try other.ask(in: scene.store)
        let done = try scene.invitations.approveAutomatic(keys: scene.keys, time: scene.time)
        #expect(done.approved.map(\.name) == ["desk"] && done.look.requests.map(\.name) == ["phone"])
        #expect(done.keys.roster.member(joining.identity.device)?.role == .reader)
        #expect(try state(joining) == "approved" && state(other) == "waiting")
    }

    @Test func whoMayNotInviteDoesNot() throws {
        let writer = try scene.begin("desk", try scene.invite(.writer))
        try writer.ask(in: scene.store)
        try scene.approve(#require(try scene.look().requests.first))
        guard case .approved(let roster) = try writer.look(in: scene.store, time: scene.time) else { return }
        let made = try writer.finish(roster, secret: scene.secret("desk"), time: scene.time)
        defer { do { try made.vault.close() } catch { Issue.record(error) } }
        let invitations = Invitations(home: scene.home("desk"), vault: made.vault, store: scene.store)
        expect(.guardNeeded) {
            _ = try invitations.invite(
                as: .reader, isAutomatic: false, hint: "", keys: made.keys, time: scene.time)
        }
    }

    @Test func theRemoteGetsTheRecordsThatItLacksAndNoOthers() throws {
        let remote = RemoteRoster(scene.store)
        #expect(try remote.publish(scene.keys.roster) == 1 && remote.publish(scene.keys.roster) == 0)
        scene.keys = try KeyRing.reincarnate(
            in: scene.owner.home.keysDirectory, keys: scene.keys, time: scene.time)
        let older = try remote.read(of: scene.keys.vaultID)
        #expect(try remote.publish(scene.keys.roster) == 1)
        #expect(try remote.read(of: scene.keys.vaultID).chain == scene.keys.roster.chain)
        expect(.conflict) { _ = try remote.publish(older) }
        let foreign = try InvitationScene().keys.roster
        expect(.integrityFailure) { _ = try remote.publish(foreign) }
    }
}
