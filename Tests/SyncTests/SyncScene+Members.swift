import FileSystem
import KeyRing
import TestSupport
import Vault

extension SyncScene {
    /// Another device, as an invitation by `inviter` lets it in. Both have synced afterwards.
    func join(
        _ name: String, as role: MemberRole = .owner, by inviter: SyncDevice,
        syncing sync: (SyncDevice) throws -> Void = { try $0.sync() }
    ) throws -> SyncDevice {
        let joining = try JoiningIdentity.random()
        try inviter.change {
            try KeyRing.addMember(joining.publicKeys, as: role, name: name, in: $0, keys: $1, time: 2)
        }
        try sync(inviter)
        let place = try TemporaryDirectory()
        let home = Home(path: place("home"))
        try home.makeLayout()
        let roster = inviter.keys.roster
        let keys = try KeyRing.join(
            in: home.keysDirectory, as: joining, roster: roster, of: roster.vaultID,
            containing: Array(roster.headHash.prefix(16)), secret: KeyFile.create(place("key")), time: 2)
        try Vault.create(home: home, keys: keys).close()
        let device = try SyncDevice(place, keys, inviter.remote)
        try sync(device)
        return device
    }

    /// A second copy of a home, as somebody makes who copies the directory.
    func copy(_ device: SyncDevice) throws -> SyncDevice {
        try device.vault.close()
        let place = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(device.directory.path, to: place("all"))
        device.vault = try Vault.open(home: device.home, keys: device.keys)
        for name in ["home", "key"] { try Durable.rename(place("all/" + name), to: place(name)) }
        let keys = try KeyRing.open(in: place("home") + "/keys", with: KeyFile.read(place("key")))
        return try SyncDevice(place, keys, device.remote)
    }
}

extension SyncDevice {
    /// Changes the keys as a command would: with the home to itself.
    func change(_ body: (String, UnlockedKeys) throws -> UnlockedKeys) throws {
        try vault.close()
        keys = try body(home.keysDirectory, keys)
        vault = try Vault.open(home: home, keys: keys)
    }

    func rename(_ name: String) throws {
        try change { try KeyRing.rename($1.device, to: name, in: $0, keys: $1, time: 3) }
    }

    /// What the members are called.
    func names() throws -> [String] { try keys.roster.members.map { try keys.label(of: $0) } }
}
