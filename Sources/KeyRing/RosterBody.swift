import Cryptography

/// What a record says, by kind.
enum RosterBody: Sendable, Hashable {
    /// The first record: the core whose hash names the vault, the first device's label, epoch 1.
    case genesis(core: GenesisCore, label: [UInt8], epoch: NewEpoch)
    /// A device joins. `box` is the current epoch sealed to it; zeros for a role that does not read.
    case add(Addition)
    /// A device leaves; what still counts of what it wrote is pinned, and the next epoch is not sealed to it.
    case remove(device: DeviceID, pins: [Pin], epoch: NewEpoch)
    /// A device may do something else from here; what it wrote in its old role is pinned.
    case role(device: DeviceID, role: MemberRole, pins: [Pin], rights: AgentRights?)
    /// A new epoch, sealed to everybody.
    case rotate(epoch: NewEpoch)
    /// The whole list of recovery pairs, and an epoch sealed to them.
    case recoveryChange(pairs: [RecoveryPair], epoch: NewEpoch)
    /// Recovery keys were used: an epoch for the device that they have just added, and themselves, alone.
    case recoveryUse(epoch: NewEpoch)
    /// A device takes new keys and keeps its id.
    case rekey(device: DeviceID, keys: PublicKeys, epoch: NewEpoch)
    /// A device counts anew from here; what it wrote before is pinned.
    case reincarnate(device: DeviceID, incarnation: UInt32, pins: [Pin])
    /// A device was restored from a backup.
    case restored(device: DeviceID, from: BackupOrigin)
    /// The whole list of those outside the vault to whom backups are wrapped too.
    case recipients([BackupRecipient])
    /// A device is called otherwise from here; the name is under the newest epoch.
    case relabel(device: DeviceID, label: [UInt8], epoch: UInt32)
    /// Nothing new counts that is under this epoch or an earlier one.
    case retire(through: UInt32)

    struct Addition: Sendable, Hashable {
        var keys: PublicKeys
        var role: MemberRole
        var inviteTag: [UInt8]
        var label: [UInt8]
        var epoch: UInt32
        var ephemeral: [UInt8]
        var box: [UInt8]
        /// Of an agent, and of no other.
        var rights: AgentRights?
    }

    static let labelCount = 144

    var kind: RosterRecord.Kind {
        switch self {
        case .genesis: .genesis
        case .add: .add
        case .remove: .remove
        case .role: .role
        case .rotate: .rotate
        case .recoveryChange: .recoveryChange
        case .recoveryUse: .recoveryUse
        case .rekey: .rekey
        case .reincarnate: .reincarnate
        case .restored: .restored
        case .recipients: .recipients
        case .relabel: .relabel
        case .retire: .retire
        }
    }

    /// The whole list of recovery pairs, in a record that sets it.
    var recoveryPairs: [RecoveryPair]? {
        switch self {
        case .genesis(let core, _, _): core.recovery
        case .recoveryChange(let pairs, _): pairs
        default: nil
        }
    }

    var newEpoch: NewEpoch? {
        switch self {
        case .genesis(_, _, let epoch), .remove(_, _, let epoch), .rotate(let epoch),
            .recoveryChange(_, let epoch), .recoveryUse(let epoch), .rekey(_, _, let epoch):
            epoch
        case .add, .role, .reincarnate, .restored, .recipients, .relabel, .retire: nil
        }
    }
}

extension RosterBody {
    var encoded: [UInt8] {
        var writer = CanonicalWriter()
        switch self {
        case .genesis(let core, let label, let epoch):
            writer.blob(core.encoded)
            writer.raw(label)
            epoch.encode(into: &writer)
        case .add(let add):
            add.keys.encode(into: &writer)
            writer.u8(add.role.rawValue)
            writer.raw(add.inviteTag)
            writer.raw(add.label)
            writer.u32(add.epoch)
            writer.raw(add.ephemeral)
            writer.raw(add.box)
            add.rights?.encode(into: &writer)
        case .remove(let device, let pins, let epoch):
            writer.raw(device.bytes)
            pins.encode(into: &writer)
            epoch.encode(into: &writer)
        case .role(let device, let role, let pins, let rights):
            writer.raw(device.bytes)
            writer.u8(role.rawValue)
            pins.encode(into: &writer)
            rights?.encode(into: &writer)
        case .rotate(let epoch), .recoveryUse(let epoch):
            epoch.encode(into: &writer)
        case .recoveryChange(let pairs, let epoch):
            pairs.encode(into: &writer)
            epoch.encode(into: &writer)
        case .rekey(let device, let keys, let epoch):
            writer.raw(device.bytes)
            keys.encode(into: &writer)
            epoch.encode(into: &writer)
        case .reincarnate(let device, let incarnation, let pins):
            writer.raw(device.bytes)
            writer.u32(incarnation)
            pins.encode(into: &writer)
        case .restored(let device, let from):
            writer.raw(device.bytes)
            from.encode(into: &writer)
        case .recipients(let list):
            list.encode(into: &writer)
        case .relabel(let device, let label, let epoch):
            writer.raw(device.bytes)
            writer.raw(label)
            writer.u32(epoch)
        case .retire(let epoch):
            writer.u32(epoch)
        }
        return writer.bytes
    }

    init(kind: RosterRecord.Kind, _ bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        switch kind {
        case .genesis:
            let core = try GenesisCore(reader.blob(limit: 1 << 16))
            let label = try reader.raw(RosterBody.labelCount)
            self = .genesis(core: core, label: label, epoch: try NewEpoch(from: &reader))
        case .add:
            self = .add(try Addition(from: &reader))
        case .remove:
            let device = try DeviceID(from: &reader)
            let pins = try [Pin](from: &reader)
            self = .remove(device: device, pins: pins, epoch: try NewEpoch(from: &reader))
        case .role:
            let device = try DeviceID(from: &reader)
            let role = try MemberRole(from: &reader)
            let pins = try [Pin](from: &reader)
            let rights = role == .agent ? try AgentRights(from: &reader) : nil
            self = .role(device: device, role: role, pins: pins, rights: rights)
        case .rotate:
            self = .rotate(epoch: try NewEpoch(from: &reader))
        case .recoveryUse:
            self = .recoveryUse(epoch: try NewEpoch(from: &reader))
        case .recoveryChange:
            let pairs = try [RecoveryPair](from: &reader)
            self = .recoveryChange(pairs: pairs, epoch: try NewEpoch(from: &reader))
        case .rekey:
            let device = try DeviceID(from: &reader)
            let keys = try PublicKeys(from: &reader)
            self = .rekey(device: device, keys: keys, epoch: try NewEpoch(from: &reader))
        case .reincarnate:
            let device = try DeviceID(from: &reader)
            let incarnation = try reader.u32()
            self = .reincarnate(device: device, incarnation: incarnation, pins: try [Pin](from: &reader))
        case .restored:
            let device = try DeviceID(from: &reader)
            self = .restored(device: device, from: try BackupOrigin(from: &reader))
        case .recipients:
            self = .recipients(try [BackupRecipient](from: &reader))
        case .relabel:
            let device = try DeviceID(from: &reader)
            let label = try reader.raw(RosterBody.labelCount)
            self = .relabel(device: device, label: label, epoch: try reader.u32())
        case .retire:
            self = .retire(through: try reader.u32())
        }
        try reader.expectEnd()
    }
}

extension RosterBody.Addition {
    init(from reader: inout CanonicalReader) throws(CryptoError) {
        keys = try PublicKeys(from: &reader)
        role = try MemberRole(from: &reader)
        inviteTag = try reader.raw(32)
        label = try reader.raw(RosterBody.labelCount)
        epoch = try reader.u32()
        ephemeral = try reader.raw(32)
        box = try reader.raw(48)
        rights = role == .agent ? try AgentRights(from: &reader) : nil
    }
}

extension DeviceID {
    init(from reader: inout CanonicalReader) throws(CryptoError) { bytes = try reader.raw(DeviceID.count) }
}

extension PublicKeys {
    func encode(into writer: inout CanonicalWriter) {
        writer.raw(signing)
        writer.raw(agreement)
    }

    init(from reader: inout CanonicalReader) throws(CryptoError) {
        signing = try reader.raw(32)
        agreement = try reader.raw(32)
    }
}
