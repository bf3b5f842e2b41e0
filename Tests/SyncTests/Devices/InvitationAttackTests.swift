import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// A2, A3 and what can be done with a token: each beside the honest run, which goes the other way.
struct InvitationAttackTests {
    private let scene: InvitationScene

    init() throws { scene = try InvitationScene() }

    private func refuses(
        _ code: KeyError.Code, at place: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) {
        let error = #expect(throws: KeyError.self, sourceLocation: place) { try body() }
        #expect(error?.code == code, sourceLocation: place)
    }

    /// The storage's own request around a proof that it has seen, with a signature that is right.
    private func forged(from honest: [UInt8]) throws -> [UInt8] {
        let thief = try JoiningIdentity.random()
        var bytes = honest
        bytes.replaceSubrange(8..<72, with: thief.publicKeys.signing + thief.publicKeys.agreement)
        let signed = Array(bytes.dropLast(64))
        let message = scene.keys.vaultID.bytes + signed
        return signed + (try thief.sign(message, domain: "ai-team/join/v1"))
    }

    // A2
    @Test func keysThatTheStoragePutsInPlaceOfTheDevicesAreRefused() throws {
        let token = try scene.invite(isAutomatic: true)
        let joining = try scene.begin("desk", token)
        try joining.ask(in: scene.store)
        let honest = try scene.store.read(scene.place(of: token), limit: 1000)
        try scene.replace(scene.place(of: token), forged(from: honest))
        let done = try scene.invitations.approveAutomatic(keys: scene.keys, time: scene.time)
        #expect(done.approved.isEmpty && done.look.rejected.count == 1 && done.look.waiting == 1)
        #expect(done.look.rejected.first?.code == .integrityFailure)
        #expect(done.keys.roster.members.count == 1)
        // The twin: what the device had put.
        try scene.replace(scene.place(of: token), honest)
        #expect(try scene.look().requests.map(\.keys) == [joining.identity.publicKeys])
    }

    // A2, A26: no byte of a request is free, and possession is proven.
    @Test func noByteOfARequestCanBeChanged() throws {
        let token = try scene.invite()
        try scene.begin("desk", token).ask(in: scene.store)
        let honest = try scene.store.read(scene.place(of: token), limit: 1000)
        #expect(try JoinRequest(honest, for: token).name(for: token) == "desk")
        for place in honest.indices {
            var changed = honest
            changed[place] ^= 1
            #expect(throws: SyncError.self, "byte \(place)") { try JoinRequest(changed, for: token) }
        }
        #expect(throws: SyncError.self) { try JoinRequest(Array(honest.dropLast()), for: token) }
        #expect(throws: SyncError.self) { try JoinRequest(honest + [0], for: token) }
        let other = try scene.invite()
        #expect(throws: SyncError.self) { try JoinRequest(honest, for: other) }
    }

    // A3
    @Test func anotherVaultIsRefusedBeforeAnythingLeaves() throws {
        let token = try scene.invite()
        let foreign = try InvitationScene()
        _ = try foreign.invite()
        let joining = try scene.begin("desk", token)
        refuses(.integrityFailure) { try Joining.requireVault(of: token, in: foreign.store) }
        refuses(.integrityFailure) { try joining.ask(in: foreign.store) }
        refuses(.integrityFailure) { _ = try joining.look(in: foreign.store, time: scene.time) }
        #expect(try foreign.store.list(prefix: "sync/v1/j/", after: nil, limit: 10).objects.isEmpty)
        refuses(.notFound) {
            try joining.ask(in: DirectoryStore(scene.owner.directory("nothing")))
        }
        try joining.ask(in: scene.store)
    }

    // A3
    @Test func anOlderStateThanTheInvitersIsRefused() throws {
        scene.keys = try KeyRing.reincarnate(
            in: scene.owner.home.keysDirectory, keys: scene.keys, time: scene.time)
        let token = try scene.invite()
        let joining = try scene.begin("desk", token)
        let name = try #require(ObjectName("sync/v1/r/0000000000000001"))
        let record = try scene.store.read(name, limit: 1 << 20)
        try scene.store.delete(name)
        refuses(.integrityFailure) { try joining.ask(in: scene.store) }
        var changed = record
        changed[record.count - 1] ^= 1
        try scene.replace(name, changed)
        refuses(.invalidRoster) { try joining.ask(in: scene.store) }
        try scene.replace(name, record)
        try joining.ask(in: scene.store)
    }

    // A1, A3: what lets the device in is signed as a whole.
    @Test func aChangedOrWithheldAdmissionMakesNoRing() throws {
        let token = try scene.invite()
        let joining = try scene.begin("desk", token)
        try joining.ask(in: scene.store)
        try scene.approve(#require(try scene.look().requests.first))
        let name = try #require(ObjectName("sync/v1/r/0000000000000001"))
        let record = try scene.store.read(name, limit: 1 << 20)
        try scene.store.delete(name)
        guard case .missing = try joining.look(in: scene.store, time: scene.time) else {
            Issue.record("a withheld record lets nobody in")
            return
        }
        for place in [170, 250, record.count - 200, record.count - 100] {
            var changed = record
            changed[place] ^= 1
            try scene.replace(name, changed)
            refuses(.invalidRoster) { _ = try joining.look(in: scene.store, time: scene.time) }
        }
        try scene.replace(name, record)
        guard case .approved = try joining.look(in: scene.store, time: scene.time) else {
            Issue.record("the honest record lets it in")
            return
        }
    }

    @Test func twoDevicesWithOneTokenCancelIt() throws {
        let token = try scene.invite(isAutomatic: true)
        let (desk, thief) = (try scene.begin("desk", token), try scene.begin("thief", token))
        try desk.ask(in: scene.store)
        let error = #expect(throws: SyncError.self) { try thief.ask(in: scene.store) }
        #expect(error?.code == .integrityFailure)
        let done = try scene.invitations.approveAutomatic(keys: scene.keys, time: scene.time)
        #expect(done.approved.isEmpty && done.look.cancelled == 1 && done.look.requests.isEmpty)
        #expect(try scene.look().cancelled == 0 && scene.look().waiting == 0)
        guard case .missing = try desk.look(in: scene.store, time: scene.time) else {
            Issue.record("the request is gone")
            return
        }
    }

    /// The second hides the first, after the inviter has seen it.
    @Test func aRequestThatTakesAnothersPlaceCancelsTheInvitation() throws {
        let token = try scene.invite()
        try scene.begin("desk", token).ask(in: scene.store)
        #expect(try scene.look().requests.count == 1 && scene.look().requests.count == 1)
        try scene.store.delete(scene.place(of: token))
        try scene.begin("thief", token).ask(in: scene.store)
        let look = try scene.look()
        #expect(look.cancelled == 1 && look.requests.isEmpty)
    }

    @Test func rubbishInThePlaceOfARequestKeepsNobodyOut() throws {
        let token = try scene.invite()
        try scene.replace(scene.place(of: token), [UInt8](repeating: 3, count: 5000))
        let joining = try scene.begin("desk", token)
        try joining.ask(in: scene.store)
        let look = try scene.look()
        #expect(look.requests.map(\.name) == ["desk"] && look.rejected.count == 1)
        try scene.approve(#require(look.requests.first))
        guard case .approved = try joining.look(in: scene.store, time: scene.time) else {
            Issue.record("it was not let in")
            return
        }
    }

    @Test func anExpiredTokenLetsNobodyIn() throws {
        let token = try scene.invite(isAutomatic: true)
        let joining = try scene.begin("desk", token)
        try joining.ask(in: scene.store)
        let lifetime = OpenInvitation.lifetime
        let request = try #require(try scene.look(after: lifetime - 1).requests.first)
        let late = #expect(throws: SyncError.self) {
            try scene.invitations.approve(request, keys: scene.keys, time: scene.time + lifetime)
        }
        #expect(late?.code == .conflict)
        _ = try scene.invite(isAutomatic: true)
        let look = try scene.look(after: lifetime)
        #expect(look.expired == 1 && look.requests.isEmpty)
        #expect(try scene.keys.roster.members.count == 1 && scene.look().waiting == 0)
        guard case .expired = try joining.look(in: scene.store, time: scene.time + lifetime) else {
            Issue.record("the device sees that its time is over")
            return
        }
    }

    @Test func aUsedTokenLetsNobodyElseIn() throws {
        let token = try scene.invite(isAutomatic: true)
        try scene.begin("desk", token).ask(in: scene.store)
        let request = try scene.store.read(scene.place(of: token), limit: 1000)
        scene.keys = try scene.invitations.approveAutomatic(keys: scene.keys, time: scene.time).keys
        #expect(scene.keys.roster.members.count == 2)
        // Put again by the storage, or made anew by who found the token.
        try scene.replace(scene.place(of: token), request)
        try scene.begin("thief", token).put(in: scene.store, at: scene.place(of: token, second: true))
        let done = try scene.invitations.approveAutomatic(keys: scene.keys, time: scene.time)
        #expect(done.approved.isEmpty && done.look.requests.isEmpty && done.keys.roster.members.count == 2)
        // Not even by an admin who is made to believe it.
        refuses(.invalidRoster) {
            _ = try KeyRing.addMember(
                JoiningIdentity.random().publicKeys, as: .writer, name: "thief", inviteTag: token.tag(),
                in: scene.owner.home.keysDirectory, keys: scene.keys, time: scene.time)
        }
    }

    /// A crash after the record is in the home: the next look puts it in the remote and clears up.
    @Test func anAdmissionThatWasCutOffIsFinishedByTheNextLook() throws {
        let token = try scene.invite()
        let joining = try scene.begin("desk", token)
        try joining.ask(in: scene.store)
        let request = try #require(try scene.look().requests.first)
        scene.keys = try KeyRing.addMember(
            request.keys, as: .writer, name: request.name, inviteTag: token.tag(),
            in: scene.owner.home.keysDirectory, keys: scene.keys, time: scene.time)
        guard case .waiting = try joining.look(in: scene.store, time: scene.time) else {
            Issue.record("the remote does not know yet")
            return
        }
        #expect(try scene.look().requests.isEmpty)
        guard case .approved = try joining.look(in: scene.store, time: scene.time) else {
            Issue.record("the remote knows")
            return
        }
        #expect(try scene.store.list(prefix: "sync/v1/j/", after: nil, limit: 10).objects.isEmpty)
    }

    /// A28: names and tokens are nowhere in what the storage sees.
    @Test func theStorageSeesNoNameAndNoToken() throws {
        let token = try scene.invite()
        try scene.begin("KANARIENVOGEL", token).ask(in: scene.store)
        try scene.approve(#require(try scene.look().requests.first))
        let second = try scene.invite()
        try scene.begin("NACHTIGALL", second).ask(in: scene.store)
        let page = try scene.store.list(prefix: "", after: nil, limit: 100)
        #expect(page.objects.count == 3)
        for object in page.objects {
            let bytes = try scene.store.read(object.name, limit: 1 << 20)
            for word in ["KANARIENVOGEL", "NACHTIGALL"] {
                #expect(bytes.firstRange(of: Array(word.utf8)) == nil, "\(object.name)")
            }
            let text = token.reveal()
            for start in stride(from: 0, to: 26, by: 8) {
                let part = text.dropFirst(2 + start).prefix(8)
                #expect(!object.name.text.contains(part))
            }
        }
    }
}

extension Joining {
    /// Puts the request of this join at a place of the test's choice.
    fileprivate func put(in store: DirectoryStore, at name: ObjectName) throws {
        let scratch = try TemporaryDirectory()
        let empty = try DirectoryStore(scratch.path)
        for object in try store.list(prefix: "sync/v1/", after: nil, limit: 100).objects
        where !object.name.text.hasPrefix("sync/v1/j/") {
            _ = try empty.put(object.name, .bytes(store.read(object.name, limit: 1 << 20)), .none)
        }
        try ask(in: empty)
        let page = try empty.list(prefix: "sync/v1/j/", after: nil, limit: 10)
        let bytes = try empty.read(#require(page.objects.first?.name), limit: 1000)
        _ = try store.put(name, .bytes(bytes), .none)
    }
}
