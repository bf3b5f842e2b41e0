internal import Cryptography
internal import KeyRing
internal import Sync
internal import Vault

/// A roster of a simulation: a chain of records that start a vault with its devices and give devices new
/// lives.
struct ModelRoster: Membership {
    enum Record {
        case genesis([DeviceID])
        case reincarnate(Author, [Observation])
    }

    let vaultID: VaultID
    private(set) var records: [[UInt8]] = []
    private var lives: SortedMap<DeviceID, [UInt32]> = SortedMap()
    private var pins: SortedMap<Lane, Position> = SortedMap()

    init(vaultID: VaultID, devices: [DeviceID]) {
        self.vaultID = vaultID
        records = [Self.encode(.genesis(devices.sorted()), after: [UInt8](repeating: 0, count: 32))]
        for device in devices { lives[device] = [0] }
    }

    var sequence: UInt64 { UInt64(records.count - 1) }
    let logRetentionDays = 90
    var authors: [Author] {
        lives.compactMap { pair in pair.value.last.map { Author(device: pair.key, incarnation: $0) } }
    }

    func record(_ sequence: UInt64) -> [UInt8]? {
        sequence < UInt64(records.count) ? records[Int(sequence)] : nil
    }

    func recordHash(_ sequence: UInt64) -> [UInt8]? { record(sequence).map { Hash.digest(.sha256, $0) } }

    func mayWrite(_ device: DeviceID) -> Bool { lives[device] != nil }

    func mayCollect(_ device: DeviceID) -> Bool { lives[device] != nil }

    func life(of device: DeviceID) -> UInt32? { lives[device]?.last }

    func lives(of device: DeviceID) -> [UInt32] { lives[device] ?? [] }

    /// A life without pins counts as far as it goes, as in the real roster.
    func pin(of lane: Lane) -> Position? { pins[lane] }

    func signingKey(for header: ObjectHeader, name: String) throws(SyncError) -> [UInt8] {
        let author = header.lane.author
        guard lives[author.device]?.contains(author.incarnation) == true else {
            throw SyncError(.integrityFailure, "\(name) is by no member")
        }
        return Self.key(of: author.device)
    }

    static func key(of device: DeviceID) -> [UInt8] { Hash.digest(.sha256, device.bytes) }

    /// The chain with a new life of a device.
    func adding(_ author: Author, pins: [Observation]) -> ModelRoster {
        var next = self
        next.records.append(Self.encode(.reincarnate(author, pins), after: recordHash(sequence) ?? []))
        next.lives[author.device]?.append(author.incarnation)
        for pin in pins { next.pins[pin.lane] = pin.position }
        return next
    }

    /// The chain with a record as it came; nil when it does not follow.
    func adding(_ bytes: [UInt8]) -> ModelRoster? {
        var reader = CanonicalReader(Array(bytes.dropLast(32)))
        do {
            guard try reader.raw(32) == recordHash(sequence), try reader.u8() == 1,
                let device = DeviceID(try reader.raw(16)),
                bytes.suffix(32).elementsEqual(Self.signature(bytes.dropLast(32), by: device))
            else { return nil }
            let author = Author(device: device, incarnation: try reader.u32())
            var pins: [Observation] = []
            for _ in 0..<(try reader.count(limit: 1000)) {
                guard let device = DeviceID(try reader.raw(16)) else { return nil }
                let lane = Lane(
                    author: Author(device: device, incarnation: try reader.u32()), stream: try reader.u16())
                let position = Position(sequence: try reader.u64(), hash: try reader.raw(32))
                pins.append(Observation(lane: lane, position: position))
            }
            try reader.expectEnd()
            return adding(author, pins: pins)
        } catch { return nil }
    }

    /// The chain without its records from `sequence` on.
    func cut(before sequence: UInt64) -> ModelRoster {
        var shorter = ModelRoster(vaultID: vaultID, devices: genesisDevices)
        for bytes in records[1..<Int(sequence)] { shorter = shorter.adding(bytes) ?? shorter }
        return shorter
    }

    private var genesisDevices: [DeviceID] { lives.keys }

    private static func encode(_ record: Record, after hash: [UInt8]) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(hash)
        switch record {
        case .genesis(let devices):
            writer.u8(0)
            for device in devices { writer.raw(device.bytes) }
        case .reincarnate(let author, let pins):
            writer.u8(1)
            writer.raw(author.device.bytes)
            writer.u32(author.incarnation)
            writer.count(pins.count)
            for pin in pins {
                writer.raw(pin.lane.author.device.bytes)
                writer.u32(pin.lane.author.incarnation)
                writer.u16(pin.lane.stream)
                writer.u64(pin.position.sequence)
                writer.raw(pin.position.hash)
            }
        }
        guard case .reincarnate(let author, _) = record else { return writer.bytes }
        return writer.bytes + signature(writer.bytes[...], by: author.device)
    }

    private static func signature(_ bytes: ArraySlice<UInt8>, by device: DeviceID) -> [UInt8] {
        Hash.digest(.sha256, key(of: device) + bytes)
    }
}
