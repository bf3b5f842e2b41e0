internal import Cryptography
internal import KeyRing
internal import Sync
internal import Vault

/// A roster of a simulation: a chain of records that start a vault with its devices, give devices new lives,
/// remove some, and narrow or widen what some may write.
struct ModelRoster: Membership {
    enum Record {
        case genesis([DeviceID])
        case reincarnate(Author, [Observation])
        case remove(DeviceID, [Observation], by: DeviceID)
        /// A device may not delete any more, or may again.
        case limit(DeviceID, Bool, [Observation], by: DeviceID)
        /// A new epoch alone.
        case rotate(by: DeviceID)
    }

    let vaultID: VaultID
    private(set) var records: [[UInt8]] = []
    private let genesis: [DeviceID]
    private var lives: SortedMap<DeviceID, [UInt32]> = SortedMap()
    /// Those of the devices that were removed.
    private var former: SortedMap<DeviceID, [UInt32]> = SortedMap()
    private var pins: SortedMap<Lane, Position> = SortedMap()
    private(set) var epoch: UInt32 = 1
    /// Since which record which devices may not delete, or may again.
    private var limits: SortedMap<DeviceID, [(since: UInt64, isLimited: Bool)]> = SortedMap()
    /// Lives that a limit has ended.
    private var ended: SortedMap<DeviceID, [UInt32]> = SortedMap()

    init(vaultID: VaultID, devices: [DeviceID]) {
        self.vaultID = vaultID
        genesis = devices.sorted()
        records = [Self.encode(.genesis(genesis), after: [UInt8](repeating: 0, count: 32))]
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

    func mayCheckpoint(_ device: DeviceID) -> Bool { lives[device] != nil }

    func objection(to change: RecordChange, in header: ObjectHeader) -> String? {
        let era = limits[header.lane.author.device]?.last { $0.since <= header.rosterSequence }
        return era?.isLimited == true && Self.isForbidden(change) ? "its author may not delete" : nil
    }

    /// Whether a device may not make a change as the roster stands.
    func forbids(_ change: RecordChange, by device: DeviceID) -> Bool {
        isLimited(device) && Self.isForbidden(change)
    }

    func isLimited(_ device: DeviceID) -> Bool { limits[device]?.last?.isLimited ?? false }

    private static func isForbidden(_ change: RecordChange) -> Bool {
        change.collection == Verdict.collection || change.fields.contains { $0.field >= 100 }
    }

    func mayCollect(_ device: DeviceID) -> Bool { lives[device] != nil }

    func life(of device: DeviceID) -> UInt32? { lives[device]?.last }

    func lives(of device: DeviceID) -> [UInt32] { lives[device] ?? [] }

    /// A life without pins counts as far as it goes, as in the real roster, unless its device was removed.
    func pin(of lane: Lane) -> Position? {
        if let pin = pins[lane] { return pin }
        let isEnded = ended[lane.author.device]?.contains(lane.author.incarnation) ?? false
        return isEnded || lives[lane.author.device] == nil ? .start : nil
    }

    func signingKey(for header: ObjectHeader, name: String) throws(SyncError) -> [UInt8] {
        let author = header.lane.author
        let known = lives[author.device] ?? former[author.device]
        guard known?.contains(author.incarnation) == true else {
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
        for pin in pins where self.pin(of: pin.lane) == nil { next.pins[pin.lane] = pin.position }
        return next
    }

    /// The chain without a device, of which counts what the pins say, and with a new epoch.
    func removing(_ device: DeviceID, pins: [Observation], by author: DeviceID) -> ModelRoster {
        var next = self
        next.records.append(Self.encode(.remove(device, pins, by: author), after: recordHash(sequence) ?? []))
        next.former[device] = lives[device]
        next.lives[device] = nil
        for pin in pins { next.pins[pin.lane] = pin.position }
        next.epoch += 1
        return next
    }

    /// The chain in which a device may do less, or more: its lives end where the pins say, if it is less.
    func limiting(
        _ device: DeviceID, _ isLimited: Bool, pins: [Observation], by author: DeviceID
    ) -> ModelRoster {
        var next = self
        let record = Record.limit(device, isLimited, pins, by: author)
        next.records.append(Self.encode(record, after: recordHash(sequence) ?? []))
        next.limits[device] = (limits[device] ?? []) + [(since: next.sequence, isLimited: isLimited)]
        if isLimited { next.ended[device] = lives[device] }
        for pin in pins { next.pins[pin.lane] = pin.position }
        return next
    }

    /// The chain with a new epoch.
    func rotating(by author: DeviceID) -> ModelRoster {
        var next = self
        next.records.append(Self.encode(.rotate(by: author), after: recordHash(sequence) ?? []))
        next.epoch += 1
        return next
    }

    /// The chain with a record about others; nil where it makes no sense.
    func adding(_ record: Record) -> ModelRoster? {
        switch record {
        case .genesis, .reincarnate: nil
        case .remove(let device, let pins, let author):
            lives[author] == nil || lives[device] == nil || author == device
                ? nil : removing(device, pins: pins, by: author)
        case .limit(let device, let isLimited, let pins, let author):
            lives[author] == nil || lives[device] == nil || author == device
                || self.isLimited(device) == isLimited
                ? nil : limiting(device, isLimited, pins: pins, by: author)
        case .rotate(let author): lives[author] == nil ? nil : rotating(by: author)
        }
    }

    /// The chain with a record as it came; nil when it does not follow.
    func adding(_ bytes: [UInt8]) -> ModelRoster? {
        switch Self.decode(bytes, after: recordHash(sequence) ?? []) {
        case .reincarnate(let author, let pins)?:
            lives[author.device] == nil ? nil : adding(author, pins: pins)
        case let record?: adding(record)
        case nil: nil
        }
    }

    /// This chain with the records that another has from a place on, made anew.
    ///
    /// - Returns: the chain, and whether a new life of `device` was given up, because a copy of it has begun
    ///   one in this chain.
    func remaking(_ other: ModelRoster, from sequence: UInt64, by device: DeviceID) -> (ModelRoster, Bool) {
        let isTakenOver = life(of: device) != other.cut(before: sequence).life(of: device)
        var next = self
        var givesUp = false
        for index in other.records.indices.dropFirst(Int(sequence)) {
            let before = Hash.digest(.sha256, other.records[index - 1])
            switch Self.decode(other.records[index], after: before) {
            case .reincarnate where isTakenOver: givesUp = true
            case .reincarnate(let author, let pins)?: next = next.adding(author, pins: pins)
            case let record?: next = next.adding(record) ?? next
            case nil: break
            }
        }
        return (next, givesUp)
    }

    /// The chain without its records from `sequence` on.
    func cut(before sequence: UInt64) -> ModelRoster {
        var shorter = ModelRoster(vaultID: vaultID, devices: genesis)
        for bytes in records[1..<Int(sequence)] { shorter = shorter.adding(bytes) ?? shorter }
        return shorter
    }

    private static func encode(_ record: Record, after hash: [UInt8]) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(hash)
        let author: DeviceID
        switch record {
        case .genesis(let devices):
            writer.u8(0)
            for device in devices { writer.raw(device.bytes) }
            return writer.bytes
        case .reincarnate(let life, let pins):
            author = life.device
            writer.u8(1)
            writer.raw(author.bytes)
            writer.u32(life.incarnation)
            encode(pins, into: &writer)
        case .remove(let device, let pins, let remover):
            author = remover
            writer.u8(2)
            writer.raw(author.bytes)
            writer.raw(device.bytes)
            encode(pins, into: &writer)
        case .limit(let device, let isLimited, let pins, let limiter):
            author = limiter
            writer.u8(3)
            writer.raw(author.bytes)
            writer.raw(device.bytes)
            writer.u8(isLimited ? 1 : 0)
            encode(pins, into: &writer)
        case .rotate(let rotator):
            author = rotator
            writer.u8(4)
            writer.raw(author.bytes)
        }
        return writer.bytes + signature(writer.bytes[...], by: author)
    }

    private static func encode(_ pins: [Observation], into writer: inout CanonicalWriter) {
        writer.count(pins.count)
        for pin in pins {
            writer.raw(pin.lane.author.device.bytes)
            writer.u32(pin.lane.author.incarnation)
            writer.u16(pin.lane.stream)
            writer.u64(pin.position.sequence)
            writer.raw(pin.position.hash)
        }
    }

    /// - Returns: nil for bytes that do not follow a record of that hash.
    private static func decode(_ bytes: [UInt8], after hash: [UInt8]) -> Record? {
        var reader = CanonicalReader(Array(bytes.dropLast(32)))
        do {
            guard try reader.raw(32) == hash else { return nil }
            let kind = try reader.u8()
            guard let author = DeviceID(try reader.raw(16)),
                bytes.suffix(32).elementsEqual(signature(bytes.dropLast(32), by: author))
            else { return nil }
            let record: Record
            switch kind {
            case 1:
                let life = Author(device: author, incarnation: try reader.u32())
                record = .reincarnate(life, try decodePins(&reader))
            case 2:
                guard let device = DeviceID(try reader.raw(16)) else { return nil }
                record = .remove(device, try decodePins(&reader), by: author)
            case 3:
                guard let device = DeviceID(try reader.raw(16)) else { return nil }
                let isLimited = try reader.u8() == 1
                record = .limit(device, isLimited, try decodePins(&reader), by: author)
            case 4: record = .rotate(by: author)
            default: return nil
            }
            try reader.expectEnd()
            return record
        } catch { return nil }
    }

    private static func decodePins(_ reader: inout CanonicalReader) throws -> [Observation] {
        try (0..<(try reader.count(limit: 1000))).map { _ in
            guard let device = DeviceID(try reader.raw(16)) else { throw CryptoError(.malformed, "a pin") }
            let lane = Lane(
                author: Author(device: device, incarnation: try reader.u32()), stream: try reader.u16())
            let position = Position(sequence: try reader.u64(), hash: try reader.raw(32))
            return Observation(lane: lane, position: position)
        }
    }

    private static func signature(_ bytes: ArraySlice<UInt8>, by device: DeviceID) -> [UInt8] {
        Hash.digest(.sha256, key(of: device) + bytes)
    }
}
