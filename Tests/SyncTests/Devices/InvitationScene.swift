import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// A vault whose owner invites, a directory as the remote, and homes that want to join.
final class InvitationScene {
    static let time: UInt64 = 1_790_000_000_000
    let owner: VaultHome
    let vault: Vault
    var keys: UnlockedKeys
    let store: DirectoryStore
    var time: UInt64 { Self.time }

    init() throws {
        owner = try VaultHome()
        vault = try owner.open()
        keys = try owner.keys()
        store = try DirectoryStore(owner.directory("bucket"))
    }

    deinit { do { try vault.close() } catch { Issue.record(error) } }

    var invitations: Invitations { Invitations(home: owner.home, vault: vault, store: store) }

    func invite(_ role: MemberRole = .writer, isAutomatic: Bool = false) throws -> InviteToken {
        try invitations.invite(
            as: role, isAutomatic: isAutomatic, hint: "file:///bucket", keys: keys, time: time
        ).token
    }

    func look(after milliseconds: UInt64 = 0) throws -> Invitations.Look {
        try invitations.look(keys: keys, time: time + milliseconds)
    }

    func approve(_ request: Invitations.Request) throws {
        keys = try invitations.approve(request, keys: keys, time: time)
    }

    func secret(_ name: String) throws -> SlotSecret {
        let path = owner.directory(name + ".key")
        return try Files.exists(path) ? KeyFile.read(path) : KeyFile.create(path)
    }

    func home(_ name: String) -> Home { Home(path: owner.directory(name)) }

    /// A home that has begun to join; nothing has left it.
    func begin(_ name: String, _ token: InviteToken) throws -> Joining {
        let home = home(name)
        try home.makeLayout()
        return try Joining.begin(
            with: token, name: name, remote: "file:///bucket", in: home, secret: secret(name), time: time)
    }

    /// Where a request stands in the remote.
    func place(of token: InviteToken, second: Bool = false) throws -> ObjectName {
        let tag = Crockford32.encode(try token.tag())
        return try #require(ObjectName("sync/v1/j/" + tag + (second ? "-2" : "")))
    }

    func replace(_ name: ObjectName, _ bytes: [UInt8]) throws {
        _ = try store.put(name, .bytes(bytes), .none)
    }
}
